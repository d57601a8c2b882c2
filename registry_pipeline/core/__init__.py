"""What every room may use: home, settings, TOML, SQL files and the helper process.

Belongs here: what more than one room needs and what knows nothing of records.
Does not belong here: parsing, validation, estimates, Dagster.
"""
