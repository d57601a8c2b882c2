"""What the rows of a source are about and which column is which item.

Belongs here: candidates by name and by content, choosing among them, which records a source has.
Does not belong here: keys (``keys.py``), what spans sources (``draft.py``), writing it down (``write.py``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property

import polars as pl

from registry_pipeline.intake.mapping.table import curated_tables, key_columns
from registry_pipeline.intake.profiling.files import SourceGroup
from registry_pipeline.intake.profiling.fit import Fit, fit, fit_id
from registry_pipeline.intake.profiling.lexicon import Record, lexicon
from registry_pipeline.intake.profiling.patients import LEAST_SCORE, PatientColumn
from registry_pipeline.intake.profiling.records import (
    SHARED_BY_LESIONS,
    Pick,
    RecordGuess,
    SourceGuess,
    separate_kinds,
)
from registry_pipeline.intake.profiling.repeated import numbered_columns, with_columns_of
from registry_pipeline.intake.profiling.words import mentions, name_score, names_person, without_word
from schemas.columns import Column

_GENERIC_DATE, _BY_CONTENT = 0.8, 0.6
_BEHIND_BEST = 0.1
_LEAST_OTHER = 3


def identifiers_of(table: str) -> tuple[str, ...]:
    """The identifiers of a curated table besides those of patient and facility."""
    return tuple(name for name in curated_tables()[table] if name in lexicon().ids and name != "patient_id")


def guess_source(group: SourceGroup, patient_column: PatientColumn, has_anchor: bool) -> SourceGuess:
    """Guess the records of a source.

    Args:
        patient_column: its column of patient numbers.
        has_anchor: whether days can be counted from a date that some source gives.
    """
    patient = patient_column.name
    if patient is None or is_about_other_cancers(group):
        return SourceGuess(group, None if patient_column.doubt else patient, [])
    numbered = numbered_columns(name for name in group.columns if name != patient)
    names = [name for columns in numbered.values() for name in columns]
    result = SourceGuess(group, patient, [], doubt=patient_column.doubt)
    for number, own in ((None, {}), *numbered.items()):
        looked = _Looked(with_columns_of(group, own, names), patient, has_anchor, number)
        by_name = looked.records()
        accepted = [guess for guess in by_name.values() if _has_no_rival(guess, by_name)]
        result.records += [guess for guess in accepted if number is None or _is_of_lesion(guess, own)]
        result.by_content |= looked.by_content
    separate_kinds(result)
    return result


def _is_of_lesion(guess: RecordGuess, own: Mapping[str, str]) -> bool:
    """Whether a record has columns of this lesion, or is there for one that has."""
    if any(pick.column in own for pick in guess.picks.values()):
        return True
    is_shared = guess.record.table in SHARED_BY_LESIONS and guess.number != 1
    return guess.rests_on is not None and not is_shared and _is_of_lesion(guess.rests_on, own)


def is_about_other_cancers(group: SourceGroup) -> bool:
    """Whether a source tells of other malignancies: its dates and treatments are not those of the primary."""
    words = lexicon().header["other_cancer"]
    return sum(mentions(name, words) for name in group.columns) >= _LEAST_OTHER


def _has_no_rival(guess: RecordGuess, by_name: Mapping[str, RecordGuess]) -> bool:
    rivals = [by_name[name] for name in guess.record.rivals if name in by_name]
    return not any(_has_no_rival(rival, by_name) for rival in rivals)


class _Looked:
    """A source while its columns are compared with the lexicon."""

    def __init__(self, group: SourceGroup, patient: str, has_anchor: bool, number: int | None = None) -> None:
        self.group, self.patient, self.has_anchor, self.number = group, patient, has_anchor, number
        self.by_content: set[str] = set()
        self.guessed: dict[str, RecordGuess] = {}
        self._fits: dict[tuple[str, str, str], Fit | None] = {}
        self.usable = {
            name: profile
            for name, profile in group.columns.items()
            if name != patient and not name.startswith("_") and not names_person(profile.header)
        }

    @cached_property
    def candidates(self) -> dict[tuple[str, str], list[Pick]]:
        """(record, item) -> columns that could be it, the best first."""
        named = {
            (record.name, item): self._named(record, item)
            for record in lexicon().records
            for item in record.items
        }
        mentioned = {pick.column for picks in named.values() for pick in picks}
        for record in lexicon().records:
            for item in record.items:
                if not named[record.name, item]:
                    named[record.name, item] = self._by_content(record, item, mentioned)
        return named

    @cached_property
    def numbers(self) -> dict[str, list[Pick]]:
        """Identifier -> columns that could hold it, the best first."""
        picks_of: dict[str, list[Pick]] = {}
        for name, rule in lexicon().ids.items():
            if name == "patient_id":
                continue
            names = (*rule.names, *self._short_ids(name, rule.names))
            scored = [(name_score(profile.header, names), column) for column, profile in self.usable.items()]
            picks = [
                Pick(column, score, result)
                for score, column in scored
                if score >= LEAST_SCORE and (result := fit_id(self.usable[column])) is not None
            ]
            picks_of[name] = sorted(picks, key=lambda pick: -pick.score)
        return picks_of

    @cached_property
    def best(self) -> dict[str, float]:
        """Column -> its best score for anything; it is not taken for something much less likely."""
        best: dict[str, float] = {}
        for picks in (*self.candidates.values(), *self.numbers.values()):
            for pick in picks:
                best[pick.column] = max(best.get(pick.column, 0.0), pick.score)
        return best

    def _named(self, record: Record, item: str) -> list[Pick]:
        column, names = record.column(item), self._names(record, record.items[item])
        picks = []
        for name, profile in self.usable.items():
            score = name_score(profile.header, names, is_date=column.kind == "date")
            if column.kind == "date" and not profile.header.stem and item == record.generic_date:
                score = max(score, _GENERIC_DATE)
            if score >= LEAST_SCORE and (result := self._fit(record, column, name)) is not None:
                picks.append(Pick(name, score * (0.9 + 0.1 * result.share), result))
        return sorted(picks, key=lambda pick: -pick.score)

    def _names(self, record: Record, names: tuple[str, ...]) -> tuple[str, ...]:
        """In a file of lesions "status" is what elsewhere would be "lesion status"."""
        mentioned = [word for word in record.words if mentions(self.group.labels, [word])]
        return (
            *names,
            *dict.fromkeys(
                short for word in mentioned for name in names if (short := without_word(name, word))
            ),
        )

    def _short_ids(self, name: str, names: tuple[str, ...]) -> tuple[str, ...]:
        own = [record for record in lexicon().records if key_columns(record.table)[0] == name]
        return tuple(short for record in own for short in self._names(record, names)[len(names) :])

    def _by_content(self, record: Record, item: str, mentioned: set[str]) -> list[Pick]:
        least = lexicon().by_content.get(f"{record.table}.{item}")
        if least is None:
            return []
        column = record.column(item)
        fits = {name: self._fit(record, column, name) for name in self.usable if name not in mentioned}
        sure = [
            name
            for name, result in fits.items()
            if result is not None and self._is_sufficient(name, item, result, least)
        ]
        if len(sure) != 1:
            return []
        self.by_content.add(sure[0])
        result = fits[sure[0]]
        assert result is not None
        return [Pick(sure[0], _BY_CONTENT, result)]

    def _is_sufficient(self, name: str, item: str, fitted: Fit, least: float) -> bool:
        """Values speak for themselves only where several of them do, and not by bare digits."""
        profile = self.usable[name]
        if item == "long_axis_mm":
            return fitted.options.get("parse") == "size" and fitted.share >= least
        values = [text for text in profile.filled if not text.isdigit()]
        return fitted.share >= least and len(values) >= 2 and not fitted.questions

    def _fit(self, record: Record, item: Column, name: str) -> Fit | None:
        key = (record.table, item.name, name)
        if key not in self._fits:
            result = fit(item, self.usable[name])
            if result is not None and "anchor" in result.options:
                is_own = (record.table, item.name) == ("primary_tumour", "dx_date")
                result = result if self.has_anchor and not is_own else None
            self._fits[key] = result
        return self._fits[key]

    def records(self) -> dict[str, RecordGuess]:
        """Every record that the source has, by name; one may rest on those before it."""
        for record in lexicon().records:
            if (guess := self._record(record)) is not None:
                self.guessed[record.name] = guess
        return self.guessed

    def _record(self, record: Record) -> RecordGuess | None:
        """The record with its columns, or None when the source does not have it."""
        picks: dict[str, Pick] = {}
        items = sorted(record.items, key=lambda item: -self._top(record, item))
        for item in items:
            used = {pick.column for pick in picks.values()}
            for pick in self.candidates[record.name, item]:
                if pick.column not in used and self._is_best(pick):
                    picks[item] = pick
                    break
        ids = dict(self._ids(record))
        picks, ids = self._of_its_rows(record, picks, ids)
        has_word = mentions(self.group.labels, record.words)
        columns = {*picks, *ids, *(["@file"] if has_word else [])}
        if self.number is not None and record.table == "lesion":
            columns.add("lesion_id")
        basis: RecordGuess | None = None
        for group in record.needs:
            if columns.isdisjoint(group):
                basis = next((self.guessed[n[1:]] for n in group if n[1:] in self.guessed), None)
                if basis is None:
                    return None
        for item, (table, other) in record.same_from.items():
            related = next(
                (two for two in self.guessed.values() if two.record.table == table and other in two.picks),
                None,
            )
            if related is not None:
                picks.setdefault(item, related.picks[other])
        return RecordGuess(record, picks, ids, number=self.number, rests_on=basis)

    def _of_its_rows(
        self, record: Record, picks: dict[str, Pick], ids: dict[str, str]
    ) -> tuple[dict[str, Pick], dict[str, str]]:
        """Without columns that are empty in every row where the telling item stands."""
        telling = picks.get(record.where or "")
        if telling is None:
            return picks, ids
        rows = self.group.frame.filter(pl.col(telling.column).is_not_null())
        empty = {name for name in rows.columns if rows[name].null_count() == rows.height}
        filled = {item: pick for item, pick in picks.items() if pick.column not in empty}
        return filled, {name: column for name, column in ids.items() if column not in empty}

    def _top(self, record: Record, item: str) -> float:
        return max((pick.score for pick in self.candidates[record.name, item]), default=0.0)

    def _is_best(self, pick: Pick) -> bool:
        return pick.score >= self.best[pick.column] - _BEHIND_BEST

    def _ids(self, record: Record) -> Iterator[tuple[str, str]]:
        for name in identifiers_of(record.table):
            pick = next(
                (candidate for candidate in self.numbers.get(name, []) if self._is_best(candidate)), None
            )
            if pick is not None:
                yield name, pick.column
