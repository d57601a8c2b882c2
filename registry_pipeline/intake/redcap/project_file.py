"""What a file is to a REDCap project.

Belongs here: the value object. Does not belong here: reading dictionaries, choosing the one in force.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from registry_pipeline.intake.redcap.dictionary import Dictionary
from registry_pipeline.intake.redcap.export import Export


@dataclass(frozen=True)
class RedcapFile:
    """What a file of a REDCap project is.

    Attributes:
        dictionary: read from the file, or in force for an export.
        before: the dictionary that this one took the place of.
        exports: number of a sheet -> the export in it; empty for a dictionary.
        had_repeats: an earlier export of the source had the columns of repeats.
        problem: why the file cannot be used; empty when it can.
    """

    dictionary: Dictionary | None = None
    before: Dictionary | None = None
    exports: Mapping[int, Export] = field(default_factory=dict)
    had_repeats: bool = False
    problem: str = ""
