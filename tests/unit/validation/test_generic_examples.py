"""Every generic rule's own examples, through the whole screening."""

from collections.abc import Mapping
from typing import Any

import pytest

from registry_pipeline.validation.rules.catalogue import Catalogue, catalogue
from schemas.rules.generic_rule import GenericRule
from schemas.rules.generic_rules import GENERIC_RULES
from tests.support.staged import screen, staged_of

GENERIC = Catalogue(catalogue().of_scope("generic"))


def _hits(rule: GenericRule, example: Mapping[str, Any]) -> list[str]:
    given = {key: value for key, value in example.items() if key != "findings"}
    done = screen(staged_of(**{"tables": {}, **given}), GENERIC)
    assert done.failures == {}
    return done.findings.filter(done.findings["rule_id"] == rule.rule_id)["severity"].to_list()


@pytest.mark.parametrize("rule", GENERIC_RULES, ids=lambda rule: rule.rule_id)
def test_examples(rule: GenericRule) -> None:
    for example in rule.failing:
        assert _hits(rule, example) == [rule.severity] * example.get("findings", 1), example
    for example in rule.passing:
        assert _hits(rule, example) == [], example
