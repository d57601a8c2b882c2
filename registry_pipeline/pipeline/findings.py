"""Findings with their history: of the release that is being made, and as of the last screening.

Belongs here: bringing this refresh's findings, those of the served release and the ledger together, and looking
up what became of the records behind findings that are no longer shown.
Does not belong here: the states of a finding (``validation/registry_wide/finding_history.py``), what people do with
findings (``stewardship/``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl

from registry_pipeline.core.frames import with_schema
from registry_pipeline.core.home import WHOLE_REGISTRY, Home
from registry_pipeline.core.sql_files import SqlFile
from registry_pipeline.core.working_files import working_file
from registry_pipeline.pipeline.context import RefreshContext
from registry_pipeline.pipeline.corrections import is_usable
from registry_pipeline.pipeline.decisions import DecisionState
from registry_pipeline.pipeline.facility_parts import curated_files
from registry_pipeline.pipeline.suggestions import screened_findings
from registry_pipeline.store.parquet import read_parquet
from registry_pipeline.store.releases import current_release, open_release
from registry_pipeline.validation.decisions.in_force import assignments, states_of
from registry_pipeline.validation.records import curated, whole_key
from registry_pipeline.validation.registry_wide.finding_history import Vanished, merge_lifecycle
from registry_pipeline.validation.rules.catalogue import Catalogue
from registry_pipeline.validation.screening.findings import FINDING

_ASSIGNED = {"finding_id": pl.String, "assigned_to": pl.String, "due_date": pl.Date}
_SETTLED = ["corrected", "closed"]
_JUDGED = ["finding_id", "severity", "value_text"]


def findings_with_history(context: RefreshContext, current: pl.DataFrame, release_id: str) -> pl.DataFrame:
    """Rows of ``quality.finding``: this refresh's findings, and every earlier one, each in its state.

    Args:
        current: findings of this refresh, status open.
        release_id: the release that is being made.
    """
    return _merged(context, current, released_findings(context.home), release_id)


def released_findings(home: Home) -> pl.DataFrame | None:
    """Rows of ``quality.finding`` of the served release; None where there is none."""
    if current_release(home) is None:
        return None
    with open_release(home) as connection:
        return connection.execute("FROM quality.finding").pl()


@dataclass(frozen=True)
class FindingSources:
    """What the findings of now are made of, apart from the ledger.

    Attributes:
        screened: what the last screenings found; None where nothing was judged.
        released: rows of ``quality.finding`` of the served release; None where there is none.
    """

    screened: pl.DataFrame | None
    released: pl.DataFrame | None


def read_finding_sources(context: RefreshContext) -> FindingSources:
    """What the findings of now are made of; the costly part of :func:`latest_findings`."""
    return FindingSources(_screened_findings(context), released_findings(context.home))


def latest_findings(context: RefreshContext, sources: FindingSources) -> tuple[pl.DataFrame, bool]:
    """Rows of ``quality.finding`` as of the last screening, and whether the served release shows just these.

    Where it does not, because a refresh was refused or has not ended, ``first_seen_release`` is an empty text for a
    finding that no release has shown yet, and ``last_seen_release`` for all that are shown now.
    """
    current, released = sources.screened, sources.released
    if current is None:
        return (
            (pl.DataFrame(schema=FINDING), False)
            if released is None
            else (with_schema(released, FINDING), True)
        )
    release_id = current_release(context.home)
    is_released = released is not None and _shows(released, release_id, current)
    return _merged(context, current, released, release_id or "" if is_released else ""), is_released


def _shows(released: pl.DataFrame, release_id: str | None, current: pl.DataFrame) -> bool:
    """Whether the findings that a release shows are, value by value, those of the last screening."""
    shown = released.filter(pl.col("last_seen_release") == release_id).select(_JUDGED)
    return (
        current.unique("finding_id")
        .select(_JUDGED)
        .join(shown, on=_JUDGED, how="anti", nulls_equal=True)
        .is_empty()
    )


def _screened_findings(context: RefreshContext) -> pl.DataFrame | None:
    """What the facilities' screenings and the rules over the whole registry found last; None where nothing was judged."""
    frames = [screened_findings(context)] if context.screened_files("findings") else []
    judged = working_file(context.layout.table("quality.finding"), context.layout.root)
    if judged is not None:
        rules = list(context.rules.of_scope("registry"))
        is_registry_wide = pl.col("rule_id").is_in(rules) | (pl.col("facility_id") == WHOLE_REGISTRY)
        frames.append(read_parquet(judged).filter(is_registry_wide))
    return pl.concat([with_schema(frame, FINDING) for frame in frames]) if frames else None


