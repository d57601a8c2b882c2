"""Rows of a source to staged rows of one table.

Belongs here: conditions, typing every mapped column, patients' pseudonyms, what a ``[[source.table]]`` gives.
Does not belong here: groups (``intake/columns/groups.py``), identifiers from templates (``intake/columns/ids.py``), files.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from registry_pipeline.core.side_by_side import facility_of_row, own_number, parted
from registry_pipeline.intake.columns.ages import birth_from_age
from registry_pipeline.intake.columns.anchors import AnchorDates, date_from_days
from registry_pipeline.intake.columns.blanks import folded
from registry_pipeline.intake.columns.bulk_readings import part_of_identifier
from registry_pipeline.intake.columns.groups import group_rows, is_counted
from registry_pipeline.intake.columns.ids import (
    LOCAL_PATIENT,
    composed,
    fill_templates,
    local_patient,
    qualify_ids,
)
from registry_pipeline.intake.columns.values import (
    CHANGE_SCHEMA,
    ISSUE_SCHEMA,
    SOURCE_PREFIX,
    Typed,
    type_column,
    with_default,
)
from registry_pipeline.intake.mapping.column import ColumnMapping
from registry_pipeline.intake.mapping.model import Condition, Facility, Source, TableMapping
from registry_pipeline.intake.mapping.table import curated_tables, key_columns
from registry_pipeline.intake.pseudonym import StackedPseudonyms
from registry_pipeline.intake.redcap.records import table_flag

_NO_ISSUES = pl.DataFrame(schema={**ISSUE_SCHEMA, "_record_row_id": pl.Int64, "_record_key": pl.String})


@dataclass
class TableRows:
    """What one ``[[source.table]]`` gave.

    Attributes:
        rows: curated columns and ``_row_id, _row_ids, _source_no, _mapping_no, _submission_no``.
        issues: ``ISSUE_SCHEMA`` with ``_record_row_id`` (the ``_row_id`` of the record) and ``_record_key``.
        changes: ``CHANGE_SCHEMA``.
        patients: ``source_patient_id, patient_id, _row_id, _submission_no, _mapping_no``, each patient once.
    """

    rows: pl.DataFrame
    issues: pl.DataFrame
    changes: pl.DataFrame
    patients: pl.DataFrame

    def parted(self, n: int) -> list[TableRows]:
        """Of rows of ``n`` facilities that were stacked, what each gave."""
        if n == 1:
            return [self]
        single_row = pl.concat_list(own_number(pl.col("_row_id"))).alias("_row_ids")
        frames = (self.rows.with_columns(single_row), self.issues, self.changes, self.patients)
        parts = (parted(frame, n) for frame in frames)
        return [TableRows(*own) for own in zip(*parts, strict=True)]


@dataclass(frozen=True)
class _Patients:
    """The patients of some rows of a source: the facility's own number, typed, and the pseudonym."""

    source: str
    mapping: ColumnMapping
    row_ids: pl.Series
    local: Typed
    pseudonyms: pl.Series


@dataclass
class Staging:
    """What all tables of a facility share while they are staged, or of several whose rows are stacked.

    Attributes:
        facilities: they declare the same sources and have the same calendar.
        pseudonyms: of the patients of each.
    """

    facilities: Sequence[Facility]
    pseudonyms: StackedPseudonyms
    anchors: Mapping[str, AnchorDates] = field(default_factory=dict)
    _latest: _Patients | None = None

    def patients(self, rows: pl.DataFrame, mapping: ColumnMapping, source: Source) -> tuple[Typed, pl.Series]:
        """The patients' own numbers and pseudonyms; the tables of a source mostly share rows and patients."""
        latest = self._latest
        key = (source.name, mapping)
        is_known = latest is not None and (latest.source, latest.mapping) == key
        if latest is None or not is_known or not latest.row_ids.equals(rows["_row_id"]):
            local = local_patient(rows, mapping, source)
            numbers = local.values["patient_id"]
            result = self.pseudonyms.of(rows["_row_id"], numbers, source.patient_number)
            latest = self._latest = _Patients(source.name, mapping, rows["_row_id"], local, result)
        return latest.local, latest.pseudonyms

    @property
    def facility_id(self) -> pl.Expr:
        """The facility of each row."""
        return facility_of_row([facility.facility_id for facility in self.facilities])


