"""Asset checks: per screened table and rule group, per rule group over the registry, per table of a release.

Belongs here: from counts of findings and proofs to check results.
Does not belong here: rules (``schemas/``, ``sql/rules``).
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import dagster as dg

from registry_pipeline.defs.naming import RELEASE, key, layer_tables, record_tables
from registry_pipeline.pipeline.screening_report import ScreeningReport

GROUPS = {
    "conformance": "Values, references and computations have the form they must have.",
    "completeness": "What is required is there.",
    "plausibility": "What is there can be true: unique, in range, in order of time.",
}
BLOCKED_BY = "blocked by"
MOST_FACILITIES, MOST_LISTED = 5, 100
"""Facilities that stand in the line of a check, and in its table: those with most findings."""
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
    reports: Mapping[str, ScreeningReport],
    blocking_rules: Sequence[str],
    sentences: Mapping[str, str],
) -> list[dg.AssetCheckResult]:
    """Results for one table: counts by rule and severity, never a value.

    Findings alone are warnings here (their records are in quarantine or queried); a blocking check that
    fails with severity ERROR stops everything downstream.

    Args:
        reports: facility -> what its screening counted.
        sentences: rule -> what it says.
    """
    by_facility = {name: report.counts(table) for name, report in reports.items()}
    counts: Counter[tuple[str, str, str]] = Counter()
    for own in by_facility.values():
        counts.update(own)
    broken = {name: report.failed.get(table, []) for name, report in reports.items()}
    failed = {(rule, category) for rules in broken.values() for rule, category in rules}
    asset = key("screened", table)
    results = []
    for group in GROUPS:
        whose = {
            name: sum(n for (_, _, category), n in own.items() if category.startswith(group))
            for name, own in by_facility.items()
            if any(category.startswith(group) for *_, category in [*own, *broken[name]])
        }
        results.append(group_result(asset, group, counts, failed, blocking_rules, sentences, whose))
    return results


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
    facilities: Mapping[str, int] | None = None,
) -> dg.AssetCheckResult:
    """The result of one rule group: what each broken rule says, how often, where the rows are; never a value.

    Findings for information break nothing: the check passes.

    Args:
        counts: (rule id, severity, category) -> number of findings.
        failed: (rule id, category) of rules that failed to run.
        sentences: rule -> what it says.
        facilities: those that it is about -> findings of each; none for the registry as a whole.
    """
    whose = sorted((facilities or {}).items(), key=lambda entry: (-entry[1], entry[0]))
    names = [name for name, _ in whose]
    chosen = {
        (rule, severity): n for (rule, severity, category), n in counts.items() if category.startswith(group)
    }
    broken = sorted({rule for rule, category in failed if category.startswith(group)})
    blocking = sorted({rule for rule in [*broken, *(name for name, _ in chosen)] if rule in blocking_rules})
    metadata: dict[str, Any] = {"findings": sum(chosen.values())}
    metadata |= {f"{rule} ({severity})": n for (rule, severity), n in sorted(chosen.items())}
    metadata |= {"facility": _shortened(names)} if names else {}
    metadata |= {"facilities": _facility_table(whose)} if len(names) > 1 else {}
    metadata |= {"rules": _rule_table(chosen, sentences), "rows": _command(chosen, names)} if chosen else {}
    metadata |= {"failed to run": ", ".join(broken)} if broken else {}
    metadata |= {BLOCKED_BY: ", ".join(blocking)} if blocking else {}
    return dg.AssetCheckResult(
        check_name=group,
        asset_key=asset,
        passed=not broken and not blocking and all(severity == "info" for _, severity in chosen),
        severity=dg.AssetCheckSeverity.ERROR if blocking else dg.AssetCheckSeverity.WARN,
        description=_description(chosen, broken, blocking, sentences, names),
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
    where = f" at {_shortened(facilities)}" if facilities else ""
    stops = (
        f"STOPS THE REFRESH, for refresh.blocking_rules names {', '.join(blocking)}."
        if blocking
        else "Nothing is stopped."
    )
    parts = [stops]
    parts += [f"{n} finding{'' if n == 1 else 's'}{where}."] if n else []
    most = sorted(chosen.items(), key=lambda entry: (-entry[1], entry[0]))[:MOST_SENTENCES]
    parts += [f"{rule} ({severity}, {n}): {sentences.get(rule, '')}" for (rule, severity), n in most]
    at = where if not n else ""
    parts += [f"Rules that failed to run{at}: {', '.join(broken)}."] if broken else []
    parts += [f"The rows: {_command(chosen, facilities)}"] if chosen else []
    return " ".join(parts)


def _command(chosen: _Chosen, facilities: Sequence[str]) -> str:
    """The command that lists the rows behind a check; it asks for all facilities where they are many."""
    rules = sorted({rule for rule, _ in chosen})
    named = facilities if len(facilities) <= MOST_FACILITIES else ()
    options = [f"--facility {name}" for name in named] + [f"--rule {rule}" for rule in rules]
    return " ".join(["registry findings", *options])


def _shortened(facilities: Sequence[str]) -> str:
    """The facilities with most findings, and how many more there are."""
    named = ", ".join(facilities[:MOST_FACILITIES])
    more = len(facilities) - MOST_FACILITIES
    return f"{named} and {more} more" if more > 0 else named


def _facility_table(whose: Sequence[tuple[str, int]]) -> dg.MarkdownMetadataValue:
    lines = ["| facility | findings |", "| --- | ---: |"]
    lines += [f"| {name} | {n} |" for name, n in whose[:MOST_LISTED]]
    lines += [f"| and {len(whose) - MOST_LISTED} more | |"] if len(whose) > MOST_LISTED else []
    return dg.MetadataValue.md("\n".join(lines))


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
