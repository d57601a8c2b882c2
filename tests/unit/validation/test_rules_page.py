"""docs/rules.md is what the rules say."""

from registry_pipeline.validation.rules.catalogue import catalogue
from registry_pipeline.validation.rules.page import PAGE, page, write


def test_the_page_is_fresh() -> None:
    told = "docs/rules.md is stale: run python -m registry_pipeline.validation.rules.page"
    assert PAGE.read_text(encoding="utf-8") == page(), told


def test_every_rule_stands_with_a_passing_and_a_failing_example() -> None:
    sections = page().split("\n## ")[1:]
    assert [one.split("\n")[0] for one in sections] == list(catalogue().entries)
    for one in sections:
        assert "\n| passes | " in one and "\n| fails" in one, one.split("\n")[0]


def test_writing(tmp_path) -> None:  # type: ignore[no-untyped-def]
    write(tmp_path / "rules.md")
    assert (tmp_path / "rules.md").read_text(encoding="utf-8") == page()
