"""Tables of the quality layer, one per file."""
