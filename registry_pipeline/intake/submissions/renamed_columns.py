"""Columns that a source used to send: which of the new ones has most likely taken the place of one that is gone.

Belongs here: comparing the columns of a sheet with those of the submission before, by name and by what stands in
them. Does not belong here: the findings (``intake/submissions/headers.py``). Values are compared, never shown.

Two columns are alike in their names (one is a small change of the other) or in their values: the same values stand
in both, as in an export of the same patients, or values of the same form stand in both, as in one of other patients.
"""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import polars as pl

from registry_pipeline.core.home import Home
from registry_pipeline.intake.parsing.text import comparison_key
from registry_pipeline.intake.raw.store import SheetInfo, raw_rows
from registry_pipeline.intake.submissions.file_use import FileUse

SIMILAR = 0.6
"""Names or values that are less alike than this are not taken for the same column."""
_LEAD = 0.1
_SAMPLE = 2000
_FORM_WEIGHT = 0.75
_NAME_WEIGHT = 0.5


@dataclass(frozen=True)
class _Profile:
    """What stands in a column: distinct values, and how often each form (``9999-99-99``) occurs, in shares."""

    values: frozenset[str]
    forms: dict[str, float]


class Drift:
    """What the submissions before had."""

    def __init__(self, home: Home, uses: Sequence[FileUse]) -> None:
        self._home, self._uses = home, uses

    def earlier(self, use: FileUse, sheet: SheetInfo, column: str) -> tuple[FileUse, SheetInfo] | None:
        """The newest earlier sheet of the same source that had a column, and the file it is in.

        A sheet counts when it feeds the same tables: sheets of other years, not those of other contents. A column
        that another file of the same submission has is not gone.
        """
        assert use.source is not None
        number, fed = use.landed.submission_no, use.source.tables_of(sheet.sheet)
        had = [
            (other, sheet)
            for other in self._uses
            if other.source is not None and other.source.name == use.source.name
            for sheet in other.sheets
            if other.landed.submission_no <= number
            if sheet.n_rows and column in sheet.columns and use.source.tables_of(sheet.sheet) == fed
        ]
        return had[-1] if had and had[-1][0].landed.submission_no < number else None

    def likely(
        self,
        use: FileUse,
        sheet: SheetInfo,
        column: str,
        spare: Sequence[str],
        before: tuple[FileUse, SheetInfo],
    ) -> str | None:
        """The spare column that has most likely taken the place of one that is gone, or None."""
        if not spare or not sheet.n_rows:
            return None
        (old,) = self._profiles(*before, [column])
        profiles = zip(spare, self._profiles(use, sheet, spare), strict=True)
        return best_match(column, old, profiles)

    def _profiles(self, use: FileUse, sheet: SheetInfo, columns: Sequence[str]) -> list[_Profile]:
        assert use.raw is not None
        rows = raw_rows(self._home, use.raw, sheet, columns).head(_SAMPLE)
        return [profile_of(rows[name]) for name in columns]


def profile_of(column: pl.Series) -> _Profile:
    """The profile of a text column."""
    values = [value.strip() for value in column.drop_nulls().to_list() if value.strip()]
    forms = Counter(form_of(value) for value in values)
    return _Profile(frozenset(values), {form: n / len(values) for form, n in forms.items()})


def form_of(text: str) -> str:
    """The form of a text: digits as 9, runs of letters as a, at most 40 characters."""
    return re.sub(r"[^\W\d_]+", "a", re.sub(r"\d", "9", text))[:40]


def likeness(old: _Profile, new: _Profile) -> float:
    """How alike two columns' values are, 0 to 1: common values, or common forms, which weigh less."""
    if not old.values or not new.values:
        return 0.0
    common = len(old.values & new.values) / min(len(old.values), len(new.values))
    forms = sum(min(share, new.forms.get(form, 0.0)) for form, share in old.forms.items())
    return max(common, _FORM_WEIGHT * forms)


def best_match(column: str, old: _Profile, profiles: Iterable[tuple[str, _Profile]]) -> str | None:
    """The column whose name or values are alike enough, and more so than those of any other."""
    ranked = sorted(
        ((_score(column, name, likeness(old, new)), name) for name, new in profiles), reverse=True
    )
    alike = [(score, name) for score, name in ranked if score >= SIMILAR]
    if not alike or (len(alike) > 1 and alike[0][0] - alike[1][0] < _LEAD):
        return None
    return alike[0][1]


def _score(column: str, name: str, values: float) -> float:
    """The better of both likenesses, raised by a share of the other one."""
    names = difflib.SequenceMatcher(None, comparison_key(column), comparison_key(name)).ratio()
    return max(values, names) + _NAME_WEIGHT * min(values, names)
