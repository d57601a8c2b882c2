"""Asset checks: per screened table and rule group, per rule group over the registry, per table of a release.

Belongs here: from counts of findings and proofs to check results.
Does not belong here: rules (``schemas/``, ``sql/rules``).
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import dagster as dg

from registry_pipeline.defs.naming import RELEASE, key, layer_tables, record_tables
from registry_pipeline.pipeline.facility import ScreeningReport

GROUPS = {
    "conformance": "Values, references and computations have the form they must have.",
    "completeness": "What is required is there.",
    "plausibility": "What is there can be true: unique, in range, in order of time.",
}
BLOCKED_BY = "blocked by"
MOST_SENTENCES = 3
"""Rules whose sentence stands in the line of a check; its table has them all."""


def screening_check_specs() -> list[dg.AssetCheckSpec]:
    """A check per table and rule group. It blocks the run only by a rule of ``refresh.blocking_rules``."""
    return [
        dg.AssetCheckSpec(group, asset=key("screened", table), description=meaning, blocking=True)
        for table in record_tables()
        for group, meaning in GROUPS.items()
    ]


def screening_check_results(
    table: str,
    reports: Sequence[ScreeningReport],
    blocking_rules: Sequence[str],
    sentences: Mapping[str, str],
    facilities: Sequence[str],
) -> list[dg.AssetCheckResult]:
    """Results for one table: counts by rule and severity, never a value.

    Findings alone are warnings here (their records are in quarantine or queried); a blocking check that
    fails with severity ERROR stops everything downstream.

    Args:
        sentences: rule -> what it says.
        facilities: those that the reports are of.
    """
    counts: Counter[tuple[str, str, str]] = Counter()
    failed: set[tuple[str, str]] = set()
    for report in reports:
        counts.update(report.counts(table))
        failed.update((rule, category) for rule, category in report.failed.get(table, []))
    asset = key("screened", table)
    return [
        group_result(asset, group, counts, failed, blocking_rules, sentences, facilities) for group in GROUPS
    ]


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
    sentences: Mapping[str, str],
    facilities: Sequence[str] = (),
) -> dg.AssetCheckResult:
    """The result of one rule group: what each broken rule says, how often, where the rows are; never a value.

    Findings for information break nothing: the check passes.

    Args:
        counts: (rule id, severity, category) -> number of findings.
        failed: (rule id, category) of rules that failed to run.
        sentences: rule -> what it says.
        facilities: those that were judged; none for the registry as a whole.
    """
    chosen = {
        (rule, severity): n for (rule, severity, category), n in counts.items() if category.startswith(group)
    }
    broken = sorted({rule for rule, category in failed if category.startswith(group)})
    blocking = sorted({rule for rule in [*broken, *(name for name, _ in chosen)] if rule in blocking_rules})
    metadata: dict[str, Any] = {"findings": sum(chosen.values())}
    metadata |= {f"{rule} ({severity})": n for (rule, severity), n in sorted(chosen.items())}
    metadata |= {"facility": ", ".join(facilities)} if facilities else {}
    metadata |= (
        {"rules": _rule_table(chosen, sentences), "rows": _command(chosen, facilities)} if chosen else {}
    )
    metadata |= {"failed to run": ", ".join(broken)} if broken else {}
    metadata |= {BLOCKED_BY: ", ".join(blocking)} if blocking else {}
    return dg.AssetCheckResult(
        check_name=group,
        asset_key=asset,
        passed=not broken and not blocking and all(severity == "info" for _, severity in chosen),
        severity=dg.AssetCheckSeverity.ERROR if blocking else dg.AssetCheckSeverity.WARN,
        description=_description(chosen, broken, blocking, sentences, facilities),
        metadata=metadata,
    )


_Chosen = Mapping[tuple[str, str], int]


def _description(
    chosen: _Chosen,
    broken: Sequence[str],
    blocking: Sequence[str],
    sentences: Mapping[str, str],
    facilities: Sequence[str],
) -> str | None:
    """Whether anything stops, how many findings there are of which rule, and how to see the rows."""
    if not chosen and not broken:
        return None
    n = sum(chosen.values())
    where = f" at {', '.join(facilities)}" if facilities else ""
    stops = (
        f"STOPS THE REFRESH, for refresh.blocking_rules names {', '.join(blocking)}."
        if blocking
        else "Nothing is stopped."
    )
    parts = [stops]
    parts += [f"{n} finding{'' if n == 1 else 's'}{where}."] if n else []
    most = sorted(chosen.items(), key=lambda entry: (-entry[1], entry[0]))[:MOST_SENTENCES]
    parts += [f"{rule} ({severity}, {n}): {sentences.get(rule, '')}" for (rule, severity), n in most]
    parts += [f"Rules that failed to run: {', '.join(broken)}."] if broken else []
    parts += [f"The rows: {_command(chosen, facilities)}"] if chosen else []
    return " ".join(parts)


def _command(chosen: _Chosen, facilities: Sequence[str]) -> str:
    """The command that lists the rows behind a check."""
    rules = sorted({rule for rule, _ in chosen})
    options = [f"--facility {name}" for name in facilities] + [f"--rule {rule}" for rule in rules]
    return " ".join(["registry findings", *options])


def _rule_table(chosen: _Chosen, sentences: Mapping[str, str]) -> dg.MarkdownMetadataValue:
    lines = ["| rule | severity | findings | what it says |", "| --- | --- | ---: | --- |"]
    for (rule, severity), n in sorted(chosen.items()):
        sentence = sentences.get(rule, "").replace("|", "\\|")
        lines.append(f"| {rule} | {severity} | {n} | {sentence} |")
    return dg.MetadataValue.md("\n".join(lines))


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
