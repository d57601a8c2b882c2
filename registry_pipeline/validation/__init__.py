"""Rows become judged rows: the rule catalogue, screening, findings and their life, row accounting.

Belongs here: everything that judges. Does not belong here: reading files (``intake``), storing
(``store``), estimating (``analysis``).
"""
