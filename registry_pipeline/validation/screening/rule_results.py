"""The outcome of every rule at one facility.

Belongs here: status, number violated and denominator per rule. Does not belong here: judging.
A rule that had nothing to judge is ``not_applicable`` and one that raised ``failed_to_run``: neither counts
as a pass.
"""

from collections.abc import Container, Mapping

import polars as pl

from registry_pipeline.validation.rules.catalogue import Catalogue, RuleEntry
from registry_pipeline.validation.screening.places import count_by_place

RESULT = {
    "rule_id": pl.String,
    "facility_id": pl.String,
    "status": pl.String,
    "n_violated": pl.Int64,
    "n_denominator": pl.Int64,
}


def rule_results(
    facility_id: str,
    rules: Catalogue,
    denominators: Mapping[str, int],
    failures: Container[str],
    violated: Mapping[str, int],
    rows: pl.DataFrame,
) -> pl.DataFrame:
    """Rows of ``quality.rule_result`` for every rule that judges a facility.

    Args:
        denominators, failures: as of ``Outcome``.
        violated: rule -> how many findings, listed or not, break it; none where there are none.
        rows: every source row of the facility.
    """
    whole = {
        "file": count_by_place(rows, ("source_file", "sheet")).height,
        "row": rows.height,
        "value": rows.height,
    }
    result = []
    for entry in rules.entries.values():
        if entry.scope == "registry":
            continue
        n_violated = 0 if entry.severity == "off" else violated.get(entry.rule_id, 0)
        judged = denominators.get(entry.rule_id)
        if judged is None and entry.scope == "generic":
            judged = whole.get(entry.unit, 0)
        result.append(result_row(entry, facility_id, n_violated, judged or 0, entry.rule_id in failures))
    return pl.DataFrame(result, schema=RESULT, orient="row")


def result_row(
    entry: RuleEntry, facility_id: str, n_violated: int, n_judged: int, has_failed: bool
) -> tuple[str, str, str, int, int]:
    """One row of ``quality.rule_result``."""
    if entry.severity == "off":
        return (entry.rule_id, facility_id, "not_applicable", 0, 0)
    if has_failed:
        return (entry.rule_id, facility_id, "failed_to_run", n_violated, n_judged)
    if n_violated:
        return (entry.rule_id, facility_id, "findings", n_violated, max(n_judged, n_violated))
    return (entry.rule_id, facility_id, "pass" if n_judged else "not_applicable", 0, n_judged)
