"""Tables of the meta layer, one per file."""
