"""The query workbook: one per facility, written for people who know their own records, and read back.

Belongs here: what stands in it, in which language, the seal of each row, reading the answers.
Does not belong here: which findings are asked (``stewardship/findings.py``), the ledger.
"""
