"""``analyst.duckdb``: what of a release an analyst may have.

Belongs here: what becomes of each column by its tags, of counts by the gate, what risk remains, writing the file.
Does not belong here: which counts are hidden (``reporting/release/disclosure``), who approves it
(``operations/approval.py``).
"""
