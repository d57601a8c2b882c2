"""Which numbers of a facility are one patient: several systems, several numbers, re-entry.

Belongs here: the links that ``[source.person]`` declares, chains of them (A = B, B = C), the number that a
patient's pseudonym is made of, contradictions between linked numbers.
Does not belong here: the pseudonym itself (``pseudonym.py``), keys for probable pairs
(``intake/identity/person_keys.py``), what a steward decides (``validation/``).

A pseudonym must not change because a link arrives later. So it is made of the number under which the first
record of the patient ever landed, in files that have been replaced since, too; of numbers without records
the facility's leading one is preferred.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import polars as pl

from registry_pipeline.core.union_find import UnionFind
from registry_pipeline.intake.columns.ids import local_patient
from registry_pipeline.intake.columns.values import ISSUE_SCHEMA
from registry_pipeline.intake.mapping.column import ColumnMapping
from registry_pipeline.intake.mapping.model import Facility, Source
from registry_pipeline.intake.mapping.person import LEADING_NUMBER, Person
from registry_pipeline.intake.mapping.table import curated_tables
from registry_pipeline.intake.pseudonym import Number
from registry_pipeline.intake.submissions.file_use import FileUse

ReadRows = Callable[[Source, Sequence[FileUse]], pl.DataFrame]
NUMBERED = {"_row_id": pl.Int64, "kind": pl.String, "local": pl.String}


@dataclass(frozen=True)
class Identity:
    """What the cross-references of a facility say.

    Attributes:
        stands_for: number -> the number that its patient's pseudonym is made of, where that is another.
        linked: numbers that make a pseudonym which other numbers share.
    """

    stands_for: dict[Number, Number] = field(default_factory=dict)

    @property
    def linked(self) -> set[Number]:
        """The numbers that stand for others too."""
        return set(self.stands_for.values())


def find_identity(facility: Facility, uses: Sequence[FileUse], read: ReadRows) -> Identity:
    """Follow every link of the facility's sources.

    Args:
        uses: all files that it ever sent.
        read: a source and files -> its cleaned rows.
    """
    linking = [source for source in facility.sources if source.person is not None and source.person.numbers]
    links: UnionFind[Number] = UnionFind()
    for source in linking:
        numbers = numbers_of(read(_narrow(source), uses), source)[0]
        for number, other in _links(numbers):
            links.join(number, other)
    groups = links.groups()
    if not groups:
        return Identity()
    first = _first_seen(facility, uses, read, {number for group in groups for number in group})
    stands_for: dict[Number, Number] = {}
    for group in groups:
        chosen = min(
            group, key=lambda number: (first.get(number, 2**63), number[0] != LEADING_NUMBER, number)
        )
        stands_for.update({number: chosen for number in group if number != chosen})
    return Identity(stands_for)


def numbers_of(rows: pl.DataFrame, source: Source) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The numbers that rows of a source give (``NUMBERED``), and what could not be read (``ISSUE_SCHEMA``).

    Besides ``[source.person]`` that is the number by which its tables know the patient.
    """
    parts, issues = [], []
    for kind, mapping in _number_columns(source):
        typed = local_patient(rows, mapping, source)
        local = typed.values["patient_id"].alias("local")
        parts.append(rows.select("_row_id", pl.lit(kind).alias("kind"), local).drop_nulls("local"))
        if not (source.tables and kind == source.patient_number):  # else the tables report it
            issues.append(typed.issues.with_columns(pl.lit("source_patient_id").alias("column_name")))
    schema = pl.DataFrame(schema=NUMBERED)
    numbers = pl.concat([schema, *parts]).unique(maintain_order=True)
    return numbers, pl.concat([pl.DataFrame(schema=ISSUE_SCHEMA), *issues])


