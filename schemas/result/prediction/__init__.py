"""Absolute risk, and how well it is predicted."""
