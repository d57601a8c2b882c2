"""What became of a changed cell: told, arrived as written, the same value, or lost.

Belongs here: comparing the judged records with and without the change. The meaning of a text is looked up here a second
time, by other means than the product's parsers: a value that arrives must be what a person reads in the cell.
Does not belong here: changing cells.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import polars as pl

from registry_pipeline.core.home import Home
from registry_pipeline.intake.landing.land import land_inbox
from registry_pipeline.intake.mapping.facility import read_facility
from registry_pipeline.intake.stage import Staged, stage_facility
from registry_pipeline.validation.rules.catalogue import catalogue, parameters_of
from registry_pipeline.validation.screening.screen import ScreenOptions, screen_facility
from tests.cell_mutation.mapped import CONSTANT, Mapped
from tests.cell_mutation.mutations import Mutation

Place = tuple[str, str, int]
_INVISIBLE = re.compile("[\u200b\u2060\ufeff\u00ad\u200e\u200f\u202a-\u202e\u2066-\u2069]")
FORMATS = ("%Y-%m-%d", "%Y%m%d", "%d/%m/%Y", "%Y-%m-%d %H:%M", "%Y/%m/%d", "%Y-%m-%d %H:%M:%S", "%Y.%m.%d")
UNREAD = "S27"
BLANK_LIKE = {"", "na", "n/a", "null", "unknown", ".", "-", "?", "不详", "未知", "#ref!"}
"""Words for nothing, which say no more than an empty cell."""
SCALES = (1.0, 10.0, 0.01, 0.1)
"""A length in mm or cm, a dose in Gy or cGy."""


@dataclass(frozen=True)
class Judged:
    """What is said of an export.

    Attributes:
        records: place of a source row -> its staged values, ``(table, column, value)`` with how often.
        said: place of a source row -> what is said of it: rules and coercions, with how often.
        of_person: pseudonym -> rules that name a record of hers, with how often.
        persons: place of a source row -> pseudonyms of its records.
        fates: place of a source row -> its fate.
        of_files: rules and columns of findings about whole files.
    """

    records: Mapping[Place, Counter[tuple[str, str, Any]]]
    said: Mapping[Place, Counter[str]]
    of_person: Mapping[str, Counter[str]]
    persons: Mapping[Place, set[str]]
    fates: Mapping[Place, str]
    of_files: Counter[str]


def judge(home: Home, facility_id: str) -> Judged:
    """Land, stage and screen the inbox of a home's facility."""
    settings = home.settings()
    land_inbox(home, settings)
    staged = stage_facility(home, read_facility(home.facilities / f"{facility_id}.toml"), settings)
    until = settings.refresh.extract_date
    assert until is not None
    screened = screen_facility(
        facility_id, staged, catalogue(settings), parameters_of(settings, until), ScreenOptions()
    )
    return _judged(staged, screened.findings)


def _judged(staged: Staged, findings: pl.DataFrame) -> Judged:
    places, fates = {}, {}
    for row in staged.rows.iter_rows(named=True):
        place = (str(row["source_file"]), str(row["sheet"] or ""), int(row["source_row"]))
        places[row["_row_id"]], fates[place] = place, str(row["fate"])
    records: dict[Place, Counter[tuple[str, str, Any]]] = defaultdict(Counter)
    persons: dict[Place, set[str]] = defaultdict(set)
    for table, frame in staged.tables.items():
        for row in frame.iter_rows(named=True):
            for row_id in row["_row_ids"] or [row["_row_id"]]:
                place = places[row_id]
                persons[place].add(str(row.get("patient_id")))
                records[place].update(
                    (table, name, value) for name, value in row.items() if not name.startswith("_")
                )
    said: dict[Place, Counter[str]] = defaultdict(Counter)
    of_person: dict[str, Counter[str]] = defaultdict(Counter)
    of_files: Counter[str] = Counter()
    for row in findings.iter_rows(named=True):
        place = (str(row["source_file"]), str(row["sheet"] or ""), int(row["source_row"] or 0))
        said[place][f"{row['rule_id']} {row['items']}"] += 1
        if (
            not row["source_row"] or row["rule_id"] == UNREAD
        ):  # of a column of a sheet: only its first row is named
            of_files[f"{row['rule_id']} {row['items']} {row['source_column']} {row['source_file']}"] += 1
        for person in persons.get(place, ()):
            of_person[person][f"{row['rule_id']} {row['items']}"] += 1
    for row in staged.coercions.iter_rows(named=True):
        place = (str(row["source_file"]), str(row["sheet"] or ""), int(row["source_row"]))
        said[place][f"coercion {row['column_name']} {row['text_before']}"] += 1
    return Judged(records, said, of_person, persons, fates, of_files)