def stage_table(rows: pl.DataFrame, mapping: TableMapping, source: Source, staging: Staging) -> TableRows:
    """Stage one table.

    Args:
        rows: cleaned source columns of all files in force, ``_row_id`` and ``_submission_no``.
    """
    work = _Work(feeding_rows(rows, mapping), mapping, source, staging)
    work.type_patient()
    for column in mapping.columns.values():
        work.add_column(column)
    return work.finish()


def feeding_rows(rows: pl.DataFrame, mapping: TableMapping) -> pl.DataFrame:
    """The rows of a source that feed a table: of its sheets, of its instrument, where its conditions hold."""
    if mapping.sheets:
        fed = [name for name in rows["_sheet"].unique() if mapping.is_fed_by(name)]
        rows = rows.filter(pl.col("_sheet").is_in(fed))
    if mapping.instrument is not None:
        rows = rows.filter(table_flag(mapping))
    for condition in mapping.where:
        rows = rows.filter(holds(condition))
    return rows


def holds(condition: Condition) -> pl.Expr:
    """Whether a row meets a condition; the words are compared as those of a coded column are."""
    column = pl.col(condition.column)
    if condition.test in ("blank", "not_blank"):
        return column.is_null() if condition.test == "blank" else column.is_not_null()
    values = pl.Series(condition.values, dtype=pl.String).to_frame("v").select(folded(pl.col("v")))["v"]
    is_in = folded(column.fill_null("")).is_in(values.implode())
    return is_in if condition.test == "in" else ~is_in


