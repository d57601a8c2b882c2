"""Tables of the mart layer, one per file."""
