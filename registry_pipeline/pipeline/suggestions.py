"""What undoing a slip suggests for the findings of the last screenings: tried once for all facilities that changed.

Belongs here: which facilities' trials are to be made, keeping them, findings with what is suggested.
Does not belong here: the trials (``validation/screening/trials.py``), advice that a rule or the reading of a cell gives.

Trials are no part of a screening: judging copies of records costs as much as judging a small facility, and the same for
many facilities as for one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path

import polars as pl

from registry_pipeline.core.files import json_digest
from registry_pipeline.core.source_code import code_digest
from registry_pipeline.pipeline.context import RefreshContext
from registry_pipeline.pipeline.step import Step, digest_of, is_whole, read_note
from registry_pipeline.pipeline.step_keys import facility_catalogue, screening_digest
from registry_pipeline.store.parquet import read_all_parquet, read_parquet, write_parquet
from registry_pipeline.validation.rules.catalogue import parameters_of
from registry_pipeline.validation.screening.doubts import Doubts
from registry_pipeline.validation.screening.findings import FINDING
from registry_pipeline.validation.screening.trials import suggestions

AT_A_TIME = 25
"""Facilities: of each up to 800 copies of patients are in memory."""
_SUGGESTIONS = "suggestions.parquet"
_SUGGESTED = {"finding_id": pl.String, "suggestion": pl.String}


def make_suggestions(context: RefreshContext) -> None:
    """Try what may have been meant in the findings of every facility that was judged anew; under the store's lock."""
    steps = {facility_id: _step(context, facility_id) for facility_id in context.senders}
    outdated = [facility_id for facility_id, step in steps.items() if step and not step.is_done()]
    by_rules: dict[str, list[str]] = {}
    for facility_id in outdated:
        judged_by = (context.mapping(facility_id).data.get("rules"), context.extract_date(facility_id))
        by_rules.setdefault(json_digest([str(part) for part in judged_by]), []).append(facility_id)
    for alike in by_rules.values():
        for start in range(0, len(alike), AT_A_TIME):
            _make(context, alike[start : start + AT_A_TIME], steps)


def _make(context: RefreshContext, alike: Sequence[str], steps: Mapping[str, Step | None]) -> None:
    """The trials of some facilities with the same rules and the same end of observation."""
    doubts = {
        facility_id: Doubts.unpacked(read_parquet(context.whole(_doubts(context, facility_id))))
        for facility_id in alike
    }
    parameters = parameters_of(context.settings, context.extract_date(alike[0]))
    memory_limit = context.settings.refresh.duckdb_memory
    found = suggestions(doubts, facility_catalogue(context, alike[0]), parameters, memory_limit)
    for facility_id in alike:
        own = found.filter(pl.col("facility_id") == facility_id).select(list(_SUGGESTED))
        path = context.layout.suggested(facility_id) / _SUGGESTIONS
        if (step := steps[facility_id]) is not None:
            step.run(partial(_keep, own, path, _tried(context, facility_id)))


def _keep(suggested: pl.DataFrame, path: Path, tried: str | None) -> str | None:
    write_parquet(suggested, path)
    return tried


def _doubts(context: RefreshContext, facility_id: str) -> Path:
    return context.layout.screened_frame(facility_id, "doubts")


def _tried(context: RefreshContext, facility_id: str) -> str | None:
    """Digest of what slips can be undone in, as of the last screening; None where there is nothing."""
    screened = read_note(context.layout.screened(facility_id))
    return screened["files"].get(_doubts(context, facility_id).name) if screened else None


def _step(context: RefreshContext, facility_id: str) -> Step | None:
    """The trials of a facility; None where nothing is to be tried."""
    if (tried := _tried(context, facility_id)) is None:
        return None
    fingerprint = digest_of(code_digest(__name__), tried, screening_digest(context, facility_id))
    return Step(context.layout.suggested(facility_id), fingerprint, context.finished)


def screened_findings(context: RefreshContext) -> pl.DataFrame:
    """What the facilities' screenings found, with what trials suggest: columns of ``quality.finding`` and ``_row_id``."""
    files = context.screened_files("findings")
    if not files:
        return pl.DataFrame(schema={"_row_id": pl.Int64, **FINDING})
    suggested = pl.concat([pl.DataFrame(schema=_SUGGESTED), *_suggested(context)])
    names = suggested.rename({"suggestion": "_tried"})
    found = pl.concat(read_all_parquet(files)).join(names, on="finding_id", how="left", maintain_order="left")
    return found.with_columns(pl.coalesce("suggestion", "_tried").alias("suggestion")).drop("_tried")


def _suggested(context: RefreshContext) -> Iterable[pl.DataFrame]:
    """Trials of what was judged last; those of an earlier screening speak of other values."""
    for facility_id in context.senders:
        folder = context.layout.suggested(facility_id)
        note, tried = read_note(folder), _tried(context, facility_id)
        if tried and note and note["report"] == tried and is_whole(folder, context.finished):
            yield read_parquet(folder / _SUGGESTIONS)
