"""Raw hospital exports in, sealed DuckDB releases out. The rooms are described in ARCHITECTURE.md."""