def _merged(
    context: RefreshContext, current: pl.DataFrame, previous: pl.DataFrame | None, release_id: str
) -> pl.DataFrame:
    decisions = context.decisions
    if previous is not None:
        own = working_file(context.layout.registry_unlisted(), context.layout.root)
        files = [*context.screened_files("unlisted"), *([] if own is None else [own])]
        current = pl.concat([current, still_broken(files, previous, current)])
    states = states_of(decisions.decisions, current, context.home.key(), decisions.day)
    vanished = Vanished() if previous is None else _vanished(context, previous, current)
    return _with_assignments(merge_lifecycle(current, previous, release_id, states, vanished), decisions)


def still_broken(files: Sequence[Path], previous: pl.DataFrame, current: pl.DataFrame) -> pl.DataFrame:
    """Earlier findings that this refresh counts in their cause and does not list: they are not corrected.

    They stand as they were seen last. Samples hardly ever change, so these are few: those of the first sample.

    Args:
        files: the findings that the screenings counted and did not list.
        previous: rows of ``quality.finding`` of the release before.
        current: those of this refresh.
    """
    missing = (
        previous.filter(~pl.col("status").is_in(_SETTLED))
        .join(current, on="finding_id", how="anti")
        .with_columns(
            pl.col("finding_id")
            .str.strip_prefix("F")
            .str.to_integer(base=16, dtype=pl.UInt64, strict=False)
            .alias("_no")
        )
    )
    numbers = missing["_no"].drop_nulls().implode()
    unlisted = [
        pl.scan_parquet(path, glob=False)
        .filter(pl.col("finding_number").is_in(numbers))
        .select(
            pl.col("finding_number").alias("_no"),
            pl.col("systemic_finding_id").cast(pl.String).alias("_cause"),
        )
        .collect()
        for path in files
    ]
    if not unlisted or missing.is_empty():
        return current.clear()
    unlisted_now = missing.join(pl.concat(unlisted).unique("_no"), on="_no", maintain_order="left")
    return with_schema(
        unlisted_now.with_columns(pl.col("_cause").alias("systemic_finding_id")), current.schema
    )


def _with_assignments(findings: pl.DataFrame, decisions: DecisionState) -> pl.DataFrame:
    """With who looks after each finding and until when."""
    rows = [
        (finding, assigned_to, None if due_date is None else date.fromisoformat(due_date))
        for finding, (assigned_to, due_date) in assignments(decisions.decisions).items()
    ]
    assigned = pl.DataFrame(rows, schema=_ASSIGNED, orient="row")
    return (
        findings.drop("assigned_to", "due_date")
        .join(assigned, on="finding_id", how="left", maintain_order="left")
        .select(list(FINDING))
    )


