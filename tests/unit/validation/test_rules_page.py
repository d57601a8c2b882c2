"""docs/rules.md says of every rule what it must."""

from registry_pipeline.validation.rules.catalogue import catalogue
from registry_pipeline.validation.rules.page import page


def test_every_rule_stands_with_a_passing_and_a_failing_example() -> None:
    sections = page().split("\n## ")[1:]
    assert [one.split("\n")[0] for one in sections] == list(catalogue().entries)
    for one in sections:
        assert "\n| passes | " in one and "\n| fails" in one, one.split("\n")[0]
