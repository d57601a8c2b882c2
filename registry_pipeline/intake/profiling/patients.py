"""Which column of a source numbers the patients.

Belongs here: by its name, by the other sources, by its values. Does not belong here: any other column.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from registry_pipeline.intake.profiling.files import SourceGroup
from registry_pipeline.intake.profiling.fit import fit_id
from registry_pipeline.intake.profiling.lexicon import lexicon
from registry_pipeline.intake.profiling.words import name_score, names_person

LEAST_SCORE = 0.5
_LEAST_ROWS = 5


def choose_patients(groups: Sequence[SourceGroup]) -> dict[str, str | None]:
    """Source -> its column of patient numbers: the one that most sources share, then the best by name."""
    scores = {group.name: patient_scores(group) for group in groups}
    n_sources = Counter(name for columns in scores.values() for name in columns)
    return {
        source: max(columns, key=lambda name: (n_sources[name], columns[name]), default=None)
        for source, columns in scores.items()
    }


def patient_scores(group: SourceGroup) -> dict[str, float]:
    """Columns that can hold the patient's number -> how well the name says so."""
    names = lexicon().ids["patient_id"].names
    scores = {
        name: name_score(profile.header, names)
        for name, profile in group.columns.items()
        if fit_id(profile) is not None and not name.startswith("_")
    }
    return {name: score for name, score in scores.items() if score >= LEAST_SCORE}


def likely_patient(group: SourceGroup) -> str | None:
    """The first column that could number the rows of a source of which no header names a patient."""
    return next(
        (
            name
            for name, profile in group.columns.items()
            if not name.startswith("_")
            and profile.n_rows >= _LEAST_ROWS
            and profile.n_distinct == profile.n_filled == profile.n_rows
            and profile.numbers.n_whole in (profile.numbers.n_read, 0)
            and fit_id(profile) is not None
            and not names_person(profile.header)
        ),
        None,
    )
