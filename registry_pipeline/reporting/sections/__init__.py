"""Sections of the study report, a topic a file."""
