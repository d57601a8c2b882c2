"""Errors planted in the demonstration's exports, a source a file."""
