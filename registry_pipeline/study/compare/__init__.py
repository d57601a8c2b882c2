"""Two releases beside each other: which rows differ, and what moved each headline number.

Belongs here: comparing what two sealed releases hold. Does not belong here: findings of rules that compare releases
(``validation/registry_wide``), drawing (``cli/``, ``reporting/``).
"""
