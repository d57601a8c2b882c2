"""One refresh on several machines: what its coordinator writes down and its workers go by.

Belongs here: the manifest of a refresh, locks and lease in the shared home, the work on a batch of facilities.
Does not belong here: who carries messages between machines (``defs/cluster/``), the steps themselves (``facility.py``).
"""
