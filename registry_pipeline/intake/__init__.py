"""Bytes to typed rows: landing, reading, a facility's mapping, staging.

Belongs here: everything from the inbox to staged frames. Does not belong here: judging records.
"""
