"""Findings that no rule advises on, with all records of their patients: what a slip is looked for in.

Belongs here: which findings of a screening these are, their records in one working file.
Does not belong here: the slips (``slips.py``), trying them (``trials.py``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from registry_pipeline.core.side_by_side import Bounds, bounds, place_of_row
from registry_pipeline.validation.records import curated, record_keys
from registry_pipeline.validation.rules.catalogue import Catalogue
from registry_pipeline.validation.screening.facilities import Facilities, with_own_numbers
from registry_pipeline.validation.screening.findings import RANK, finding_id
from registry_pipeline.validation.screening.slips import slips_of

MOST_TRIALS = 800
"""At one facility, the gravest findings first: each is a copy of all records of a patient."""
MOST_FINDINGS = 2_000
"""That are looked at for slips, the gravest first."""
MOST_COPIES = 50_000
"""Of records, in all trials of one facility; a patient of whom they would be more is passed over."""
_FINDINGS = "findings"
DOUBT: dict[str, Any] = {
    "finding_id": pl.String,
    "rule_id": pl.String,
    "table_name": pl.String,
    "record": pl.Int64,
    "items": pl.String,
    "patient_id": pl.String,
}


@dataclass(frozen=True)
class Doubts:
    """Findings of one facility without advice.

    Attributes:
        findings: columns of ``DOUBT``; ``record`` is the ``_row_id`` of the record in its table.
        records: per table every record of their patients, before impossible values were taken out.
    """

    findings: pl.DataFrame
    records: Mapping[str, pl.DataFrame]

    def packed(self) -> pl.DataFrame:
        """One row, a list of records to a column: small tables cost a file each more than what is in them."""
        frames = {_FINDINGS: self.findings, **self.records}
        return pl.DataFrame([frame.to_struct(name).implode() for name, frame in frames.items()])

    @staticmethod
    def unpacked(frame: pl.DataFrame) -> Doubts:
        """The inverse of :meth:`packed`."""
        frames = {column.name: column.explode(empty_as_null=False).struct.unnest() for column in frame}
        return Doubts(frames.pop(_FINDINGS), frames)


def doubts_of(
    listed: pl.DataFrame,
    as_sent: Mapping[str, pl.DataFrame],
    rules: Catalogue,
    facilities: Facilities,
    places: Mapping[str, Bounds],
) -> list[Doubts]:
    """What a screening leaves of each facility without advice, as far as slips can be undone in it, the gravest first.

    Args:
        listed: violations that become findings (columns of ``VIOLATION``).
        as_sent: every record before impossible values were taken out.
        places: per table where the records of each facility stand.
    """
    asked = _asked(listed, len(facilities))
    sent = {
        table: _sent(table, as_sent, group["_row_id"])
        for (table,), group in pl.concat(asked).group_by("table_name")
    }
    patients = {
        patient for records in sent.values() for row in records.values() if (patient := row["patient_id"])
    }
    n_records = _records_per_patient(patients, as_sent)
    findings = []
    for at, own in enumerate(asked):
        firsts = {name: of_table[at][0] for name, of_table in places.items()}
        doubtful = _doubtful(own, sent, n_records, rules, facilities.ids[at], firsts)
        findings.append(pl.DataFrame(list(doubtful), schema=DOUBT, orient="row"))
    patients_in_doubt = pl.concat(own["patient_id"] for own in findings).unique().implode()
    records = {
        name: frame.filter(pl.col("patient_id").is_in(patients_in_doubt)) for name, frame in as_sent.items()
    }
    if len(facilities) == 1:
        return [Doubts(findings[0], records)]
    own_places = {name: bounds(frame["_origin"], len(facilities)) for name, frame in records.items()}
    records = {name: _renumbered(frame, own_places[name], places[name]) for name, frame in records.items()}
    return [
        Doubts(own, {name: frame.slice(*own_places[name][at]) for name, frame in records.items()})
        for at, own in enumerate(findings)
    ]


def _renumbered(records: pl.DataFrame, own_places: Bounds, places: Bounds) -> pl.DataFrame:
    """Some records of several facilities, numbered as each numbers its rows and records."""
    firsts = np.repeat([first for first, _ in places], [height for _, height in own_places])
    numbers = pl.col("_row_id") - pl.Series(firsts, dtype=pl.Int64)
    return with_own_numbers(records).with_columns(numbers)


def _asked(listed: pl.DataFrame, n: int) -> list[pl.DataFrame]:
    """Of each facility the findings that are looked at."""
    severity = pl.col("severity").cast(pl.String)
    is_open = pl.col("suggestion").is_null() & pl.col("value_text").is_null() & (severity != "info")
    rank = severity.replace_strict(RANK, default=9, return_dtype=pl.Int8)
    names = ("rule_id", "table_name", "items")
    unadvised = listed.filter(is_open & pl.col("_row_id").is_not_null()).sort(rank, maintain_order=True)
    asked = unadvised.select(
        pl.col(names).cast(pl.String), "_row_id", place_of_row(n, "_origin").alias("_place")
    )
    parts = asked.partition_by("_place", maintain_order=True, as_dict=True, include_key=False)
    return [parts.get((at,), asked.clear().drop("_place")).head(MOST_FINDINGS) for at in range(n)]


def _doubtful(
    asked: pl.DataFrame,
    sent: Mapping[str, Mapping[int, Mapping[str, Any]]],
    n_records: Mapping[str, int],
    rules: Catalogue,
    facility_id: str,
    firsts: Mapping[str, int],
) -> Iterator[Sequence[Any]]:
    n_trials, n_copies, tried = 0, 0, set()
    for rule_id, table, items, number in asked.iter_rows():
        record = sent[table].get(number, {})
        patient = record.get("patient_id")
        if patient is None or rules.entries[rule_id].suggestion is not None:
            continue
        n_slips = len(list(slips_of(table, items.split(","), record)))
        n_own = n_slips + (patient not in tried)
        if not n_slips or n_copies + n_own * n_records[patient] > MOST_COPIES:
            continue
        n_trials, n_copies = n_trials + n_own, n_copies + n_own * n_records[patient]
        if n_trials > MOST_TRIALS:
            break
        tried.add(patient)
        finding = finding_id(rule_id, facility_id, table, record["record_key"] or "", items)
        yield finding, rule_id, table, number - firsts[table], items, patient


def _sent(table: Any, as_sent: Mapping[str, pl.DataFrame], numbers: pl.Series) -> dict[int, dict[str, Any]]:
    """Some records of a table by their number, with their keys."""
    if table not in curated():
        return {}
    keys = record_keys(table, as_sent[table], numbers.unique())
    return {row["_row_id"]: row for row in as_sent[table].join(keys, on="_row_id").iter_rows(named=True)}


def _records_per_patient(patients: Set[str], as_sent: Mapping[str, pl.DataFrame]) -> dict[str, int]:
    asked = pl.Series(list(patients), dtype=pl.String).implode()
    own = pl.concat(
        frame.select(pl.col("patient_id").filter(pl.col("patient_id").is_in(asked)))
        for frame in as_sent.values()
    )
    return dict(own.group_by("patient_id").len().iter_rows())
