"""What the findings of now are made of, and when it has changed.

Belongs here: reading it, cheap looks at whether it must be read anew. Does not belong here: the findings (``findings.py``).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from registry_pipeline.core.home import Home
from registry_pipeline.core.working_files import STEP_NOTE
from registry_pipeline.pipeline.context import read_context
from registry_pipeline.pipeline.findings import FindingSources, read_finding_sources
from registry_pipeline.stewardship.impact import read_impacts
from registry_pipeline.stewardship.patients import read_numbers
from registry_pipeline.store.layout import StoreLayout
from registry_pipeline.store.releases import current_release
from registry_pipeline.validation.decisions.in_force import today


@dataclass(frozen=True)
class Sources:
    """What a snapshot is made of, apart from the ledger: findings, what they can move, the patients' numbers."""

    findings: FindingSources
    impacts: pl.DataFrame
    numbers: pl.DataFrame


def read_sources(home: Home) -> Sources:
    """What a snapshot is made of; it holds until a file is judged or a release is served (:func:`source_token`)."""
    return Sources(read_finding_sources(read_context(home)), read_impacts(home), read_numbers(home))


def screened_at(home: Home) -> datetime | None:
    """When a facility was last judged."""
    times = [path.stat().st_mtime for path in _notes(home)]
    return datetime.fromtimestamp(max(times), UTC) if times else None


def state_token(home: Home) -> tuple[object, ...]:
    """Changes whenever a snapshot taken anew could differ: a cheap look at what it is made of."""
    return (today(), _changed_at(home.decisions), *source_token(home))


def source_token(home: Home) -> tuple[object, ...]:
    """Changes whenever :func:`read_sources` could differ."""
    judged = StoreLayout(home.store).table("quality.finding")
    return (current_release(home), _changed_at(judged), *screening_token(home))


def _changed_at(path: Path) -> int:
    return path.stat().st_mtime_ns if path.is_file() else 0


def screening_token(home: Home) -> tuple[object, ...]:
    """Changes whenever a facility was judged anew."""
    return tuple(path.stat().st_mtime_ns for path in _notes(home))


def _notes(home: Home) -> list[Path]:
    """What the facilities' screenings wrote down when they had finished."""
    layout = StoreLayout(home.store)
    return [
        path
        for facility_identifier in home.facility_ids()
        if (path := layout.screened(facility_identifier) / STEP_NOTE).is_file()
    ]
