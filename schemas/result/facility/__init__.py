"""Differences between facilities."""
