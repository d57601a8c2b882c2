"""Real files to a first, commented mapping: what ``registry facility new`` writes.

Belongs here: looking at columns by name and by content, guessing what they feed, writing the guesses down as TOML
with their evidence and with questions. Does not belong here: applying a mapping (``stage.py``), anything that
decides about records.

A mapping leaves the house, a record does not: the text that is made here names columns, formats, counts and words
of code lists, never an identifier, a name, a date or a free text.
"""

from registry_pipeline.intake.profiling.draft import Draft, draft_mapping

__all__ = ["Draft", "draft_mapping"]
