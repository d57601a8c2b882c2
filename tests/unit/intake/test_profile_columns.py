"""What values look like and what they can be: forms of dates, numbers, sizes, codes, words for nothing."""

from datetime import date, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry_pipeline.intake.mapping.table import curated_tables
from registry_pipeline.intake.profiling.columns import ColumnProfile, formats_of
from registry_pipeline.intake.profiling.fit import Fit, fit, shape, translator

DAYS = [date(2015, 1, 1) + timedelta(days=37 * n) for n in range(40)]


def profile(name: str, values: list[str | None]) -> ColumnProfile:
    return ColumnProfile(pl.Series(name, values, dtype=pl.String))


def judged(item: str, name: str, values: list[str | None]) -> Fit | None:
    table, _, column = item.partition(".")
    return fit(curated_tables()[table][column], profile(name, values))


@given(
    st.dates(date(1900, 1, 1), date(2100, 12, 31)),
    st.sampled_from(
        ["%Y-%m-%d", "%Y/%m/%d", "%Y%m%d", "%d.%m.%Y", "%Y年%m月%d日", "%Y-%m-%d %H:%M", "%d-%b-%Y"]
    ),
)
def test_a_date_is_one_in_the_format_it_was_written_in(day: date, form: str) -> None:
    assert form in formats_of(day.strftime(form))


@given(st.dates(date(1900, 1, 1), date(2100, 12, 31)))
def test_day_and_month_are_ambiguous_exactly_when_both_can_be_months(day: date) -> None:
    found = formats_of(day.strftime("%d/%m/%Y"))
    assert "%d/%m/%Y" in found
    assert ("%m/%d/%Y" in found) == (day.day <= 12)


@pytest.mark.parametrize("text", ["20151301", "2015-02-30", "44185", "2015", "1.5", "C53.9", "12 x 9 mm", ""])
def test_what_is_no_date(text: str) -> None:
    assert formats_of(text) == []


def test_a_year_is_a_date_only_where_the_header_says_year() -> None:
    years: list[str | None] = ["2010", "2011", "2012", None]
    assert judged("primary_tumour.dx_date", "diagnosis", years) is None
    found = judged("primary_tumour.dx_date", "diagnosis_year", years)
    assert found is not None and found.options == {"is_year": True}


def test_numbers_are_days_only_where_the_header_says_days() -> None:
    days: list[str | None] = ["12", "800", "-40", "[Not Available]"]
    assert judged("death.death_date", "death", days) is None
    found = judged("death.death_date", "days_to_death", days)
    assert found is not None and "anchor" in found.options
    assert found.evidence.startswith("3 of 3 values are numbers")


def test_excel_serials_count_as_dates_only_beside_dates() -> None:
    serials: list[str | None] = ["43831", "44185", "44196"]
    assert judged("followup.contact_date", "contact", serials) is None
    mixed: list[str | None] = [*serials, *(day.isoformat() for day in DAYS)]
    found = judged("followup.contact_date", "contact", mixed)
    assert found is not None and "3 bare day counts of Excel" in found.evidence


@pytest.mark.parametrize(
    ("name", "values", "unit"),
    [
        ("tumour_size(cm)", ["1.5", "4.2", "3.0"], "cm"),
        ("tumour_size_mm", ["15", "42", "30"], None),
        ("tumour size", ["1.5", "2.2", "2.0"], "cm"),
    ],
)
def test_unit_of_a_length(name: str, values: list[str | None], unit: str | None) -> None:
    found = judged("primary_tumour.tumour_size_mm", name, values)
    assert found is not None and found.options.get("unit") == unit
    assert bool(found.questions) == ("(" not in name and "_mm" not in name)


def test_a_dose_without_unit_is_cgy_by_its_magnitude_and_asked() -> None:
    found = judged("primary_treatment.dose_gy", "dose", ["4500", "5040", "6000"])
    assert found is not None and found.options["unit"] == "cGy" and found.questions
    found = judged("primary_treatment.dose_gy", "dose", ["45", "50.4", "60"])
    assert found is not None and "unit" not in found.options


def test_sizes_with_their_unit_are_read_as_sizes() -> None:
    found = judged("measurement.long_axis_mm", "描述", ["12 x 9 mm", "1.5cm", "约0.8×0.6cm", None])
    assert found is not None and found.options == {"parse": "size"}


@pytest.mark.parametrize(
    ("item", "word", "value"),
    [
        ("patient.sex", "女", "F"),
        ("patient.sex", "FEMALE", "F"),
        ("patient.sex", "weiblich", "F"),
        ("patient.sex", "Féminin", "F"),
        ("followup.is_alive", "存活", True),
        ("followup.is_alive", "Dead", False),
        ("followup.is_alive", "verstorben", False),
        ("primary_tumour.figo_stage", "Stage IB1", "IB1"),
        ("primary_tumour.figo_stage", "ⅡB期", "IIB"),
        ("primary_tumour.figo_stage", "FIGO IVA", "IVA"),
        ("primary_tumour.figo_stage", "2b", "IIB"),
        ("primary_tumour.figo_stage", "T1b", None),
        ("primary_tumour.grade_code", "G2", "2"),
        ("primary_tumour.grade_code", "高分化", "1"),
        ("lesion.laterality", "左侧", "L"),
        ("patient.sex", "1", None),
        ("followup.is_alive", "perhaps", None),
    ],
)
def test_words_of_code_lists(item: str, word: str, value: object) -> None:
    table, _, column = item.partition(".")
    assert translator(curated_tables()[table][column])(word) == value


def test_words_that_mean_nothing_are_told_apart_from_values() -> None:
    found = profile("stage", ["IB1", "[Not Available]", "不详", " NA ", "IIB", None, ""])
    assert found.n_filled == 2 and found.n_blank == 2
    assert set(found.blank_words) == {"[Not Available]", "不详", "NA"}


def test_a_rare_word_is_counted_and_a_frequent_one_asked() -> None:
    values: list[str | None] = [*["Alive"] * 30, *["Moved"] * 5, "Frau Beispiel"]
    found = judged("followup.is_alive", "vital status", values)
    assert found is not None
    told = " ".join(found.questions)
    assert "'Moved' (5 rows)" in told and "Beispiel" not in told and "1 rare words (1 rows)" in told


@pytest.mark.parametrize(
    ("name", "values", "told"),
    [
        ("x", [None, None], "empty"),
        ("备注", ["a", "b"], "free text"),
        ("x", [day.isoformat() for day in DAYS], "40 of 40 values are dates"),
        ("x", [str(n) for n in range(40)], "numbers"),
        ("x", ["red", "blue"] * 20, "a list of 2 different words in 40 rows"),
        ("x", [f"code{n}" for n in range(40)], "40 different texts"),
    ],
)
def test_the_shape_of_an_unknown_column_shows_no_value(
    name: str, values: list[str | None], told: str
) -> None:
    found = shape(profile(name, values))
    assert told in found
    assert not any(value in found for value in values if value and value.isalpha())


def test_an_identifier_is_neither_a_date_nor_a_sentence() -> None:
    assert judged("imaging_exam.exam_id", "exam", [f"CT{n}" for n in range(30)]) is not None
    assert judged("imaging_exam.exam_id", "exam", [day.isoformat() for day in DAYS]) is None
    sentences: list[str | None] = [f"the lesion number {n} has grown a little since" for n in range(30)]
    assert judged("imaging_exam.exam_id", "exam", sentences) is None
