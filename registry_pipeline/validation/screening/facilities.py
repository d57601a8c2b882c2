"""Facilities that are screened together: what they sent under one another, and whose a row, a record or a finding is.

Belongs here: stacking staged frames, telling facilities apart in what is made of them. Does not belong here: which
facilities these are (``pipeline/groups.py``), judging.

A plan over a frame costs a quarter of a millisecond however few its rows are, and a screening has a thousand of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import polars as pl

from registry_pipeline.core.frames import Slices
from registry_pipeline.core.side_by_side import Bounds, bounds, facility_of_row, own_number, stacked

_AT_A_TIME = 1_000_000


class StagedFrames(Protocol):
    """What staging hands over (``intake`` describes the columns)."""

    @property
    def tables(self) -> Mapping[str, pl.DataFrame]: ...  # noqa: D102
    @property
    def issues(self) -> Slices: ...  # noqa: D102
    @property
    def rows(self) -> pl.DataFrame: ...  # noqa: D102
    @property
    def file_issues(self) -> pl.DataFrame: ...  # noqa: D102
    @property
    def source_columns(self) -> Mapping[tuple[str, str, str], str]: ...  # noqa: D102
    @property
    def judged(self) -> Mapping[str, int]: ...  # noqa: D102


@dataclass(frozen=True)
class Facilities:
    """The facilities whose rows stand under one another, in their order.

    Attributes:
        ids: of which none begins with another one and a hyphen, as identifiers do: else these could be alike.
    """

    ids: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.ids)

    def of_row(self, number: str) -> pl.Expr:
        """The facility of a source row, by the column of its number."""
        return facility_of_row(self.ids, number)

    @property
    def key(self) -> list[str]:
        """The column that tells records of several facilities apart; none of one alone."""
        return ["facility_id"] if len(self) > 1 else []

    @property
    def prefix(self) -> pl.Expr:
        """What identifiers of records begin with that do not begin with a pseudonym."""
        return pl.lit(f"{self.ids[0]}-") if len(self) == 1 else pl.col("facility_id") + "-"

    def bounds(self, records: pl.DataFrame) -> Bounds:
        """Where the records of each facility stand in a table."""
        return bounds(records["_origin"], len(self)) if len(self) > 1 else [(0, records.height)]


@dataclass(frozen=True)
class _Tables(Mapping[str, pl.DataFrame]):
    """The staged tables of several facilities, each stacked when it is asked for and not kept."""

    parts: Sequence[Mapping[str, pl.DataFrame]]

    def __getitem__(self, name: str) -> pl.DataFrame:
        sent = [part.get(name) for part in self.parts]
        nothing = next((frame.clear() for frame in sent if frame is not None), None)
        if nothing is None:
            raise KeyError(name)
        return stacked([nothing if frame is None else frame for frame in sent], ("_row_id", "_row_ids"))

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(name for part in self.parts for name in part))

    def __len__(self) -> int:
        return len(list(iter(self)))


@dataclass(frozen=True)
class StagedTogether:
    """What facilities sent, under one another: as :class:`StagedFrames`, of each facility what is no frame.

    Attributes:
        file_issues: with the facility of each.
    """

    facilities: Facilities
    tables: Mapping[str, pl.DataFrame]
    issues: Slices
    rows: pl.DataFrame
    file_issues: pl.DataFrame
    source_columns: Sequence[Mapping[tuple[str, str, str], str]]
    judged: Sequence[Mapping[str, int]]

    @classmethod
    def of(cls, facilities: Facilities, parts: Sequence[StagedFrames]) -> StagedTogether:
        """Stack what the facilities sent."""
        file_issues = [
            part.file_issues.with_columns(pl.lit(name).alias("facility_id"))
            for name, part in zip(facilities.ids, parts, strict=True)
        ]
        several = len(parts) > 1
        return cls(
            facilities,
            _Tables([part.tables for part in parts]) if several else parts[0].tables,
            _stacked_issues(parts) if several else parts[0].issues,
            stacked([part.rows for part in parts]),
            stacked(file_issues, ("_row_id", "_other")),
            [part.source_columns for part in parts],
            [part.judged for part in parts],
        )


def _stacked_issues(parts: Sequence[StagedFrames]) -> pl.DataFrame:
    """All issues of small facilities."""
    frames = [list(part.issues.iter_slices(_AT_A_TIME)) for part in parts]
    nothing = next((slices[0].clear() for slices in frames if slices), pl.DataFrame({"_row_id": []}))
    return stacked([pl.concat([nothing, *slices], how="diagonal_relaxed") for slices in frames])


def with_own_numbers(records: pl.DataFrame) -> pl.DataFrame:
    """Records of several facilities with the numbers that their source rows have within each."""
    changes = [own_number(pl.col("_origin")), pl.col("_row_ids").list.eval(own_number(pl.element()))]
    sources = "_item_sources"
    if sources in records.columns and records[sources].null_count() < records.height:
        own = pl.element().struct.with_fields(own_number(pl.field("row_id")))
        changes.append(pl.col(sources).list.eval(own))
    return records.with_columns(changes)
