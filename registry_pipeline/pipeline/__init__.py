"""The refresh, step by step: what passes frames between the rooms.

Belongs here: one function per step (land, stage, screen, curate, mart, results, publish), each reading
from and writing to the store, and the one function that runs them all.
Does not belong here: how a step does its work (the rooms), Dagster (``defs/``).
"""
