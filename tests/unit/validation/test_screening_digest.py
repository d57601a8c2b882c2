"""What judging a facility's records rests on: a rule set otherwise is another digest, what no rule reads is not."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import date
from typing import Any

import pytest

from registry_pipeline.core.settings import Settings, Study
from registry_pipeline.core.sql_files import SqlFile
from registry_pipeline.validation.rules.catalogue import Catalogue, RuleEntry, catalogue, parameters_of
from registry_pipeline.validation.rules.screening_digest import rules_digest

RULES = catalogue()
DAY = date(2023, 6, 30)
OTHER: dict[type, Any] = {
    str: "other",
    float: 77.0,
    int: 77,
    tuple: (77,),
    date: date(2001, 2, 3),
    bool: True,
}


def digest(rules: Catalogue = RULES, settings: Settings | None = None) -> str:
    return rules_digest(rules, parameters_of(settings or Settings(), DAY))


def changed(entry: RuleEntry, **values: object) -> str:
    return digest(Catalogue({**RULES.entries, entry.rule_id: replace(entry, **values)}))  # type: ignore[arg-type]


@pytest.mark.parametrize("scope", ["table", "facility", "generic", "registry"])
def test_every_word_of_a_rule_counts_but_of_those_over_the_registry(scope: str) -> None:
    before = digest()
    entries = [entry for entry in RULES.entries.values() if entry.scope == scope]
    assert entries
    for entry in entries:
        others = [
            changed(entry, severity="off"),
            changed(entry, message="other"),
            changed(entry, thresholds={"x": 1} | dict(entry.thresholds)),
        ]
        if isinstance(entry.judged_by, SqlFile):
            others.append(changed(entry, judged_by=replace(entry.judged_by, query="SELECT 1")))
        assert {other == before for other in others} == {scope == "registry"}, entry.rule_id


def test_of_the_parameters_those_count_that_a_rule_reads() -> None:
    before = digest()
    counted = set()
    for field in fields(Study):
        value = OTHER[type(getattr(Study(), field.name))]
        if digest(settings=Settings(study=replace(Study(), **{field.name: value}))) != before:
            counted.add(field.name)
    assert {"staging_window_days", "days_per_month", "omd_max_lesions"} <= counted
    assert counted.isdisjoint({"bootstrap_replicates", "multivariable", "growth_model", "rmst_months"})
