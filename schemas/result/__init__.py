"""Tables of the result layer, one per file."""
