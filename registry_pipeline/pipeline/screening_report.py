"""Counts of one facility's screening, for events and terminals.

Belongs here: counting what was judged. Does not belong here: values of records.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from registry_pipeline.validation.rules.catalogue import Catalogue
from registry_pipeline.validation.screening.screened import Screened


@dataclass(frozen=True)
class ScreeningReport:
    """Counts of one facility's screening, for events and terminals: no values.

    Attributes:
        n_accepted: table -> accepted records.
        n_quarantined: table -> quarantined records.
        findings: table -> list of [rule id, severity, category, number of findings].
        failed: table -> list of [rule id, category] of the rules that failed to run.
    """

    n_accepted: dict[str, int]
    n_quarantined: dict[str, int]
    findings: dict[str, list[tuple[str, str, str, int]]]
    failed: dict[str, list[tuple[str, str]]] = field(default_factory=dict)

    def counts(self, table: str) -> Counter[tuple[str, str, str]]:
        """(rule id, severity, category) -> number of findings of a table."""
        return Counter(
            {(rule, severity, category): n for rule, severity, category, n in self.findings.get(table, [])}
        )


def report_of(judged: Screened, rules: Catalogue, heights: Mapping[str, dict[str, int]]) -> ScreeningReport:
    """What a screening is told by.

    Args:
        heights: ``accepted`` and ``quarantined`` -> table -> number of records.
    """
    findings: dict[str, list[tuple[str, str, str, int]]] = {}
    by = ["table_name", "rule_id", "severity"]
    counts = [frame.group_by(by).len() for frame in (judged.findings, judged.unlisted)]
    texts = pl.concat(frame.cast(dict.fromkeys(by, pl.String)) for frame in counts)
    counted: Any = texts.group_by(by).agg(pl.col("len").sum()).sort(pl.all())
    for table, rule_id, severity, n in counted.iter_rows():
        findings.setdefault(table, []).append((rule_id, severity, rules.entries[rule_id].category, n))
    failed: dict[str, list[tuple[str, str]]] = {}
    for rule_id in sorted(judged.failures):
        entry = rules.entries[rule_id]
        for table in [entry.table_name] if entry.table_name else judged.accepted:
            failed.setdefault(table, []).append((rule_id, entry.category))
    return ScreeningReport(heights["accepted"], heights["quarantined"], findings, failed)
