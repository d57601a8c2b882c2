"""The tables that a release alone has: findings with their history, decisions, corrections, metrics with its name.

Belongs here: making their rows. Does not belong here: tables of the store (``registry.py``), filling a release.
"""

from __future__ import annotations

import polars as pl

import schemas
from registry_pipeline.core.frames import with_schema
from registry_pipeline.pipeline.context import RefreshContext
from registry_pipeline.pipeline.corrections import APPLIED
from registry_pipeline.pipeline.findings import findings_with_history
from registry_pipeline.pipeline.registry import submissions
from registry_pipeline.store.parquet import read_parquet
from registry_pipeline.study.finding_impact import IMPACT, finding_impact
from registry_pipeline.validation.decisions.in_force import decision_rows
from registry_pipeline.validation.rules.translations import rule_message_rows
from schemas.table import columns_of


def tables_of_release(context: RefreshContext, release_id: str) -> dict[str, pl.DataFrame]:
    """Rows by table."""
    findings = _findings(context, release_id)
    return {
        "meta.submission": submissions(context),
        "quality.finding": findings,
        "quality.finding_impact": _impact(context, findings),
        "quality.decision": _decisions(context),
        "quality.correction": _corrections(context),
        "quality.release_metric": _release_metrics(context, release_id),
        "quality.rule_message": pl.DataFrame(rule_message_rows(context.rules), infer_schema_length=None),
    }


def _findings(context: RefreshContext, release_id: str) -> pl.DataFrame:
    """This refresh's findings, and the earlier ones that are gone, with the releases that showed them."""
    current = read_parquet(context.whole(context.layout.table("quality.finding")))
    return findings_with_history(context, current, release_id)


def _impact(context: RefreshContext, findings: pl.DataFrame) -> pl.DataFrame:
    """How far each open finding can move the study's numbers; none where nothing was estimated."""
    of_results = ("result.patient_influence", "result.one_more_patient")
    paths = [
        context.layout.table(name) for name in (*of_results, "quality.quarantine", "curated.omd_episode")
    ]
    if not all(path.is_file() for path in paths):
        return pl.DataFrame(schema=IMPACT)
    return finding_impact(findings, *(read_parquet(path) for path in paths))


def _decisions(context: RefreshContext) -> pl.DataFrame:
    """The ledger of decisions as it is now."""
    columns = columns_of(schemas.tables()["quality.decision"])
    rows = decision_rows(context.decisions.decisions, context.decisions.in_force)
    return pl.DataFrame(rows, schema={column.name: column.polars_type for column in columns})


def _corrections(context: RefreshContext) -> pl.DataFrame:
    """The corrections that the last screening applied, with who decided and why."""
    frames = [with_schema(read_parquet(path), APPLIED) for path in context.screened_files("corrections")]
    applied = pl.concat(frames) if frames else pl.DataFrame(schema=APPLIED)
    why = _decisions(context).select("decision_no", "reason", "decided_by", "decided_at")
    named = applied.rename({"new_value": "value_used"}).join(why, on="decision_no", how="left")
    return named.select([column.name for column in columns_of(schemas.tables()["quality.correction"])])


def _release_metrics(context: RefreshContext, release_id: str) -> pl.DataFrame:
    """The numbers that drift is judged by, with the name of this release."""
    metrics = read_parquet(context.whole(context.layout.table("quality.release_metric")))
    return metrics.with_columns(pl.col("release_id").fill_null(release_id))