def _vanished(context: RefreshContext, previous: pl.DataFrame, current: pl.DataFrame) -> Vanished:
    """What became of the earlier findings that are not among the current ones."""
    rules = context.rules
    comparing = _comparing_rules(rules)
    settled = pl.col("status").is_in(_SETTLED)
    missing = previous.join(current, on="finding_id", how="anti").filter(~settled)
    is_comparing = pl.col("rule_id").is_in(list(comparing))
    of_records = missing.filter(~is_comparing & ~pl.col("rule_id").is_in(list(rules.of_scope("registry"))))
    return Vanished(
        gone=frozenset(_without_record(context, of_records)),
        corrected_here=frozenset(_corrected(context)),
        unusable=frozenset(
            correction.finding_id
            for facility_id in context.home.facility_ids()
            for correction in context.decisions.corrections_at(facility_id)
            if not is_usable(correction)
        ),
        restored=frozenset(_restored(context, missing.filter(is_comparing))),
        comparing_rules=frozenset(comparing),
    )


def _comparing_rules(rules: Catalogue) -> set[str]:
    """Rules that read an earlier release."""
    return {
        rule_id
        for rule_id, entry in rules.entries.items()
        if isinstance(entry.judged_by, SqlFile)
        and any(
            name.startswith(("previous.", "comparison.")) for name in entry.judged_by.header.get("inputs", ())
        )
    }


def _without_record(context: RefreshContext, findings: pl.DataFrame) -> list[str]:
    """Ids of findings on records that no submission in force holds any more, quarantined or not."""
    gone = []
    for (table,), group in findings.group_by("table_name"):
        if table not in curated():
            continue
        key = whole_key(str(table))
        paths = [
            path
            for outcome in ("accepted", "quarantined")
            for path in (
                context.layout.screened_table(sender, str(table), outcome) for sender in context.senders
            )
            if working_file(path, context.layout.root) is not None
        ]
        record_keys = group["record_key"].drop_nulls().unique()
        present = (
            pl.concat([_keys(path, key, record_keys) for path in paths]) if paths else record_keys.clear()
        )
        # Where a part of the key is missing it is an ordinal that tells records apart, which says nothing later.
        is_gone = ~pl.col("record_key").is_in(present.implode()) & ~pl.col("record_key").str.contains(
            "?", literal=True
        )
        gone += group.filter(is_gone)["finding_id"].to_list()
    return gone


def _keys(path: Path, key: pl.Expr, record_keys: pl.Series) -> pl.Series:
    """Those of the wanted record keys that a working file holds."""
    keys = pl.scan_parquet(path, glob=False).select(key.alias("record_key"))
    return keys.filter(pl.col("record_key").is_in(record_keys.implode())).collect()["record_key"]


def _corrected(context: RefreshContext) -> list[str]:
    """Ids of findings that corrections in force took away at the last screening."""
    frames = [read_parquet(path) for path in context.screened_files("corrections")]
    return [finding for frame in frames for finding in frame["finding_id"].to_list()]


def _restored(context: RefreshContext, findings: pl.DataFrame) -> list[str]:
    """Ids of comparisons whose first item has the value again that it had before it changed."""
    if "old_value" not in findings.columns:
        return []
    restored = []
    named = findings.drop_nulls("old_value").with_columns(
        pl.col("items").str.split(",").list.first().alias("_item")
    )
    for (table, item), group in named.group_by("table_name", "_item"):
        if table not in curated() or item not in curated()[str(table)].columns:
            continue
        if not (files := curated_files(context, str(table))):
            continue
        records = pl.concat([pl.scan_parquet(path, glob=False) for path in files])
        asked = group["record_key"].unique()
        keyed = records.select(whole_key(str(table)).alias("record_key"), pl.col(str(item)).alias("_now"))
        now = keyed.filter(pl.col("record_key").is_in(asked.implode())).collect()
        joined = group.join(now.with_columns(pl.col("_now").cast(pl.String)), on="record_key")
        restored += joined.filter(pl.col("_now") == pl.col("old_value"))["finding_id"].to_list()
        # of a column that was emptied as a whole: the facility fills it again
        of_column = group.filter(pl.col("record_key") == f"{table}.{item}")
        if of_column.height:
            filled = records.filter(pl.col(str(item)).is_not_null()).select("facility_id").unique().collect()
            restored += of_column.join(filled, on="facility_id", how="semi")["finding_id"].to_list()
    return restored
