"""A unit that has a column of its own, row by row.

Belongs here: finding that column beside a quantity. Does not belong here: units in headers (``words.py``).
"""

from __future__ import annotations

from dataclasses import replace

from registry_pipeline.intake.mapping.codes import UNIT_FACTORS
from registry_pipeline.intake.profiling.columns import ColumnProfile
from registry_pipeline.intake.profiling.files import SourceGroup
from registry_pipeline.intake.profiling.model import ColumnDraft
from registry_pipeline.intake.profiling.words import unit_named
from schemas.columns import Column

_LEAST_SHARE = 0.95
_WITH_UNITS = ("Gy", "mm")


def with_unit_column(draft: ColumnDraft, item: Column, group: SourceGroup) -> ColumnDraft:
    """The line with ``unit_from`` where the next column holds the unit of each row."""
    if item.unit not in _WITH_UNITS or "parse" in draft.keys:
        return draft
    names = list(group.columns)
    place = names.index(draft.keys["from"])
    neighbour = next(
        (name for name in names[place + 1 : place + 3] if _holds_units(group.columns[name], item)), None
    )
    if neighbour is None:
        return draft
    keys = {name: value for name, value in draft.keys.items() if name != "unit"}
    profile = group.columns[neighbour]
    evidence = f"{draft.evidence}; {profile.n_filled} rows name their unit"
    return replace(draft, keys={**keys, "unit_from": neighbour}, evidence=evidence, questions=())


def _holds_units(profile: ColumnProfile, item: Column) -> bool:
    factors = UNIT_FACTORS[item.unit or ""]
    return (
        profile.n_filled > 0
        and profile.share(profile.count(lambda text: unit_named(text) in factors)) >= _LEAST_SHARE
    )
