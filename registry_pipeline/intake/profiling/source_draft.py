"""One source's guesses as the lines of a mapping.

Belongs here: tables, conditions, columns and questions of a source. Does not belong here: what holds for the
whole source, such as date formats (``source_options.py``), keys (``keys.py``), TOML (``write.py``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from registry_pipeline.intake.mapping.table import curated_tables, key_columns
from registry_pipeline.intake.profiling.columns import ColumnProfile
from registry_pipeline.intake.profiling.files import escaped
from registry_pipeline.intake.profiling.fit import shape
from registry_pipeline.intake.profiling.guess import is_about_other_cancers
from registry_pipeline.intake.profiling.keys import draft_identifiers
from registry_pipeline.intake.profiling.lexicon import Derived, lexicon
from registry_pipeline.intake.profiling.model import ColumnDraft, SourceDraft, TableDraft
from registry_pipeline.intake.profiling.records import Pick, RecordGuess, SourceGuess
from registry_pipeline.intake.profiling.redcap import EXPORT_NOTE, is_export
from registry_pipeline.intake.profiling.source_options import facts_of, options_of
from registry_pipeline.intake.profiling.units import with_unit_column
from registry_pipeline.intake.profiling.words import LEAST_COVERAGE, mentions, name_score, names_person

_SURE, _FEW = 0.8, 0.05
_MAPPING_KEYS = ("part", "codes", "unit", "parse", "round")


def draft_source(guess: SourceGuess, is_unique: Mapping[str, bool], anchor: str) -> SourceDraft:
    """The lines of one source.

    Args:
        is_unique: identifier -> whether its numbers are unique beyond their patient.
        anchor: name of the anchor that days are counted from.
    """
    tables = [
        result
        for record in guess.records
        if (result := _draft_table(guess, record, is_unique, anchor)) is not None
    ]
    # a column whose record could not be made in the end is asked for like any other
    used = columns_of(tables) & set(guess.group.columns)
    options, option_questions = options_of(guess, used, any(not table.is_commented for table in tables))
    questions = [*option_questions, *_questions(guess, used)]
    if is_export(list(guess.group.columns)):
        questions.insert(0, EXPORT_NOTE)
    return SourceDraft(
        guess.group.name,
        facts_of(guess.group),
        tuple(options),
        tuple(tables),
        tuple(questions),
    )


def columns_of(tables: Sequence[TableDraft]) -> set[str]:
    """Names that the drafted tables read, those of curated columns in templates among them."""
    names: set[str] = set()
    for table in tables:
        names |= {str(condition["column"]) for condition in table.where} | set(table.group_by)
        for column in table.columns:
            names |= {column.keys[name] for name in ("from", "unit_from") if name in column.keys}
            template = str(column.keys.get("template", ""))
            names |= {part.split("}")[0].removesuffix("?") for part in template.split("{")[1:]}
    return names


def _draft_table(
    guess: SourceGuess, record_guess: RecordGuess, is_unique: Mapping[str, bool], anchor: str
) -> TableDraft | None:
    identifiers = draft_identifiers(guess, record_guess, is_unique)
    if identifiers is None or guess.patient is None:
        return None
    patient = guess.group.columns[guess.patient]
    lines = [
        ColumnDraft(
            "patient_id", {"from": guess.patient}, f"{patient.n_distinct} patients in {patient.n_filled} rows"
        )
    ]
    lines += identifiers
    lines += [ColumnDraft(item, {"value": value}) for item, value in record_guess.record.constants.items()]
    for item, pick in _in_order(record_guess):
        lines.append(
            with_unit_column(
                _draft_column(item, pick, record_guess, anchor), record_guess.record.column(item), guess.group
            )
        )
        lines += [
            result
            for rule in lexicon().derived
            if (result := _derived(rule, record_guess, item, pick)) is not None
        ]
    lines += _shared(record_guess)
    lines += [
        result
        for rule in lexicon().derived
        if (result := _same_as_patient(rule, record_guess, guess.patient)) is not None
    ]
    group_by = _group_by(guess, record_guess)
    return TableDraft(
        title=record_guess.title,
        table=record_guess.record.table,
        sheets=_sheets(guess, record_guess),
        where=_where(guess, record_guess),
        group_by=group_by,
        columns=_once(lines, bool(group_by)),
        questions=tuple(_not_given(record_guess, {line.item for line in lines})),
        is_commented=bool(guess.doubt) or record_guess.rests_on is not None,
    )


def _not_given(record_guess: RecordGuess, items: set[str]) -> Iterator[str]:
    """What sends every record of the table into quarantine unless it is said."""
    record = record_guess.record
    for name, column in curated_tables()[record.table].items():
        partner = record.goes_with.get(name)
        is_needed = column.is_required or (partner in items)
        if is_needed and not name.endswith("_id") and name not in items:
            codes = f", with one of {', '.join(column.codes.codes)}" if column.codes else ""
            why = f"{partner} counts only with {name}" if partner else f"{name} is required"
            yield f'{why}, and no column gives it: map one, or say it of all rows: {name} = {{ value = "…" }}{codes}'


def _sheets(guess: SourceGuess, record_guess: RecordGuess) -> tuple[str, ...]:
    """The sheets that have the record's columns; empty when all have them."""
    columns_of_record = {pick.column for pick in record_guess.picks.values()} | set(record_guess.ids.values())
    telling = {name for name in (guess.patient, _telling_column(record_guess)) if name}
    names: list[str] = []
    is_everywhere = True
    for file in guess.group.files:
        for sheet in (sheet for sheet in file.sheets if sheet.frame.height):
            columns = set(sheet.frame.columns)
            if telling <= columns and len(columns_of_record & columns) > len(columns_of_record) / 2:
                names.append(escaped(sheet.sheet))
            else:
                is_everywhere = False
    return () if is_everywhere or not all(names) else tuple(dict.fromkeys(names))


