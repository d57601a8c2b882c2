"""What an unreadable text may mean: said where one or two values are possible, of every kind of column, else not."""

from datetime import date
from pathlib import Path

import pytest

from registry_pipeline.intake.columns.suggestions import nearest_values
from registry_pipeline.intake.parsing.dates import parse_date
from registry_pipeline.intake.parsing.other_dates import other_dates
from schemas.rules.suggestion import either, values_in
from tests.support.staging import source, stage_text, table

LAST = date(2024, 6, 30)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("05/04/2014", ["2014-04-05", "2014-05-04"]),
        ("11-12-2030", []),
        ("41396", ["2013-05-02", "2017-05-03"]),
        ("44990", ["2023-03-05"]),
        ("2019.1", ["2019-01", "2019-10"]),
        ("25/03/19", ["1919-03-25", "2019-03-25"]),
        ("25.03.31", ["1931-03-25"]),
        ("201905", ["2019-05"]),
        ("2010-02-30", ["2010-02"]),
        ("2015年4月31日", []),
        ("2010/06/31", ["2010-06"]),
        ("20100631", ["2010-06"]),
        ("2011-05-00", ["2011-05"]),
        ("2011-00-00", ["2011"]),
        ("2011-99-99", ["2011"]),
        ("2012-25-03", ["2012-03-25"]),
        ("see chart", []),
    ],
)
def test_every_day_that_a_text_may_mean(text: str, expected: list[str]) -> None:
    parsed = parse_date(text)
    assert parsed.status == "query" and parsed.reason is not None
    assert other_dates(text, parsed.reason, LAST) == expected


HISTOLOGY = {"squamous cell carcinoma": "scc", "鳞癌": "scc", "adenocarcinoma": "adeno", "腺癌": "adeno"}
EXTENT = {"complete": "r0", "IIA": "2a", "IIB": "2b", "undifferentiated": "4", "female": "F", "1": "x"}


@pytest.mark.parametrize(
    ("text", "words", "expected"),
    [
        ("Squamous cel carcinoma", HISTOLOGY, ["scc"]),
        ("squamous cell carcinoma, keratinising", HISTOLOGY, ["scc"]),
        ("鳞状上皮癌", HISTOLOGY, ["scc"]),
        ("非鳞癌", HISTOLOGY, []),
        ("鳞癌？", HISTOLOGY, []),
        ("no squamous cell carcinoma seen", HISTOLOGY, []),
        ("腺鳞癌", HISTOLOGY, []),
        ("adenocarcinoma or squamous cell carcinoma", HISTOLOGY, []),
        ("femal", EXTENT, ["F"]),
        ("male", EXTENT, []),
        ("incomplete", EXTENT, []),
        ("differentiated", EXTENT, []),
        ("IIC", EXTENT, []),
        ("11", EXTENT, []),
        ("x", EXTENT, []),
    ],
)
def test_a_word_is_suggested_for_a_slip_but_not_for_its_opposite_or_another_code(
    text: str, words: dict[str, str], expected: list[str]
) -> None:
    assert nearest_values(text, words) == expected


def test_staged_issues_say_what_to_write_in_every_kind_of_column(tmp_path: Path) -> None:
    toml = source(
        table("patient", 'patient_id = "no"', 'birth_date = "born"', 'sex = { from = "sex", codes = { female = "F" } }')
        + table("primary_tumour", 'patient_id = "no"', 'tumour_id = { template = "{patient_id}-T" }', 'tumour_size_mm = "size"')
        + table("measurement", 'patient_id = "no"', 'measurement_id = { template = "{patient_id}-M" }', 'long_axis_mm = { from = "axes", parse = "size" }')
    )  # fmt: skip
    text = 'no,born,sex,size,axes\n1,05/04/1954,femal,"12,5",14x11\n2,1954-04-31,17,?,140x110\n'
    issues = stage_text(tmp_path, toml, text).issues
    suggested = dict(issues.select("value_text", "suggestion").drop_nulls().iter_rows())
    assert suggested == {
        "05/04/1954": "either 1954-04-05 or 1954-05-04",
        "femal": "F",
        "12,5": "12.5",
        "14x11": "either 14 x 11 mm or 140 x 110 mm",
        "1954-04-31": "1954-04",
        "140x110": "140 x 110 mm",
    }


@pytest.mark.parametrize(
    ("values", "text"),
    [([], None), (["a"], "a"), (["a", "a"], "a"), (["a", "b"], "either a or b"), (["a", "b", "c"], None)],
)
def test_one_or_two_values_make_a_suggestion_and_are_read_back(values: list[str], text: str | None) -> None:
    assert either(values) == text
    assert values_in(text) == (list(dict.fromkeys(values)) if text else [])
    assert values_in("12.0 mm, if the value is in cm") == ["12.0 mm"]


def test_what_a_date_may_mean_does_not_hang_on_the_day_or_the_clock(tmp_path: Path) -> None:
    """Its file came on 2024-01-31: 2024-05-03 was to come then, and a release made again years later says the same."""
    columns = table("patient", 'patient_id = "id"', 'birth_date = "born"')
    staged = stage_text(tmp_path, source(columns), "id,born\n1,03/05/2024\n2,05/03/2019\n3,01/03/2024\n")
    said = staged.issues.filter(reason="ambiguous_day_month").get_column("suggestion").to_list()
    assert said == [None, "either 2019-03-05 or 2019-05-03", "2024-01-03"]
