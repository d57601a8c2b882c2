"""Who the patients of a facility are: patient_xref, linked numbers, keys for probable pairs.

Belongs here: bringing what the sources say of persons together with the staged tables.
Does not belong here: links (``identity.py``), hashes (``intake/identity/person_keys.py``, ``pseudonym.py``).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import polars as pl

from registry_pipeline.intake.columns.lineage import person_mapping_no
from registry_pipeline.intake.identity.links import Identity, contradictions, numbers_of, one_number_each
from registry_pipeline.intake.identity.person_keys import PERSON_KEYS, person_keys
from registry_pipeline.intake.mapping.model import Facility, Source
from registry_pipeline.intake.pseudonym import Pseudonyms

XREF_COLUMN = "source_patient_id"


@dataclass
class Persons:
    """What the sources of a facility say of who somebody is, gathered source by source.

    Attributes:
        numbers: rows of patient_xref without their facility: frames of one source name, each number once.
        keys: ``PERSON_KEYS``.
        issues: numbers of ``[source.person]`` that could not be read, with ``_row_id``.
    """

    pseudonyms: Pseudonyms
    key: bytes
    numbers: list[pl.DataFrame] = field(default_factory=list)
    keys: list[pl.DataFrame] = field(default_factory=list)
    issues: list[pl.DataFrame] = field(default_factory=list)

    def add_patients(self, source: Source, patients: pl.DataFrame) -> None:
        """The patients of a ``[[source.table]]``, as :func:`numbers_of_patients` gives them."""
        if self.pseudonyms.has_links:
            own = self.pseudonyms.own(patients[XREF_COLUMN], source.patient_number)
            patients = patients.with_columns(own.alias("own_patient_id"))
        self.numbers.append(patients)

    def add_rows(self, source: Source, rows: pl.DataFrame) -> None:
        """What the rows of a source say: its ``[source.person]``."""
        if source.person is None:
            return
        self.keys.append(person_keys(rows, source, self.pseudonyms, self.key))
        numbers, issues = numbers_of(rows, source)
        self.issues.append(issues)
        placed = numbers.join(rows.select("_row_id", "_submission_no"), on="_row_id", maintain_order="left")
        for (kind,), group in placed.group_by("kind", maintain_order=True):
            if source.tables and kind == source.patient_number:
                continue  # these are the numbers of add_patients
            local = group["local"]
            hashed = group.select(
                pl.col("local").alias(XREF_COLUMN),
                self.pseudonyms.of(local, str(kind)).alias("patient_id"),
                "_row_id",
                "_submission_no",
                self.pseudonyms.own(local, str(kind)).alias("own_patient_id"),
                pl.lit(False).alias("_has_record"),
                pl.lit(person_mapping_no(source, str(kind)), dtype=pl.Int16).alias("_mapping_no"),
            )
            name = source.name if kind == source.patient_number else f"{source.name}.{kind}"
            once = hashed.unique(XREF_COLUMN, keep="first", maintain_order=True)
            self.numbers.append(_placed(once, source, name))

    def patient_xref(self, facility: Facility) -> pl.DataFrame:
        """Which number of which source is which patient. Numbers of people without any record are not kept."""
        nobody = pl.DataFrame(schema=_NUMBERS)  # of a mapping whose sources feed no table yet
        numbers = pl.concat([nobody, *self.numbers])
        with_record = numbers.filter("_has_record").select("patient_id").unique()
        parts = [nobody]
        seen: dict[str, list[pl.DataFrame]] = {}
        for part in self.numbers:
            if not part["_has_record"].all():
                part = part.join(with_record, on="patient_id", how="semi", maintain_order="left")
            earlier = seen.setdefault(str(part["source_name"].first()), [])
            if earlier:
                part = part.join(pl.concat(earlier), on=XREF_COLUMN, how="anti", maintain_order="left")
            earlier.append(part.get_column(XREF_COLUMN).to_frame())
            parts.append(part)
        return pl.concat(parts).select(
            pl.lit(facility.facility_id).alias("facility_id"),
            "source_name",
            XREF_COLUMN,
            "patient_id",
            "own_patient_id",
            pl.lit("exact").alias("match_method"),
            "_row_id",
            pl.concat_list("_row_id").alias("_row_ids"),
            "_source_no",
            "_mapping_no",
            "_submission_no",
        )

    def person_keys(self) -> pl.DataFrame:
        """``PERSON_KEYS`` of all sources."""
        return pl.concat([pl.DataFrame(schema=PERSON_KEYS), *self.keys]).unique(maintain_order=True)

    def linked(self, identity: Identity) -> pl.Series:
        """The pseudonyms that several numbers share."""
        result = [
            self.pseudonyms.of(pl.Series([local], dtype=pl.String), kind)[0]
            for kind, local in sorted(identity.linked)
        ]
        return pl.Series("patient_id", result, dtype=pl.String)


def numbers_of_patients(patients: pl.DataFrame, source: Source) -> pl.DataFrame:
    """Rows of patient_xref of what a ``[[source.table]]`` gave, without their facility, also of several under one another.

    Args:
        patients: ``source_patient_id, patient_id, _row_id, _submission_no, _mapping_no``.
    """
    own = pl.col("patient_id").alias("own_patient_id")
    return _placed(patients.with_columns(own, pl.lit(True).alias("_has_record")), source, source.name)


def one_patient_each(patients: pl.DataFrame, linked: pl.Series) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows of ``patient`` of linked numbers with one number each, and the issues of those that cannot be one."""
    return one_number_each(patients, linked), contradictions(patients, linked)


def as_issues(issues: Iterable[pl.DataFrame], table: str, columns: Iterable[str]) -> list[pl.DataFrame]:
    """Issues of source rows, each tied to the record that its own row made in ``table``."""
    added = (
        pl.lit(table).alias("table_name"),
        pl.col("_row_id").alias("_record_row_id"),
        pl.lit(None, dtype=pl.String).alias("_record_key"),
    )
    return [issue.with_columns(added).select(list(columns)) for issue in issues]


_NUMBERS = {
    XREF_COLUMN: pl.String,
    "patient_id": pl.String,
    "own_patient_id": pl.String,
    "_row_id": pl.Int64,
    "_submission_no": pl.Int32,
    "_has_record": pl.Boolean,
    "_mapping_no": pl.Int16,
    "source_name": pl.String,
    "_source_no": pl.Int16,
}


def _placed(frame: pl.DataFrame, source: Source, name: str) -> pl.DataFrame:
    return frame.select(
        XREF_COLUMN,
        "patient_id",
        "own_patient_id",
        "_row_id",
        pl.col("_submission_no").cast(pl.Int32),
        "_has_record",
        "_mapping_no",
        pl.lit(name).alias("source_name"),
        pl.lit(source.number, dtype=pl.Int16).alias("_source_no"),
    )
