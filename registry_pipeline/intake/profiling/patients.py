"""Which column of a source numbers the patients.

Belongs here: by its name, by the other sources, by its values. Does not belong here: any other column.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from registry_pipeline.intake.profiling.columns import ColumnProfile
from registry_pipeline.intake.profiling.files import SourceGroup
from registry_pipeline.intake.profiling.fit import fit_id
from registry_pipeline.intake.profiling.lexicon import lexicon
from registry_pipeline.intake.profiling.words import name_score, names_person

LEAST_SCORE = 0.5
_LEAST_ROWS = 3
_LEAST_SHARED = 0.5
_MOST_EQUAL = 0.1


@dataclass(frozen=True)
class PatientColumn:
    """The column that numbers the patients of a source.

    Attributes:
        name: of the column; None where no column can.
        doubt: why it was chosen although its name does not say so; empty where the name does.
    """

    name: str | None
    doubt: str = ""


def choose_patients(groups: Sequence[SourceGroup]) -> dict[str, PatientColumn]:
    """Source -> its column of patient numbers: the one that most sources share, then the best by name, then by values."""
    scores = {group.name: patient_scores(group) for group in groups}
    n_sources = Counter(name for columns in scores.values() for name in columns)
    chosen = {}
    for group in groups:
        columns = scores[group.name]
        best = max(columns, key=lambda name: (n_sources[name], columns[name]), default=None)
        chosen[group.name] = PatientColumn(best) if best else _by_values(group, groups)
    return chosen


def patient_scores(group: SourceGroup) -> dict[str, float]:
    """Columns that can hold the patient's number -> how well the name says so."""
    names = lexicon().ids["patient_id"].names
    scores = {
        name: name_score(profile.header, names)
        for name, profile in group.columns.items()
        if fit_id(profile) is not None and not name.startswith("_")
    }
    return {name: score for name, score in scores.items() if score >= LEAST_SCORE}


def _by_values(group: SourceGroup, groups: Sequence[SourceGroup]) -> PatientColumn:
    """The column that another source has too, else the first one that could number the rows."""
    possible = _possible(group)
    elsewhere = [profile for other in groups if other is not group for profile in _possible(other)]
    for profile in possible:
        if any(_is_shared(profile, other) for other in elsewhere):
            return PatientColumn(profile.name, "stands in another file too, with many of the same values")
    for profile in possible:
        if _numbers_rows(profile):
            return PatientColumn(profile.name, "has another value in every row")
    return PatientColumn(None)


def _possible(group: SourceGroup) -> list[ColumnProfile]:
    return [
        profile
        for name, profile in group.columns.items()
        if not name.startswith("_")
        and profile.n_rows >= _LEAST_ROWS
        and profile.n_filled == profile.n_rows
        and profile.numbers.n_whole in (profile.numbers.n_read, 0)
        and fit_id(profile) is not None
        and profile.header.unit is None
        and not names_person(profile.header)
    ]


def _numbers_rows(profile: ColumnProfile) -> bool:
    return profile.n_distinct == profile.n_rows


def _is_shared(profile: ColumnProfile, other: ColumnProfile) -> bool:
    """Whether two columns of one name hold the same numbers, as often as not spelt alike; one has each number once."""
    if profile.header.tokens != other.header.tokens:
        return False
    if not any(each.n_distinct >= (1 - _MOST_EQUAL) * each.n_rows for each in (profile, other)):
        return False
    ours, theirs = _spelt_alike(profile), _spelt_alike(other)
    return len(ours & theirs) >= _LEAST_SHARED * min(len(ours), len(theirs))


def _spelt_alike(profile: ColumnProfile) -> set[str]:
    """Numbers without case, blanks and marks."""
    return {"".join(filter(str.isalnum, text.casefold())) for text in profile.filled}
