"""Asset checks: per screened table and rule group, per rule group over the registry, per table of a release.

Belongs here: from counts of findings and proofs to check results.
Does not belong here: rules (``schemas/``, ``sql/rules``).
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

import dagster as dg

from registry_pipeline.defs.naming import RELEASE, key, layer_tables, record_tables
from registry_pipeline.pipeline.facility import ScreeningReport

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
    failed: set[tuple[str, str]] = set()
    for report in reports:
        counts.update(report.counts(table))
        failed.update((rule, category) for rule, category in report.failed.get(table, []))
    return [group_result(key("screened", table), group, counts, failed, blocking_rules) for group in GROUPS]


def registry_check_specs() -> list[dg.AssetCheckSpec]:
    """A check per rule group for the rules that judge the registry as a whole."""
    return [
        dg.AssetCheckSpec(group, asset=key("quality", "finding"), blocking=True,
                          description=f"{meaning} Rules over all facilities, and over releases.")
        for group, meaning in GROUPS.items()
    ]  # fmt: skip


def group_result(
    asset: dg.AssetKey,
    group: str,
    counts: Mapping[tuple[str, str, str], int],
    failed: Iterable[tuple[str, str]],
    blocking_rules: Sequence[str],
) -> dg.AssetCheckResult:
    """The result of one rule group: counts by rule id and severity, never a value.

    Args:
        counts: (rule id, severity, category) -> number of findings.
        failed: (rule id, category) of rules that failed to run.
    """
    chosen = {
        (rule, severity): n for (rule, severity, category), n in counts.items() if category.startswith(group)
    }
    broken = sorted({rule for rule, category in failed if category.startswith(group)})
    blocking = sorted({rule for rule in [*broken, *(one for one, _ in chosen)] if rule in blocking_rules})
    told: dict[str, int | str] = {"findings": sum(chosen.values())}
    told |= {f"{rule} ({severity})": n for (rule, severity), n in sorted(chosen.items())}
    told |= {"failed to run": ", ".join(broken)} if broken else {}
    told |= {BLOCKED_BY: ", ".join(blocking)} if blocking else {}
    return dg.AssetCheckResult(
        check_name=group,
        asset_key=asset,
        passed=not chosen and not broken,
        severity=dg.AssetCheckSeverity.ERROR if blocking else dg.AssetCheckSeverity.WARN,
        metadata=told,
    )


def proof_check_specs() -> list[dg.AssetCheckSpec]:
    """A check per table of a release: its keys, references and conditions, proved before it is sealed."""
    return [
        dg.AssetCheckSpec("proved", asset=key(layer, table), additional_deps=[RELEASE],
                          description="Keys, references and conditions of the table, by query over every row.")
        for layer in ("curated", "mart", "result", "quality")
        for table in layer_tables(layer)
    ]  # fmt: skip


def proof_check_results(proofs_of: Callable[[str], Sequence[int]]) -> list[dg.AssetCheckResult]:
    """proofs_of: rows against each statement about a table (``curated.lesion``)."""
    return [
        dg.AssetCheckResult(
            check_name=spec.name,
            asset_key=spec.asset_key,
            passed=not sum(against),
            metadata={"statements": len(against), "rows against them": sum(against)},
        )
        for spec in proof_check_specs()
        for against in [proofs_of(".".join(spec.asset_key.path))]
    ]
