"""Estimates to pages and to the terminal.

Belongs here: words, figures, files. Does not belong here: estimation, validation, storage.
"""
