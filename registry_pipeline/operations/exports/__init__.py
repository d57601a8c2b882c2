"""A release handed on in the form of a standard, each accepted by that standard's own validator.

Belongs here: one module per standard; what all of them need of a release.
Does not belong here: SQL (``sql/exports/``), arguments (``cli/export.py``), who may have what (``docs/operator.md``).
"""
