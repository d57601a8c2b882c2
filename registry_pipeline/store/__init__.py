"""Files and databases: working Parquet files, SQL over them, releases.

Belongs here: how rows are kept, found and served.
Does not belong here: what rows mean (``schemas/``, ``sql/``), judging them, estimating from them.
"""