def _number_columns(source: Source) -> Iterator[tuple[str, ColumnMapping]]:
    if source.tables:
        yield source.patient_number, source.tables[0].columns["patient_id"]
    target = curated_tables()["patient"]["patient_id"]
    for kind, column in (source.person or Person()).numbers.items():
        yield kind, ColumnMapping(target, sources=(column,))


def _narrow(source: Source) -> Source:
    """The source with just the columns that hold numbers."""
    tables = source.tables[:1]
    narrow = [
        replace(table, where=(), group_by=(), columns={"patient_id": table.columns["patient_id"]})
        for table in tables
    ]
    person = None if source.person is None else replace(source.person, name=(), national_id=None)
    return replace(source, tables=tuple(narrow), person=person)


def _links(numbers: pl.DataFrame) -> Iterator[tuple[Number, Number]]:
    """Each number of a row with the one before it in the row, every link once."""
    ordered = numbers.with_columns(
        pl.col("kind", "local").shift(1).over("_row_id").name.prefix("before_")
    ).drop_nulls("before_kind")
    for number, local, before, before_local in (
        ordered.select("kind", "local", "before_kind", "before_local").unique(maintain_order=True).iter_rows()
    ):
        yield (before, before_local), (number, local)


def _first_seen(
    facility: Facility, uses: Sequence[FileUse], read: ReadRows, linked: set[Number]
) -> dict[Number, int]:
    """The first row that ever gave a record under a number; numbers without records are left out."""
    ever = [replace(use, is_superseded=False) for use in uses]
    searched = pl.DataFrame(sorted(linked), schema={"kind": pl.String, "local": pl.String}, orient="row")
    first_rows: dict[Number, int] = {}
    for source in facility.sources:
        if not source.tables:
            continue
        own = replace(_narrow(source), person=None)
        numbers = numbers_of(read(own, ever), own)[0].join(searched, on=["kind", "local"], how="semi")
        for kind, local, row in numbers.group_by("kind", "local").agg(pl.col("_row_id").min()).iter_rows():
            first_rows[kind, local] = min(row, first_rows.get((kind, local), row))
    return first_rows


def contradictions(patients: pl.DataFrame, linked: pl.Series) -> pl.DataFrame:
    """Rows of ``patient`` whose linked numbers have dates of birth that cannot be one day.

    Args:
        patients: staged rows; of each number and source the newest submission counts.
        linked: pseudonyms that several numbers share.

    Returns:
        Issues of rule V01: ``_row_id, column_name, source_column, rule_id, reason, value_text``.
    """
    if not {"birth_date_lower", "source_patient_id"} <= set(patients.columns):
        return pl.DataFrame(schema=ISSUE_SCHEMA)
    number = ["patient_id", "source_patient_id", "_source_no"]
    ours = patients.filter(pl.col("patient_id").is_in(linked.implode()))
    newest = ours.filter(pl.col("_submission_no") == pl.col("_submission_no").max().over(number))
    first, last = pl.col("birth_date_lower").max(), pl.col("birth_date_upper").min()
    broken = newest.filter((first > last).over("patient_id"))
    return broken.select(
        "_row_id",
        pl.lit("birth_date").alias("column_name"),
        pl.lit(None, dtype=pl.String).alias("source_column"),
        pl.lit("V01").alias("rule_id"),
        pl.lit("linked_numbers_disagree").alias("reason"),
        pl.lit(None, dtype=pl.String).alias("value_text"),
    )


def one_number_each(patients: pl.DataFrame, linked: pl.Series) -> pl.DataFrame:
    """Rows of ``patient`` with one ``source_patient_id`` per linked patient; all stand in patient_xref."""
    if "source_patient_id" not in patients.columns:
        return patients
    first = pl.col("source_patient_id").drop_nulls().first().over("patient_id")
    is_linked = pl.col("patient_id").is_in(linked.implode()).fill_null(False)
    return patients.with_columns(
        pl.when(is_linked).then(first).otherwise("source_patient_id").alias("source_patient_id")
    )
