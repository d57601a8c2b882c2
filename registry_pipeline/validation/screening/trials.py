"""What to write instead, found by trial: a slip that people make is undone, and every rule judges the patient again.

Belongs here: copies of a patient's records with one value changed, which copies break nothing more.
Does not belong here: the slips (``slips.py``), the rules.

A value is suggested where the finding goes with it and no other finding comes, where at most two values do so, and, of a
date, where hardly any other day would do: that an order holds once a year is taken off a date says nothing, if months
would do as well. Each trial is a patient of her own, so that all are judged at once, by the rules as they are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from typing import Any

import polars as pl

from registry_pipeline.validation.records import curated
from registry_pipeline.validation.rules.catalogue import Catalogue, RuleEntry
from registry_pipeline.validation.screening.cross_table import (
    FacilityRecords,
    judge_between_tables,
    words_of,
)
from registry_pipeline.validation.screening.doubts import DOUBT, Doubts
from registry_pipeline.validation.screening.identifiers import number_identifiers
from registry_pipeline.validation.screening.impossible_values import take_out_impossible
from registry_pipeline.validation.screening.slips import Slip, controls_of, slips_of
from registry_pipeline.validation.screening.within_table import Outcome, judge_table
from schemas.rules.suggestion import MOST, either

BY_CHANCE = 1
"""Of the controls of a slip, so many may mend the finding too."""
FEW_TRIALS = 100
"""They are judged with the controls of all of them: a second judgement would cost more than the controls of slips that mend nothing."""
_OWN_NUMBERS = ("facility_id", "source_patient_id")
_SIGNS = ["rule_id", "table_name", "_record", "items", "severity"]
Sign = tuple[Any, ...]


@dataclass(frozen=True)
class Trial:
    """One value of one record, changed; without a slip, what the others are compared with.

    Attributes:
        finding: place of the finding among those that are tried; -1 without a slip.
        record: number of the record in its table.
        is_control: the value is that of nobody's slip.
        number: of the trial.
    """

    patient_id: str
    finding: int = -1
    table: str = ""
    record: int = -1
    slip: Slip | None = None
    number: int = 0
    is_control: bool = False


def suggestions(
    doubts: Mapping[str, Doubts],
    rules: Catalogue,
    parameters: Mapping[str, Any],
    memory_limit: str = "1500MB",
) -> pl.DataFrame:
    """``facility_id, finding_id, suggestion`` of the findings that undoing a slip mends.

    Args:
        doubts: facility -> its findings without advice; all are judged at once, for a judgement costs more than a trial.
        parameters: of :func:`registry_pipeline.validation.rules.catalogue.parameters_of`.
    """
    findings = pl.concat(
        [pl.DataFrame(schema={"facility_id": pl.String, **DOUBT})]
        + [own.findings.select(pl.lit(name).alias("facility_id"), *DOUBT) for name, own in doubts.items()]
    )
    records = {name: _records(name, doubts) for name in curated()}
    judge = partial(_judged, as_sent=records, rules=rules, parameters=parameters, memory_limit=memory_limit)
    groups = list(_trials(findings, records))
    tried = list(chain.from_iterable(groups))
    controls = map(_controls, tried if len(tried) <= FEW_TRIALS else ())
    mended = _mended(_numbered([*groups, *controls]), findings["rule_id"], judge)
    few = {at: trials for at, trials in _of_slips(mended).items() if len(set(map(_text, trials))) <= MOST}
    if len(tried) > FEW_TRIALS:
        moved = _numbered(_controls(trial) for trials in few.values() for trial in trials)
        mended = _mended(moved, findings["rule_id"], judge)
    by_chance = Counter(
        (at, _text(trial)) for at, trials in mended.items() for trial in trials if trial.is_control
    )
    texts = [
        either(text for text in map(_text, few.get(at, ())) if by_chance[at, text] <= BY_CHANCE)
        for at in range(findings.height)
    ]
    suggested = findings.select("facility_id", "finding_id", pl.Series("suggestion", texts, dtype=pl.String))
    return suggested.drop_nulls("suggestion")


def _records(table: str, doubts: Mapping[str, Doubts]) -> pl.DataFrame:
    """The records of every facility; a patient whom two know is two, and records keep the numbers of their facility."""
    return pl.concat(
        own.records[table].with_columns(_patients(pl.lit(facility_id))) for facility_id, own in doubts.items()
    )


def _patients(facility_id: pl.Expr) -> pl.Expr:
    return pl.concat_str(facility_id, pl.lit("/"), "patient_id").alias("patient_id")


def _text(trial: Trial) -> str:
    return trial.slip.text if trial.slip else ""


def _controls(trial: Trial) -> list[Trial]:
    if trial.slip is None:
        return []
    return [replace(trial, slip=control, is_control=True) for control in controls_of(trial.slip)]


def _of_slips(mended: Mapping[int, Sequence[Trial]]) -> dict[int, list[Trial]]:
    """Of the trials in which findings go those of slips; findings that none of them mends are left out."""
    own = {at: [trial for trial in trials if not trial.is_control] for at, trials in mended.items()}
    return {at: trials for at, trials in own.items() if trials}


def _trials(findings: pl.DataFrame, records: Mapping[str, pl.DataFrame]) -> Iterator[list[Trial]]:
    """The trials of every finding."""
    whose = findings.select("table_name", _patients(pl.col("facility_id")), pl.col("record").alias("_row_id"))
    rows = {
        (table, row["patient_id"], row["_row_id"]): row
        for (table,), asked in whose.group_by("table_name")
        for row in records[table].join(asked, on=["patient_id", "_row_id"], how="semi").iter_rows(named=True)
    }
    for at, (facility_id, _, _, table, number, items, patient_id) in enumerate(findings.iter_rows()):
        patient = f"{facility_id}/{patient_id}"
        row = rows[table, patient, number]
        yield [Trial(patient, at, table, number, slip) for slip in slips_of(table, items.split(","), row)]


def _numbered(groups: Iterable[Sequence[Trial]]) -> list[Trial]:
    """The trials, and of every patient one without a slip."""
    numbered: list[Trial] = []
    patients = set()
    for trial in chain.from_iterable(groups):
        if trial.patient_id not in patients:
            patients.add(trial.patient_id)
            numbered.append(Trial(trial.patient_id, number=len(numbered)))
        numbered.append(replace(trial, number=len(numbered)))
    return numbered


def _mended(
    trials: Sequence[Trial], rule_ids: pl.Series, judge: Callable[[Sequence[Trial]], Mapping[int, set[Sign]]]
) -> dict[int, list[Trial]]:
    """Place of a finding -> the trials in which it goes and no other comes."""
    broken = judge(trials) if trials else {}
    before = {trial.patient_id: broken.get(trial.number, set()) for trial in trials if trial.slip is None}
    mended: dict[int, list[Trial]] = {}
    for trial in trials:
        if trial.slip is None:
            continue
        about = (rule_ids[trial.finding], trial.table, trial.record)
        after, was = broken.get(trial.number, set()), before[trial.patient_id]
        is_gone = about in {sign[:3] for sign in was} and about not in {sign[:3] for sign in after}
        if is_gone and after <= was:
            mended.setdefault(trial.finding, []).append(trial)
    return mended


def _judged(
    trials: Sequence[Trial],
    as_sent: Mapping[str, pl.DataFrame],
    rules: Catalogue,
    parameters: Mapping[str, Any],
    memory_limit: str,
) -> dict[int, set[Sign]]:
    """Number of a trial -> what its patient breaks."""
    copies = _copies(trials, as_sent)
    outcome, concerned = Outcome(), _concerned(rules, trials)
    whole = {name: frame.drop("_trial", "_record") for name, frame in copies.items()}
    records = take_out_impossible(whole, concerned, outcome)
    for name in {trial.table for trial in trials if trial.slip}:  # the others say the same in every trial
        judge_table(name, records[name], concerned, parameters, outcome)
    own = FacilityRecords(records, number_identifiers(records), outcome)
    judge_between_tables(own, concerned, parameters, memory_limit)
    violations = outcome.violations.whole()
    numbers = pl.concat(
        frame.select("_row_id", "_trial", "_record", pl.lit(name).alias("table_name"))
        for name, frame in copies.items()
    )
    signs = violations.with_columns(pl.col(pl.Categorical).cast(pl.String)).join(
        numbers, on=["table_name", "_row_id"]
    )
    broken: dict[int, set[Sign]] = {}
    for number, *sign in signs.select("_trial", *_SIGNS).iter_rows():
        broken.setdefault(number, set()).add(tuple(sign))
    return broken


def _copies(trials: Sequence[Trial], as_sent: Mapping[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """Per table the records of every trial, numbered anew: ``_trial`` and ``_record`` say which each is."""
    chosen = pl.DataFrame(
        [(trial.number, trial.patient_id) for trial in trials],
        schema={"_trial": pl.Int64, "patient_id": pl.String},
        orient="row",
    )
    copies = {}
    for name, frame in as_sent.items():
        copied = frame.join(chosen, on="patient_id", maintain_order="left_right")
        apart = [
            pl.concat_str(column, pl.lit("#"), "_trial").alias(column)
            for column in copied.columns
            if column.endswith("_id") and column[0] != "_" and column not in _OWN_NUMBERS
        ]
        numbered = copied.with_columns(pl.col("_row_id").alias("_record"), *apart)
        numbered = numbered.with_columns(pl.int_range(1, pl.len() + 1).alias("_row_id"))
        copies[name] = _changed(numbered, [trial for trial in trials if trial.table == name])
    return copies


def _changed(copies: pl.DataFrame, trials: Sequence[Trial]) -> pl.DataFrame:
    """The records of one table with the changed values."""
    by_column: dict[str, list[tuple[int, int, Any]]] = {}
    for trial in trials:
        for column, value in trial.slip.changes if trial.slip else ():
            by_column.setdefault(column, []).append((trial.number, trial.record, value))
    for column, rows in by_column.items():
        kind = copies.schema[column]
        schema: dict[str, Any] = {"_trial": pl.Int64, "_record": pl.Int64, "_value": kind}
        values = pl.DataFrame(rows, schema=schema, orient="row")
        joined = copies.join(values, on=["_trial", "_record"], how="left", maintain_order="left")
        copies = joined.with_columns(pl.coalesce("_value", column).alias(column)).drop("_value")
    return copies


def _concerned(rules: Catalogue, trials: Sequence[Trial]) -> Catalogue:
    """The catalogue without the rules between tables that name no changed column."""
    changed = {(trial.table, column) for trial in trials if trial.slip for column, _ in trial.slip.changes}

    def is_concerned(entry: RuleEntry) -> bool:
        words = words_of([entry]) if entry.scope == "facility" else {}
        return entry.scope != "facility" or any(column in words.get(table, ()) for table, column in changed)

    return Catalogue({rule_id: entry for rule_id, entry in rules.entries.items() if is_concerned(entry)})
