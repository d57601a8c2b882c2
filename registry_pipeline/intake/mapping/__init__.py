"""A facility's TOML: sources, tables, columns and codes, checked."""
