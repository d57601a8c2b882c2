"""A finding about two rows names both: which rows, whatever the rule, the order and the source."""

import re
from datetime import date
from typing import Any

import polars as pl
import pytest

from registry_pipeline.core.sql_files import sql_files
from registry_pipeline.validation.rules.translations import translated_message
from registry_pipeline.validation.screening.screen import ScreenOptions
from registry_pipeline.validation.screening.screened import Screened
from tests.support.staged import screen, staged_of

LESION = {"lesion_id": "L1", "patient_id": "P1", "facility_id": "x", "lesion_site": "lung"}
WOMAN = {"patient_id": "P1", "facility_id": "x", "sex": "F", "birth_date": date(1960, 1, 1)}
DEATH = {"patient_id": "P1", "facility_id": "x", "death_date": date(2020, 5, 1), "_source_no": 0}
EXAM = {"exam_id": "X1", "patient_id": "P1", "facility_id": "x", "exam_date": date(2018, 1, 1)}


def _rows_of(judged: Screened, rule_id: str) -> set[tuple[int, int]]:
    """(row of the finding, row that its message names) of the findings of a rule; line 1 of the file is its header."""
    found = judged.findings.filter(pl.col("rule_id") == rule_id)
    other = found["message"].str.extract(r" The other row: .*, row (\d+)\.$").cast(pl.Int64)
    return set(zip(found["source_row"] - 1, other - 1, strict=True))


@pytest.mark.parametrize(
    ("rule_id", "table", "first", "second"),
    [
        ("V01", "patient", WOMAN, WOMAN | {"sex": "U"}),
        ("L01", "lesion", LESION, LESION | {"lesion_site": "scf"}),
        ("S16", "imaging_exam", EXAM, EXAM | {"exam_date": date(2018, 3, 1)}),
        ("S17", "patient", WOMAN, WOMAN | {"sex": "U", "_source_no": 1}),
        ("H03", "death", DEATH, DEATH | {"death_date": date(2020, 5, 20), "_source_no": 1}),
    ],
)
def test_a_contradiction_names_the_row_that_contradicts(
    rule_id: str, table: str, first: dict[str, Any], second: dict[str, Any]
) -> None:
    rows = [first | {"_row_id": 3}, first | {"_row_id": 4}, second | {"_row_id": 9}]
    assert _rows_of(screen(staged_of({table: rows})), rule_id) == {(3, 9)}


@pytest.mark.parametrize(
    ("rule_id", "table", "first", "second", "item"),
    [
        ("S17", "patient", WOMAN | {"_source_no": 0}, WOMAN | {"sex": "U", "_source_no": 1}, "sex"),
        ("H03", "death", DEATH, DEATH | {"death_date": date(2020, 5, 20), "_source_no": 1}, "death_date"),
    ],
)
def test_of_two_sources_it_is_said_where_nobody_declared_which_one_counts(
    rule_id: str, table: str, first: dict[str, Any], second: dict[str, Any], item: str
) -> None:
    told = {}
    for declared in ("", table, f"{table}.{item}", f"{table}.facility_id"):
        staged = staged_of({table: [first | {"_row_id": 3}, second | {"_row_id": 9}]})
        options = ScreenOptions(precedence={declared: ["his"]} if declared else {})
        (told[declared],) = screen(staged, options=options).findings.filter(pl.col("rule_id") == rule_id)[
            "message"
        ]
    is_told = {declared: "no precedence is declared" in message for declared, message in told.items()}
    assert is_told == {"": True, table: False, f"{table}.{item}": False, f"{table}.facility_id": True}


def test_a_contradiction_within_the_source_that_is_not_preferred_names_rows_of_that_source() -> None:
    rows = [
        WOMAN | {"_row_id": 1, "_source_no": 0},
        WOMAN | {"_row_id": 5, "_source_no": 1},
        WOMAN | {"_row_id": 6, "_source_no": 1, "sex": "U"},
    ]
    assert _rows_of(screen(staged_of({"patient": rows})), "V01") == {(5, 6)}