def _in_order(record_guess: RecordGuess) -> list[tuple[str, Pick]]:
    return [
        (item, record_guess.picks[item]) for item in record_guess.record.items if item in record_guess.picks
    ]


def _draft_column(item: str, pick: Pick, record_guess: RecordGuess, anchor: str) -> ColumnDraft:
    keys: dict[str, Any] = {"from": pick.column}
    keys |= {name: pick.fit.options[name] for name in _MAPPING_KEYS if name in pick.fit.options}
    if "anchor" in pick.fit.options:
        keys["anchor"] = anchor
    if item in record_guess.record.aggregate:
        keys["aggregate"] = record_guess.record.aggregate[item]
    return ColumnDraft(item, keys, pick.fit.evidence, pick.fit.questions)


def _derived(rule: Derived, record_guess: RecordGuess, item: str, pick: Pick) -> ColumnDraft | None:
    """A flag or a text that follows from a coded item, unless it has a column of its own."""
    if (rule.table, rule.origin) != (record_guess.record.table, item) or rule.item in record_guess.picks:
        return None
    if not rule.true:
        return ColumnDraft(rule.item, {"from": pick.column}, "in the facility's words")
    words = pick.fit.options.get("codes") or {code: code for code in (*rule.true, *rule.false)}
    flags = {word: code in rule.true for word, code in words.items() if code in (*rule.true, *rule.false)}
    part = {"part": pick.fit.options["part"]} if "part" in pick.fit.options else {}
    return (
        ColumnDraft(rule.item, {"from": pick.column, **part, "codes": flags}, f"follows from {item}")
        if flags
        else None
    )


def _same_as_patient(rule: Derived, record_guess: RecordGuess, patient: str) -> ColumnDraft | None:
    is_wanted = (rule.table, rule.origin) == (record_guess.record.table, "patient_id")
    return ColumnDraft(rule.item, {"from": patient}) if is_wanted else None


def _shared(record_guess: RecordGuess) -> list[ColumnDraft]:
    """Items that have the column of another item of this record."""
    lines = []
    for item, other in record_guess.record.same.items():
        if item not in record_guess.picks and other in record_guess.picks:
            lines.append(_draft_column(item, record_guess.picks[other], record_guess, ""))
    return [line for line in lines if line.keys.get("anchor") != ""]


def _once(lines: Sequence[ColumnDraft], is_grouped: bool) -> tuple[ColumnDraft, ...]:
    """Each item once, aggregates only where rows are grouped."""
    by_item: dict[str, ColumnDraft] = {}
    for line in lines:
        keys = {name: value for name, value in line.keys.items() if is_grouped or name != "aggregate"}
        by_item.setdefault(line.item, ColumnDraft(line.item, keys, line.evidence, line.questions))
    return tuple(by_item.values())


