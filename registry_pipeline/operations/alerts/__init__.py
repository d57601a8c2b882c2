"""Telling an operator what she should know without asking: refused refreshes, new errors, silence, moved numbers.

Belongs here: what there is to tell (``raised.py``), to whom (``alerts_file.py``), how (``channels.py``), once each (``tell.py``).
Does not belong here: finding the reasons; messages hold no value of a record.
"""