def verdict(mutation: Mutation, before: Judged, after: Judged, mapping: Mapped) -> str:
    """``told``, ``same``, ``arrived``, ``unread`` or ``lost: why``."""
    place = (mutation.file, mutation.sheet, mutation.row)
    if after.said.get(place, Counter()) - before.said.get(place, Counter()):
        return "told"
    persons = before.persons.get(place, set()) | after.persons.get(place, set())
    if any(after.of_person.get(one, Counter()) - before.of_person.get(one, Counter()) for one in persons):
        return "told"
    if any(mutation.column in said and mutation.file in said for said in after.of_files - before.of_files):
        return "told"
    old, new = before.records.get(place, Counter()), after.records.get(place, Counter())
    gone, come = list((old - new).elements()), list((new - old).elements())
    if not gone and not come:
        if not mapping.is_read(mutation):
            return "unread"
        if canonical(mutation.before) == canonical(mutation.after):
            return "same"
        if canonical(mutation.after) in BLANK_LIKE and (
            canonical(mutation.before) in BLANK_LIKE or mapping.is_repeated(mutation)
        ):
            return "same"
        return "lost: nothing changed and nothing is said"
    return _of_changes(mutation, gone, come, mapping.codes)


def _of_changes(
    mutation: Mutation,
    gone: list[tuple[str, str, Any]],
    come: list[tuple[str, str, Any]],
    codes: Mapping[str, set[Any]],
) -> str:
    tables_gone, tables_come = {table for table, *_ in gone}, {table for table, *_ in come}
    if vanished := tables_gone - tables_come - _moved(mutation, come):
        text = canonical(mutation.after)
        if (
            text == ""
            or mutation.after in codes
            or mutation.before in codes
            or canonical(mutation.after).isdigit()
        ):
            return "arrived"
        return f"lost: no {', '.join(sorted(vanished))} any more"
    for table, column, value in come:
        if table == "patient_xref" and column != "source_patient_id":
            continue  # which source named the patient first, and how it was matched, stands in no cell
        if not _means(mutation.after, column, value, codes):
            return f"lost: {table}.{column} is {value!r}"
    return "arrived"


def _moved(mutation: Mutation, come: list[tuple[str, str, Any]]) -> set[str]:
    """Tables with a row per patient, of a row that now is another patient's who has rows elsewhere."""
    is_of_another = any(column == "patient_id" for _, column, _ in come)
    return {"patient_xref"} if is_of_another and mutation.kind == "another row's value" else set()


def canonical(text: str) -> str:
    """What a person reads: no invisible characters, widths and case folded, numbers as numbers."""
    plain = _INVISIBLE.sub("", unicodedata.normalize("NFKC", text)).strip().casefold()
    try:
        return repr(float(plain))
    except ValueError:
        return plain


def _means(text: str, column: str, value: Any, codes: Mapping[str, set[Any]]) -> bool:
    """Whether a person would read ``value`` in the cell."""
    plain = _INVISIBLE.sub("", unicodedata.normalize("NFKC", text)).strip()
    if value is None:
        return canonical(text) in BLANK_LIKE
    if value in codes.get(CONSTANT, ()):
        return True
    if column.endswith(("_id", "_precision")) or value in codes.get(text, ()):
        return True
    if isinstance(value, bool):
        return value in codes.get(plain, ())
    if isinstance(value, (date, datetime)):
        return value in set(_dates(plain)) or column.endswith(("_lower", "_upper"))
    if isinstance(value, (int, float)):
        return any(abs(number * scale - value) < 1e-6 for number in _numbers(plain) for scale in SCALES)
    return str(value) in {text, plain, plain.upper(), plain.lower(), "="} or value in codes.get(plain, ())


def _dates(text: str) -> Iterable[date]:
    for form in FORMATS:
        try:
            yield datetime.strptime(text, form).date()
        except ValueError:
            continue


def _numbers(text: str) -> list[float]:
    return [float(number) for number in re.findall(r"-?\d+(?:\.\d+)?", text.replace(",", "."))]