class _Work:
    """A table while its columns are filled, one after the other."""

    def __init__(self, rows: pl.DataFrame, mapping: TableMapping, source: Source, staging: Staging) -> None:
        self.rows, self.mapping, self.source, self.staging = rows, mapping, source, staging
        self.declared = curated_tables()[mapping.table]
        self.records = rows.select("_row_id", "_submission_no")
        self.issues: list[pl.DataFrame] = []
        self.changes: list[pl.DataFrame] = []

    def type_patient(self) -> None:
        """``patient_id`` from the facility's own number, which stays beside it until the end."""
        local, result = self.staging.patients(self.rows, self.mapping.columns["patient_id"], self.source)
        self._note(local)
        self.records = self.records.with_columns(
            result.alias("patient_id"), local.values["patient_id"].alias(LOCAL_PATIENT)
        )

    def add_column(self, column: ColumnMapping) -> None:
        """One mapped column other than the patient and templates, which need all others first."""
        name = column.target.name
        if name == "patient_id" or (column.template is not None and not column.is_composed):
            return
        if column.aggregate == "count":
            self.records = self.records.hstack(self.rows.select(is_counted(column)))
        elif column.sources or column.is_composed:
            typed = self._typed(column)
            if column.anchor is not None:
                dates = self.staging.anchors[column.anchor]
                typed = date_from_days(typed, column, self.rows["_row_id"], self.records["patient_id"], dates)
            if column.default is not None:
                typed = with_default(typed, column, self.rows["_row_id"])
            self._note(typed)
            self.records = self.records.hstack(typed.values)
        elif column.value is not None:
            self.records = self.records.with_columns(_constant(column))

    def _typed(self, column: ColumnMapping) -> Typed:
        if column.years_before is not None:
            return birth_from_age(self.rows, column, self.source)
        siblings = self._siblings(column.target.name)
        if column.is_composed:
            return composed(self.rows, column, self.source, siblings)
        return type_column(self.rows, column, self.source, siblings)

    def finish(self) -> TableRows:
        """Groups, templates and identifiers; the curated columns in the order of their table."""
        self._carry_source_columns()
        self.records, conflicts = group_rows(self.records, self.mapping)
        self.records = fill_templates(self.records, self.mapping)
        self.records = qualify_ids(self.records, self.mapping, self.staging.facility_id)
        if self.mapping.table == "patient" and "source_patient_id" not in self.records.columns:
            self.records = self.records.with_columns(pl.col(LOCAL_PATIENT).alias("source_patient_id"))
        patients = self.records.select(
            pl.col(LOCAL_PATIENT).alias("source_patient_id"),
            "patient_id",
            "_row_id",
            "_submission_no",
            pl.lit(self.mapping.number, dtype=pl.Int16).alias("_mapping_no"),
        ).drop_nulls("patient_id")
        return TableRows(
            self._ordered(),
            self._with_record(_stack([*self.issues, conflicts], ISSUE_SCHEMA)),
            _stack(self.changes, CHANGE_SCHEMA),
            patients.unique(["source_patient_id", "patient_id"], keep="first", maintain_order=True),
        )

    def _siblings(self, name: str) -> dict[str, Any]:
        mapped = self.mapping.columns
        return {column: None for column in self.declared if column not in mapped and column != name}

    def _carry_source_columns(self) -> None:
        named = [
            placeholder.name
            for column in self.mapping.columns.values()
            for placeholder in column.placeholders
            if self.mapping.is_source_column(column, placeholder.name) and column.target.name != "patient_id"
        ]
        texts = {name: self.rows[name].str.normalize("NFKC") for name in self.mapping.group_by}
        row_ids = self.rows["_row_id"]
        texts |= {name: part_of_identifier(self.rows[name], row_ids) for name in dict.fromkeys(named)}
        self.records = self.records.with_columns(
            text.alias(SOURCE_PREFIX + name) for name, text in texts.items()
        )

    def _note(self, typed: Typed) -> None:
        self.issues.append(typed.issues)
        self.changes.append(typed.changes)

    def _with_record(self, issues: pl.DataFrame) -> pl.DataFrame:
        """Issues with the record that they belong to; a wide row feeds several records of a table."""
        if issues.is_empty():
            return _NO_ISSUES
        key = [pl.col(name).cast(pl.String).fill_null("?") for name in self._key()]
        records = self.records.with_columns(pl.col("_row_id").alias("_record_row_id"))
        if self.mapping.group_by:
            records = records.drop("_row_id").explode("_row_ids").rename({"_row_ids": "_row_id"})
        behind = records.join(issues, on="_row_id", how="semi").select(
            "_row_id", "_record_row_id", pl.concat_str(key, separator="|").alias("_record_key")
        )
        return issues.join(behind, on="_row_id", how="left", maintain_order="left")

    def _key(self) -> list[str]:
        return [
            key_column for key_column in key_columns(self.mapping.table) if key_column in self.records.columns
        ] or ["patient_id"]

    def _ordered(self) -> pl.DataFrame:
        rows = self.records.with_columns(self.staging.facility_id.alias("facility_id"))
        if self.staging.facilities[0].calendar == "relative":
            rows = rows.with_columns(_relative(rows.columns))
        own = [name for name in self.declared if name in rows.columns]
        return rows.select(
            *(pl.col(name).cast(self.declared[name].polars_type) for name in own),
            "_row_id",
            "_row_ids",
            pl.lit(self.source.number, dtype=pl.Int16).alias("_source_no"),
            pl.lit(self.mapping.number, dtype=pl.Int16).alias("_mapping_no"),
            pl.col("_submission_no").cast(pl.Int32),
        )


def _constant(column: ColumnMapping) -> list[pl.Expr]:
    name = column.target.name
    result = [pl.lit(column.value, dtype=column.target.polars_type).alias(name)]
    if column.target.kind == "date":
        result += [
            pl.lit(column.value, dtype=pl.Date).alias(f"{name}_{bound}") for bound in ("lower", "upper")
        ]
        result.append(pl.lit("day").alias(f"{name}_precision"))
    return result


def _relative(columns: list[str]) -> list[pl.Expr]:
    """Dates that are exact relative to each other while their place in the calendar is known to the year."""
    result = []
    for name in (
        column.removesuffix("_precision") for column in columns if column.endswith("_date_precision")
    ):
        is_known = pl.when(pl.col(name).is_not_null())
        result += [is_known.then(pl.col(name)).alias(f"{name}_{bound}") for bound in ("lower", "upper")]
        result.append(is_known.then(pl.lit("year")).alias(f"{name}_precision"))
    return result


def _stack(frames: list[pl.DataFrame], schema: dict[str, Any]) -> pl.DataFrame:
    return pl.concat(frames) if frames else pl.DataFrame(schema=schema)
