"""Registries of any size with errors planted at known places."""
