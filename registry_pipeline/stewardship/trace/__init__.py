"""From a number to the cells it rests on: patients behind a result, their records, source rows and texts as received.

Belongs here: reading the lineage of a release and the landed rows beside it. Does not belong here: making the lineage
(``pipeline/lineage.py``), drawing (``cli/``, ``web/``).
"""