def _group_by(guess: SourceGuess, record_guess: RecordGuess) -> tuple[str, ...]:
    """Several rows make one record where the key's number comes back within a patient."""
    number = record_guess.ids.get(key_columns(record_guess.record.table)[0])
    if guess.patient is None or not (
        record_guess.record.is_by_patient or (record_guess.record.is_grouped and number)
    ):
        return ()
    names = [guess.patient, *([] if number is None or record_guess.record.is_by_patient else [number])]
    keys = guess.group.frame.select(names).drop_nulls()
    return tuple(names) if keys.n_unique() < keys.height else ()


def _where(guess: SourceGuess, record_guess: RecordGuess) -> tuple[Mapping[str, Any], ...]:
    if record_guess.kinds is not None:
        return ({"column": record_guess.kinds[0], "in": list(record_guess.kinds[1])},)
    if record_guess.record.table == "death" and (dead := _dead(guess)) is not None:
        return (dead,)
    column = _telling_column(record_guess)
    if column is None:
        return ()
    profile = guess.group.columns[column]
    n_gaps = profile.n_rows - profile.n_filled
    # a few rows without what every record must have are mistakes to be found, not rows of another kind
    is_required = (
        record_guess.record.where is not None
        and record_guess.record.column(record_guess.record.where).is_required
    )
    has_gaps = n_gaps > (_FEW * profile.n_rows if is_required else 0)
    return ({"column": column, "not_blank": True},) if has_gaps else ()


def _telling_column(record_guess: RecordGuess) -> str | None:
    number = record_guess.ids.get(key_columns(record_guess.record.table)[0])
    if record_guess.record.where_id and number is not None:
        return number
    pick = record_guess.picks.get(record_guess.record.where or "")
    if pick is None and record_guess.rests_on is not None:
        return _telling_column(record_guess.rests_on)
    return pick.column if pick else None


def _dead(guess: SourceGuess) -> Mapping[str, Any] | None:
    """Rows that say that the patient is dead, where a column of the source says so."""
    for record in guess.records:
        pick = record.picks.get("is_alive")
        if pick is not None and "codes" in pick.fit.options:
            words = [word for word, is_alive in pick.fit.options["codes"].items() if not is_alive]
            return {"column": pick.column, "in": words} if words else None
    return None


def _questions(guess: SourceGuess, used: set[str]) -> list[str]:
    """One line for each column that nothing reads."""
    questions = []
    if guess.patient is None:
        questions.append(
            "no column looks like the patient's number; until one is mapped this source feeds no table"
        )
    if guess.doubt:
        questions.append(
            f'which column is the patient\'s number? "{guess.patient}" {guess.doubt}: if it is, take'
            " the '#' away before the lines of the tables below and ignore = [\"*\"] out"
        )
    if is_about_other_cancers(guess.group):
        questions.append(
            "this source speaks of other malignancies; nothing of it was mapped, for the registry has no table for them"
        )
    questions += [_ask(profile) for name, profile in guess.group.columns.items() if name not in used]
    if any(record.rests_on is not None for record in guess.records) and not guess.doubt:
        questions.append(
            "tables below that are comments take each row to be one lesion with its size and treatment: take their '#' away if it is"
        )
    for name in sorted(guess.by_content & used):
        questions.append(f'column "{name}" was recognised by its values alone; is it what is written below?')
    return questions


def _ask(profile: ColumnProfile) -> str:
    name = f'column "{profile.name}"'
    if names_person(profile.header):
        return f"{name}: by its header it tells who a person is; list it under ignore, or better leave it out of the export"
    if name_score(profile.header, lexicon().header["admission"]) >= LEAST_COVERAGE:
        return f"{name}: a number that changes with every admission; list it under ignore"
    if mentions(profile.name, lexicon().header["free_text"]):
        return f"{name}: free text; map it, or list it under ignore"
    likely, by_unit = _likely(profile), lexicon().by_unit.get(profile.header.unit or "")
    hint = (
        f"; by its name perhaps {likely}" if likely else f"; by its unit perhaps {by_unit}" if by_unit else ""
    )
    return f"{name}: {shape(profile)}{hint}; map it, or list it under ignore"


def _likely(profile: ColumnProfile) -> str | None:
    """The item that the header's name fits best, whatever the values."""
    best, likely = _SURE, None
    for record in lexicon().records:
        for item, names in record.items.items():
            score = name_score(profile.header, names, is_date=record.column(item).kind == "date")
            if score > best:
                best, likely = score, f"{record.table}.{item}"
    return likely
