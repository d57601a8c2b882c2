"""The mutation run itself: what it changes, and that its list of equivalent mutants is not out of date."""

from tests.mutation.__main__ import ROOT, all_mutants
from tests.mutation.equivalents import declared, split
from tests.mutation.mutants import python_mutants, rules_by_function, sql_mutants

QUERY = (
    "/* a < b */ SELECT a <= 1 AND b NOT IN ('x < y') -- c > d\nFROM t WHERE c BETWEEN 1 AND 2 OR d IS NULL"
)


def test_every_comparison_of_a_query_is_changed_once() -> None:
    made = list(sql_mutants("sql/rules/A01.sql", QUERY))
    assert [(one.line, one.change) for one in made] == [
        (1, "<= -> <"),
        (1, "AND -> OR"),
        (1, "NOT IN -> IN"),
        (2, "BETWEEN -> NOT BETWEEN"),
        (2, "OR -> AND"),
        (2, "IS NULL -> IS NOT NULL"),
    ]
    assert all(one.rule_ids == ("A01",) and one.text != QUERY for one in made)
    assert "b IN ('x < y') -- c > d" in made[2].text


def test_every_comparison_of_a_module_is_changed_once() -> None:
    text = "def fits():\n    return (a >= 1) & ~b.is_in([2]) | c.is_between(3, 4)\n"
    rules = rules_by_function([text], ["Rule('A01', lambda _: judge.fits())"])
    made = list(python_mutants("schemas/disease/expressions.py", text, rules))
    assert sorted(one.change for one in made) == [
        "& -> |",
        ">= -> >",
        "bounds left out",
        "is_in negated",
        "| -> &",
        "~ dropped",
    ]
    assert {one.rule_ids for one in made} == {("A01",)}


def test_every_mutant_declared_equivalent_is_one() -> None:
    _, left_out, stale = split(all_mutants("all"), ROOT)
    assert stale == []
    assert len(left_out) == len(declared())
    assert all(one.reason for one in declared())
