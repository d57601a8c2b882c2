"""Tables of the curated layer, one per file."""
