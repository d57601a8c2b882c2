"""Identifiers of records: a number of the facility as it is, or one that is unique within its patient.

Belongs here: which columns number what, whether a number is unique beyond its patient, templates.
Does not belong here: the patient's own number (``draft.py`` chooses it), other items.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import polars as pl

from registry_pipeline.intake.mapping.column import ROW_NUMBER
from registry_pipeline.intake.mapping.table import key_columns
from registry_pipeline.intake.profiling.guess import identifiers_of
from registry_pipeline.intake.profiling.lexicon import lexicon
from registry_pipeline.intake.profiling.model import ColumnDraft
from registry_pipeline.intake.profiling.records import SHARED_BY_LESIONS, RecordGuess, SourceGuess
from registry_pipeline.intake.profiling.redcap import is_export

_MOST_SHARED = 0.02
_LONG_NUMBER = 6


def unique_numbers(guesses: Sequence[SourceGuess]) -> dict[str, bool]:
    """Identifier -> whether its numbers are unique beyond their patient in every source that has them.

    The same lesion must get the same identifier whichever system names it, so one answer holds for all.
    """
    judged: dict[str, list[bool]] = {}
    for guess in guesses:
        for record in guess.records:
            for name, column in record.ids.items():
                if guess.patient is not None:
                    judged.setdefault(name, []).append(_is_unique(guess, guess.patient, column))
    return {name: all(answers) for name, answers in judged.items()}


def _is_unique(guess: SourceGuess, patient: str, column: str) -> bool:
    """Hardly any number belongs to two patients, and numbers are longer than a patient's own count."""
    pairs = guess.group.frame.select(pl.col(patient).alias("p"), pl.col(column).alias("n"))
    patients = pairs.drop_nulls().unique().group_by("n").len()
    if not patients.height:
        return False
    n_shared = patients.filter(pl.col("len") > 1).height
    length = patients["n"].str.len_chars().median()
    return n_shared <= _MOST_SHARED * patients.height and isinstance(length, float) and length >= _LONG_NUMBER


def draft_identifiers(
    guess: SourceGuess, record_guess: RecordGuess, is_unique: Mapping[str, bool]
) -> list[ColumnDraft] | None:
    """The identifiers of a record; None when its key cannot be made."""
    drafts: list[ColumnDraft] = []
    for name in identifiers_of(record_guess.record.table):
        draft = _own_number(guess, record_guess, name, is_unique) or _without_number(
            guess, record_guess, name
        )
        if draft is not None:
            drafts.append(draft)
        elif name in key_columns(record_guess.record.table) or record_guess.record.column(name).is_required:
            return None
    return drafts


def _own_number(
    guess: SourceGuess, record_guess: RecordGuess, name: str, is_unique: Mapping[str, bool]
) -> ColumnDraft | None:
    column = record_guess.ids.get(name)
    if column is None:
        return None
    fit = f"{guess.group.columns[column].n_distinct} different numbers"
    if is_unique.get(name):
        return ColumnDraft(name, {"from": column}, f"{fit}, each of one patient")
    return ColumnDraft(
        name,
        {"template": "{patient_id}-" + _piece(guess, name, column)},
        f"{fit}, unique within a patient only",
    )


def _piece(guess: SourceGuess, name: str, column: str) -> str:
    """``L{number}``; a number that begins with a letter needs no other."""
    profile = guess.group.columns[column]
    has_letter = profile.share(profile.count(lambda text: text[:1].isalpha())) > 0.9
    return ("" if has_letter else lexicon().ids[name].prefix) + "{" + column + "}"


def _without_number(guess: SourceGuess, record_guess: RecordGuess, name: str) -> ColumnDraft | None:
    rule = lexicon().ids[name]
    is_own = name in key_columns(record_guess.record.table)
    if not is_own and not record_guess.record.column(name).is_required:
        return None
    if key_columns(record_guess.record.table) != (name,):
        owners = [other for other in guess.records if key_columns(other.record.table) == (name,)]
        if owners:  # the same record has one number, wherever it is named
            owner = next((other for other in owners if other.number == record_guess.number), owners[0])
            draft = _own_number(guess, owner, name, {}) or _without_number(guess, owner, name)
            return draft and replace(draft, questions=())
    if rule.join and all(part in record_guess.ids for part in rule.join):
        pieces = [_piece(guess, part, record_guess.ids[part]) for part in rule.join]
        return ColumnDraft(name, {"template": "-".join(["{patient_id}", *pieces])}, "of its parts")
    prefix = (record_guess.record.id if is_own else None) or rule.prefix
    if is_own and (place := _place_of_lesion(record_guess)) is not None:
        return ColumnDraft(name, {"template": f"{{patient_id}}-{prefix}{place}"}, "that of the lesion")
    neighbour = record_guess.picks.get(rule.distinguished_by or "") if is_own else None
    if neighbour is not None and (rule.fixed is None or _has_several(guess, neighbour.column)):
        also = f"-{{{rule.also}?}}" if rule.also and rule.also in record_guess.picks else ""
        template = f"{{patient_id}}-{prefix}{{{neighbour.column}}}{also}"
        question = "no number of its own was found: is it unique in this way?"
        return ColumnDraft(name, {"template": template}, "", (question,))
    if rule.fixed is None:
        return _by_row(guess, name)
    number = rule.fixed
    return ColumnDraft(
        name, {"template": f"{{patient_id}}-{prefix}{number}"}, "one per patient: no column numbers them"
    )


def _place_of_lesion(record_guess: RecordGuess) -> str | None:
    """What numbers the lesion of which a record is, in a template: a number in headers, a column, the row's place."""
    if record_guess.record.table in SHARED_BY_LESIONS:
        return None
    lesion = record_guess if record_guess.record.table == "lesion" else record_guess.rests_on
    if lesion is None or lesion.record.table != "lesion":
        return None
    if lesion.number is not None:
        return str(lesion.number)
    return None if lesion is record_guess else f"{{{lesion.ids.get('lesion_id', ROW_NUMBER)}}}"


def _by_row(guess: SourceGuess, name: str) -> ColumnDraft | None:
    """The place of its row, where each row of the source is a record of its own and names no number."""
    owners = [record for record in guess.records if key_columns(record.record.table) == (name,)]
    if len(owners) != 1 or is_export(list(guess.group.columns)):
        return None
    template = f"{{patient_id}}-{lexicon().ids[name].prefix}{{{ROW_NUMBER}}}"
    question = (
        "no column numbers them: is each row one? It is numbered by its place, which must not change then"
    )
    return ColumnDraft(name, {"template": template}, "", (question,))


def _has_several(guess: SourceGuess, column: str) -> bool:
    """Whether patients have several values of a column."""
    assert guess.patient is not None
    pairs = guess.group.frame.select(pl.col(guess.patient).alias("p"), pl.col(column).alias("v"))
    counts = pairs.drop_nulls().unique().group_by("p").len()
    return counts.filter(pl.col("len") > 1).height > _MOST_SHARED * counts.height
