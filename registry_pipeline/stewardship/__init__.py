"""What a data manager does: looking at findings, deciding, asking facilities, hearing back.

Belongs here: one function per thing that she does, used alike by the command line, the page and the workbook.
Does not belong here: arguments and exit codes (``cli/``), routes and templates (``web/``), the states of a finding and
the ledger (``validation/``).
"""
