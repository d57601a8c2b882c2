"""Notebooks that open a release; they need the extra ``notebook`` (marimo).

Belongs here: notebooks, each also a script. Does not belong here: estimators (``analysis/``), the command
(``cli/notebook.py``).
"""
