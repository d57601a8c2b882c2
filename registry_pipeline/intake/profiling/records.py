"""What is thought of one source: its records, their columns, and what tells rows of several kinds apart.

Belongs here: the value objects of guessing. Does not belong here: how records are recognised (``guess.py``).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from registry_pipeline.intake.parsing.text import comparison_key
from registry_pipeline.intake.profiling.columns import ColumnProfile
from registry_pipeline.intake.profiling.files import SourceGroup
from registry_pipeline.intake.profiling.fit import Fit
from registry_pipeline.intake.profiling.lexicon import Record

_MOST_KINDS = 20
SHARED_BY_LESIONS = ("omd_episode", "imaging_exam")
"""Tables of which one record is there for several lesions of a row."""


@dataclass(frozen=True)
class Pick:
    """A column taken for an item; ``score`` is 1 for the exact name."""

    column: str
    score: float
    fit: Fit


@dataclass
class RecordGuess:
    """A record that a source has.

    Attributes:
        picks: item -> column. ids: identifier -> column of its number, where there is one.
        kinds: column and its values that tell which rows are such records, or None.
        number: that of the lesion in the headers of its columns, or None.
        rests_on: the record of the same row that it takes to be there, of which a person has to say whether it is.
    """

    record: Record
    picks: dict[str, Pick]
    ids: dict[str, str]
    kinds: tuple[str, tuple[str, ...]] | None = None
    number: int | None = None
    rests_on: RecordGuess | None = None

    @property
    def title(self) -> str:
        """The record's name, with the number of the lesion where its columns have one."""
        return self.record.name if self.number is None else f"{self.record.name} {self.number}"


@dataclass
class SourceGuess:
    """What is thought of one source.

    Attributes:
        patient: its column of patient numbers, or None: then it feeds nothing.
        by_content: columns that were recognised by their values alone.
        doubt: why the patient's column was chosen although no name says so; empty where one does.
    """

    group: SourceGroup
    patient: str | None
    records: list[RecordGuess]
    by_content: set[str] = field(default_factory=set)
    doubt: str = ""

    def mapped(self) -> set[str]:
        """Every column that some record uses."""
        columns = {pick.column for record_guess in self.records for pick in record_guess.picks.values()}
        columns |= {column for record_guess in self.records for column in record_guess.ids.values()}
        columns |= {record_guess.kinds[0] for record_guess in self.records if record_guess.kinds}
        return columns | ({self.patient} if self.patient and self.records else set())


def separate_kinds(guess: SourceGuess) -> None:
    """Find the column that says what each row is about, where rows of several kinds stand together."""
    mapped = guess.mapped()
    for name, profile in guess.group.columns.items():
        if name in mapped or not 0 < len(profile.filled) <= _MOST_KINDS:
            continue
        kinds = [_words_of(record_guess.record, profile) for record_guess in guess.records]
        if sum(map(bool, kinds)) > 1:
            for record_guess, words in zip(guess.records, kinds, strict=True):
                if words and record_guess.kinds is None:
                    record_guess.kinds = (name, words)


def _words_of(record: Record, profile: ColumnProfile) -> tuple[str, ...]:
    words = {comparison_key(word) for word in record.words}
    return tuple(text for text in profile.filled if comparison_key(text) in words)
