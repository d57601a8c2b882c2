"""What one line of a mapping can say of a column: rounding, parts, several columns, ages, row numbers, sentinels."""

from datetime import date

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry_pipeline.core.toml_source import ConfigurationError
from registry_pipeline.intake.columns.ages import birth_from_age
from registry_pipeline.intake.mapping.facility import read_facility
from tests.support.staging import Place, source, stage_text, table

PATIENT = 'patient_id = "no"'
TUMOUR = 'tumour_id = { template = "{patient_id}-T1" }'


def tumours(tmp_path, columns, text, *options):
    staged = stage_text(tmp_path, source(table("primary_tumour", PATIENT, TUMOUR, *columns), *options), text)
    return staged, staged.tables["primary_tumour"]


@pytest.mark.parametrize(
    ("rounding", "ages"),
    [("", [None, 53]), (', round = "floor"', [53, 53]), (', round = "nearest"', [54, 53])],
)
def test_a_decimal_becomes_a_whole_number_where_it_is_declared(tmp_path, rounding, ages):
    column = 'age_at_diagnosis_years = { from = "age"' + rounding + " }"
    staged, found = tumours(tmp_path, [column], "no,age\n1,53.5\n2,53.0\n")
    assert found["age_at_diagnosis_years"].to_list() == ages
    told = [*staged.issues["value_text"].to_list(), *staged.coercions["text_before"].to_list()]
    assert "53.5" in told


def test_a_part_of_a_cell_is_read_and_the_rest_is_told(tmp_path):
    column = """morphology_text = { from = "dx", part = '^([A-Z][0-9]{2}\\.[0-9])' }"""
    staged, found = tumours(tmp_path, [column], "no,dx\n1,C53.0: endocervix\n2,cervix\n3,C53.9\n4,\n")
    assert found["morphology_text"].to_list() == ["C53.0", None, "C53.9", None]
    assert staged.issues.select("rule_id", "reason", "value_text").rows() == [
        ("S14", "part_missing", "cervix")
    ]
    assert staged.coercions.select("text_before", "value_after", "parser").rows() == [
        ("C53.0: endocervix", "C53.0", "part")
    ]


def test_a_part_of_a_cell_is_typed(tmp_path):
    column = """dx_date = { from = "dx", part = '[0-9]{4}-[0-9]{2}' }"""
    staged, found = tumours(tmp_path, [column], "no,dx\n1,seen 2019-03 first\n")
    assert found.select("dx_date_lower", "dx_date_upper").row(0) == (date(2019, 3, 1), date(2019, 3, 31))
    assert staged.issues.is_empty()


def test_a_date_over_several_columns(tmp_path):
    column = 'dx_date = { template = "{y}-{m}-{d?}" }'
    staged, found = tumours(tmp_path, [column], "no,y,m,d\n1,2019,3,5\n2,2019,13,40\n3,,3,5\n")
    assert found["dx_date"].to_list() == [date(2019, 3, 5), None, None]
    assert staged.issues.select("column_name", "source_column", "reason", "value_text").rows() == [
        ("dx_date", "y", "impossible_date", "2019-13-40")
    ]


def test_the_number_of_the_row_is_a_key(tmp_path):
    toml = source(table("patient", 'patient_id = "_row"', 'birth_date = "born"'))
    staged = stage_text(tmp_path, toml, "born\n1960-01-01\n1961-01-01\n")
    assert staged.tables["patient"]["source_patient_id"].to_list() == ["2", "3"]
    assert staged.file_issues.is_empty()


def test_sentinels_of_one_column_are_values_of_another(tmp_path):
    columns = ['age_at_diagnosis_years = { from = "age", sentinels = ["99"] }', 'tumour_size_mm = "size"']
    staged, found = tumours(tmp_path, columns, "no,age,size\n1,99,99\n2,50,12\n")
    assert found["age_at_diagnosis_years"].to_list() == [None, 50]
    assert found["tumour_size_mm"].to_list() == [99.0, 12.0]
    assert staged.issues.is_empty()


def test_a_date_of_birth_from_an_age(tmp_path):
    toml = source(table("patient", PATIENT, 'birth_date = { from = "age", years_before = "dx" }'))
    rows = "no,age,dx\n1,53,2019-03-05\n2,53.9,2019-03\n3,x,2019-03-05\n4,53,soon\n5,,2019-03-05\n6,530,2019-03-05\n"
    staged = stage_text(tmp_path, toml, rows)
    found = (
        staged.tables["patient"].select("birth_date_precision", "birth_date_lower", "birth_date_upper").rows()
    )
    assert found == [
        ("year", date(1965, 3, 6), date(1966, 3, 5)),
        ("year", date(1965, 3, 2), date(1966, 3, 31)),
        *([(None, None, None)] * 4),
    ]
    assert staged.issues.select("column_name", "value_text").rows() == [
        ("birth_date", "x"),
        ("birth_date", "soon"),
        ("birth_date", "530"),
    ]
    assert staged.coercions["parser"].to_list() == ["age", "age"]


@given(
    born=st.dates(date(1900, 1, 1), date(1990, 12, 31)), seen=st.dates(date(1991, 1, 1), date(2024, 12, 31))
)
def test_the_true_date_of_birth_lies_in_the_span_of_its_age(tmp_path_factory, born, seen):
    age = seen.year - born.year - ((seen.month, seen.day) < (born.month, born.day))
    toml = source(table("patient", PATIENT, 'birth_date = { from = "age", years_before = "dx" }'))
    place = Place(tmp_path_factory.mktemp("age"), toml)
    facility = read_facility(place.home.facilities / "west.toml")
    mapping = facility.sources[0].tables[0].columns["birth_date"]
    rows = pl.DataFrame({"_row_id": [1], "age": [str(age)], "dx": [seen.isoformat()]})
    found = birth_from_age(rows, mapping, facility.sources[0]).values.row(0, named=True)
    assert found["birth_date_lower"] <= born <= found["birth_date_upper"]
    assert found["birth_date_lower"] <= found["birth_date"] <= found["birth_date_upper"]


@pytest.mark.parametrize(
    ("column", "told"),
    [
        ('birth_date = { from = "a", round = "floor" }', "round gives a whole number"),
        ('residence_region = { from = "a", part = "(" }', "is no regular expression"),
        ('residence_region = { from = "a", years_before = "b" }', "years_before makes birth_date"),
        ('birth_date = { template = "{sex}-{y}" }\nsex = { value = "F" }', "may name source columns only"),
        ('birth_date = { from = "a", sentinels = 9 }', "must be a list of texts"),
    ],
)
def test_what_cannot_work_is_refused(tmp_path, column, told):
    with pytest.raises(ConfigurationError, match=told):
        stage_text(tmp_path, source(table("patient", PATIENT, column)), "no,a,b,y\n")
