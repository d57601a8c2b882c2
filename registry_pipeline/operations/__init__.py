"""What an operator does: backing a home up, restoring it, asking whether it is well, reading who did what.

Belongs here: one function per thing that an operator does, used by the command line and by Dagster alike.
Does not belong here: arguments and exit codes (``cli/``), refreshing (``pipeline/``).
"""
