"""Asset checks: one per screened table and rule group, and one that blocks.

Belongs here: from counts of findings to check results.
Does not belong here: rules (``schemas/``, ``sql/rules``).
"""

from collections import Counter
from collections.abc import Sequence

import dagster as dg

from registry_pipeline.defs.naming import key, record_tables
from registry_pipeline.steps.facility import ScreeningReport

GROUPS = {
    "conformance": "Values, references and computations have the form they must have.",
    "completeness": "What is required is there.",
    "plausibility": "What is there can be true: unique, in range, in order of time.",
}
BLOCKED_BY = "blocked by"


def screening_check_specs() -> list[dg.AssetCheckSpec]:
    """A check per table and rule group. It blocks the run only by a rule of ``refresh.blocking_rules``."""
    return [
        dg.AssetCheckSpec(group, asset=key("screened", table), description=meaning, blocking=True)
        for table in record_tables()
        for group, meaning in GROUPS.items()
    ]


def screening_check_results(
    table: str, reports: Sequence[ScreeningReport], blocking_rules: Sequence[str]
) -> list[dg.AssetCheckResult]:
    """Results for one table: counts by rule id and severity, never a value.

    Findings alone are warnings here (their records are in quarantine or queried); a blocking check that
    fails with severity ERROR stops everything downstream.
    """
    counts: Counter[tuple[str, str, str]] = Counter()
    for report in reports:
        counts.update(report.counts(table))
    return [_group_result(table, group, counts, blocking_rules) for group in GROUPS]


def _group_result(
    table: str, group: str, counts: Counter[tuple[str, str, str]], blocking_rules: Sequence[str]
) -> dg.AssetCheckResult:
    chosen = {
        (rule, severity): n for (rule, severity, category), n in counts.items() if category.startswith(group)
    }
    blocking = sorted({rule for rule, _ in chosen if rule in blocking_rules})
    return dg.AssetCheckResult(
        check_name=group,
        asset_key=key("screened", table),
        passed=not chosen,
        severity=dg.AssetCheckSeverity.ERROR if blocking else dg.AssetCheckSeverity.WARN,
        metadata=_as_metadata(
            {f"{rule} ({severity})": n for (rule, severity), n in sorted(chosen.items())}, blocking
        ),
    )


def _as_metadata(counts: dict[str, int], blocking: Sequence[str]) -> dict[str, int | str]:
    told = {BLOCKED_BY: ", ".join(blocking)} if blocking else {}
    return {"findings": sum(counts.values()), **counts, **told}
