"""REDCap's expressions: what they mean, what is unknown, and that no text is ever run as code."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry_pipeline.intake.redcap.evaluate import BLANK, UNKNOWN, Value, evaluate, truth_of
from registry_pipeline.intake.redcap.logic import MAX_CHARS, LogicError, Reference, parse_logic


def value_of(text: str, **answers: str | None) -> Value:
    node = parse_logic(text)
    given = {
        one: answers.get(one.field if one.code is None else f"{one.field}_{one.code}")
        for one in node.references()
    }
    return evaluate(node, given)


@pytest.mark.parametrize(
    ("text", "answers", "expected"),
    [
        ("[a]='1'", {"a": "1"}, True),
        ("[a] = '1'", {"a": "1.0"}, True),
        ('[a] = "1"', {"a": "2"}, False),
        ("[a]<>''", {"a": None}, False),
        ("[a]=''", {"a": None}, True),
        ("[a]!='x' and [a]<>'y'", {"a": "z"}, True),
        ("[a]='1' or [b]='1' and [c]='1'", {"a": "1"}, True),
        ("([a]='1' or [b]='1') and [c]='1'", {"a": "1"}, False),
        ("[a]>=10 and [a]<20", {"a": "10"}, True),
        ("[a]>9", {"a": "10"}, True),
        ("[sites(2)]='1'", {"sites_2": "1"}, True),
        ("not [a]='1'", {"a": "2"}, True),
        ("!([a]='1') || [b]='1'", {"a": "1", "b": "1"}, True),
        ("[a]>'2015-01-31'", {"a": "2015-02-01"}, True),
        ("contains([a],'LUNG')", {"a": "left lung"}, True),
        ("1+2*3-4/2", {}, 5.0),
        ("-2^2", {}, -4.0),
        ("2^3^2", {}, 512.0),
        ("(1+2)*3", {}, 9.0),
        ("[a]*[b]", {"a": "2.5", "b": "4"}, 10.0),
        ("round([w]/([h]/100)^2,1)", {"w": "70", "h": "170"}, 24.2),
        ("round(2.5)", {}, 3.0),
        ("round(0.285,2)", {}, 0.29),
        ("rounddown(2.99,0)", {}, 2.0),
        ("roundup(2.01,0)", {}, 3.0),
        ("sum([a],[b],[c])", {"a": "1", "c": "4"}, 5.0),
        ("mean([a],[b])", {"a": "1", "b": "4"}, 2.5),
        ("median(1,9,2)", {}, 2.0),
        ("min([a],3)", {"a": None}, 3.0),
        ("if([a]='1', 10, 20)", {"a": "2"}, 20.0),
        ("if([a]='', '', [a]*2)", {"a": None}, BLANK),
        ("datediff([a],[b],'d')", {"a": "2020-02-28", "b": "2020-03-01"}, 2.0),
        ("datediff([a],[b],'d','ymd',true)", {"a": "2020-03-01", "b": "2020-02-28"}, -2.0),
        ("rounddown(datediff([a],[b],'y'),0)", {"a": "1960-05-04", "b": "2015-03-02"}, 54.0),
        ("year([a])", {"a": "2015-03-02"}, 2015.0),
        ("[a]/[b]", {"a": "1", "b": "0"}, BLANK),
        ("sqrt(-1)", {}, BLANK),
        ("9^9^9", {}, BLANK),
        ("isnumber([a])", {"a": "x"}, False),
        ("// a comment\n[a]='1'", {"a": "1"}, True),
    ],
)  # fmt: skip
def test_values(text: str, answers: dict[str, str | None], expected: Value) -> None:
    found = value_of(text, **answers)
    assert found == pytest.approx(expected) if isinstance(expected, float) else found is expected


@pytest.mark.parametrize(
    ("text", "answers"),
    [
        ("[a] < 5", {"a": None}),
        ("[a] = 0", {"a": None}),
        ("[a] > 5", {"a": "UNK"}),
        ("[a]*2", {"a": "UNK"}),
        ("sum([a],1)", {"a": "UNK"}),
        ("datediff([a],'today','d')", {"a": "2020-01-01"}),
        ("stdev(1,2,3)", {}),
        ("[a]='yes'", {"a": "Yes"}),
    ],
)
def test_what_nobody_can_tell_is_unknown(text: str, answers: dict[str, str | None]) -> None:
    assert value_of(text, **answers) is UNKNOWN
    assert truth_of(value_of(text, **answers)) is None


def test_an_unknown_part_does_not_matter_where_the_other_settles_it() -> None:
    assert value_of("[a] < 5 and [b]='1'", b="2") is False
    assert value_of("[a] < 5 or [b]='1'", b="1") is True
    assert value_of("[a] < 5 and [b]='1'", b="1") is UNKNOWN


def test_fields_of_other_events_and_boxes_are_named() -> None:
    found = list(parse_logic("[base_arm_1][sex]='2' and [sites(3)]='1' or [x]>1").references())
    assert found == [
        Reference("base_arm_1", "sex", None),
        Reference(None, "sites", "3"),
        Reference(None, "x", None),
    ]


@pytest.mark.parametrize(
    "text",
    ["", "[a]=", "foo([a])", "[record-name]='1'", "[a][current-instance]='1'", "[base_arm_1]", "1 1", "(1", "[a", "'x",
     "round()", "__import__('os').system('x')", "lambda: 1", "[a]='1';drop", "(" * 500 + "1" + ")" * 500,
     "1" + "+1" * MAX_CHARS, "1" + "+1" * 4000, "1" + "^1" * 4000, "-" * 9000, "not " * 5000, "if(1,2)"],
    ids=range(21),
)  # fmt: skip
def test_what_cannot_be_read_is_said_in_one_sentence(text: str) -> None:
    with pytest.raises(LogicError) as told:
        parse_logic(text)
    assert "\n" not in str(told.value) and len(str(told.value)) < 120


@given(st.text(alphabet="[]()'\"<>=!&|+-*/^%, .0123456789abif\n", max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        node = parse_logic(text)
    except LogicError:
        return
    found = evaluate(node, dict.fromkeys(node.references(), "1"))
    assert isinstance(found, str | float | bool) or found in (BLANK, UNKNOWN)


@given(
    st.recursive(
        st.integers(-999, 999).map(lambda n: f"({n})"),
        lambda inner: st.tuples(inner, st.sampled_from("+-*"), inner).map(lambda p: f"({p[0]}{p[1]}{p[2]})"),
        max_leaves=12,
    )
)
def test_arithmetic_is_that_of_numbers(text: str) -> None:
    expected = float(eval(text))
    found = value_of(text)
    assert found is BLANK if abs(expected) >= 1e15 else math.isclose(float(found), expected)  # type: ignore[arg-type]
