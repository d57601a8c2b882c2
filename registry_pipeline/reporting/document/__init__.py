"""Blocks of a page, and how they become HTML, workbooks and terminal output."""