def test_dates_that_overlap_are_not_the_ones_that_contradict() -> None:
    year = {
        "exam_date_precision": "year",
        "exam_date_lower": date(2018, 1, 1),
        "exam_date_upper": date(2018, 12, 31),
    }
    rows = [
        EXAM | {"_row_id": 1},
        EXAM | year | {"_row_id": 2, "exam_date": date(2018, 7, 1)},
        EXAM | {"_row_id": 3, "exam_date": date(2019, 1, 1)},
    ]
    assert _rows_of(screen(staged_of({"imaging_exam": rows})), "S16") == {(1, 3)}


def test_rules_between_tables_name_the_record_that_they_compare_with() -> None:
    rows = {
        "patient": [WOMAN | {"_row_id": 1}],
        "death": [DEATH | {"_row_id": 7}],
        "imaging_exam": [EXAM | {"_row_id": 2, "exam_date": date(2021, 1, 1)}],
        "followup": [{"followup_id": "F1", "patient_id": "P1", "facility_id": "x", "contact_date": date(2021, 1, 1),
                      "is_alive": True, "_row_id": 4}],
        "systemic_line": [
            {"line_id": f"S{n}", "patient_id": "P1", "facility_id": "x", "line_number": number,
             "start_date": date(2018, n, 1), "_row_id": 10 + n}
            for n, number in ((1, 2), (2, 1))
        ],
    }  # fmt: skip
    judged = screen(staged_of(rows))
    assert _rows_of(judged, "M08") == {(2, 7)}
    assert _rows_of(judged, "U01") == {(4, 7)}
    assert _rows_of(judged, "Y02") == {(12, 11)}


FACILITY_RULES = {
    name: file
    for name, file in sql_files("rules").items()
    if file.header.get("scope", "facility") == "facility"
}


@pytest.mark.parametrize("name", FACILITY_RULES)
def test_a_rule_that_reads_other_records_names_a_second_one_or_says_why_there_is_none(name: str) -> None:
    file = FACILITY_RULES[name]
    own = set(file.header.get("judges", [file.header["table"]]))
    tables = re.findall(r"screened\.(\w+)", file.query)
    reads_others = bool(set(tables) - own) or any(tables.count(table) > 1 for table in own)
    names_one, says_why = "other_row_id" in file.query, bool(file.header.get("no_second_record"))
    assert not (names_one and says_why)
    assert names_one or says_why or not reads_others, f"{name} compares records and names no second one"


@pytest.mark.parametrize(
    "name", [name for name, file in FACILITY_RULES.items() if "other_row_id" in file.query]
)
def test_a_rule_that_compares_records_names_a_second_one_in_an_example(name: str) -> None:
    header = sql_files("rules")[name].header
    is_chosen_by_row = "AS other_table" in sql_files("rules")[name].query
    table = header.get("other_table", header["table"])
    examples = [example for example in header["failing"] if is_chosen_by_row or table in example]
    assert examples, f"{name}: no failing example holds a record of {table}"
    for number, example in enumerate(examples):
        tables = {key: rows for key, rows in example.items() if not key.startswith("_")}
        numbered = iter(range(1, 1000))
        rows = {
            key: [row | {"_row_id": next(numbered), "facility_id": "x"} for row in value]
            for key, value in tables.items()
        }
        named = _rows_of(screen(staged_of(rows)), name)
        if any(other is not None and other != row for row, other in named):
            return
        assert number < len(examples) - 1, f"{name} names no second row: {named}"


def test_the_value_of_the_second_row_is_suggested_but_no_number_of_a_record() -> None:
    rows = [
        LESION | {"_row_id": 3, "episode_id": "E1"},
        LESION | {"_row_id": 9, "lesion_site": "scf", "episode_id": "E2"},
    ]
    found = screen(staged_of({"lesion": rows})).findings.filter(pl.col("rule_id") == "L01")
    assert dict(found.select("items", "suggestion").iter_rows()) == {
        "lesion_site": "scf, if the other row is right",
        "episode_id": None,
    }


def test_the_second_row_is_said_in_chinese_too() -> None:
    rows = [LESION | {"_row_id": 3}, LESION | {"_row_id": 9, "lesion_site": "scf"}]
    judged = screen(staged_of({"lesion": rows}))
    (message,) = judged.findings.filter(pl.col("rule_id") == "L01")["message"]
    assert "（键相同的行内容不同）另一行：" in translated_message("L01", message, "zh_CN")
