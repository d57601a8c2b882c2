"""What this study asks of the marts: each analysis, the tables it makes, the published numbers.

Belongs here: which estimates are made of which mart, with which parameters.
Does not belong here: how an estimate is computed (``analysis/``) or shown (``reporting/``).
"""
