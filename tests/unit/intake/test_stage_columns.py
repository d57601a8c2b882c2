"""Staging of single columns: every way in which a mapping may fill one."""

from datetime import date

import polars as pl
import pytest

from tests.support.staging import source, stage_text, table

PATIENT = 'patient_id = "no"'


def patients(tmp_path, columns, text, *options):
    return stage_text(tmp_path, source(table("patient", PATIENT, *columns), *options), text)


def tumours(tmp_path, columns, text, *options):
    key = 'tumour_id = { template = "{patient_id}-T1" }'
    return stage_text(tmp_path, source(table("primary_tumour", PATIENT, key, *columns), *options), text)


def found(staged):
    return staged.issues.select("column_name", "rule_id", "reason", "value_text").rows()


def changed(staged):
    return staged.coercions.select("column_name", "text_before", "value_after", "parser").rows()


def test_codes_map_words_and_fold_spelling(tmp_path):
    toml = 'sex = { from = "性别", codes = { "女" = "F", "Male" = "M" } }'
    staged = patients(tmp_path, [toml], "no,性别\n1,女\n2, ＭＡＬＥ\n3,male\n4,F\n5,\n")
    assert staged.tables["patient"]["sex"].to_list() == ["F", "M", "M", None, None]
    assert found(staged) == [("sex", "S05", "not_in_code_list", "F")]
    assert changed(staged) == [("patient.sex", "ＭＡＬＥ", "M", "code"), ("patient.sex", "male", "M", "code")]


def test_column_without_codes_takes_its_own_list(tmp_path):
    staged = tumours(tmp_path, ['figo_stage = "stage"'], "no,stage\n1,IIB\n2,iib\n3,IX\n")
    assert staged.tables["primary_tumour"]["figo_stage"].to_list() == ["IIB", "IIB", None]
    assert found(staged) == [("figo_stage", "S05", "not_in_code_list", "IX")]
    assert changed(staged) == [("primary_tumour.figo_stage", "iib", "IIB", "code")]


def test_booleans(tmp_path):
    toml = ['has_consent = { from = "a", codes = { "存活" = true, "死亡" = false } }']
    staged = patients(tmp_path, toml, "no,a\n1,存活\n2,死亡\n3,失访\n")
    assert staged.tables["patient"]["has_consent"].to_list() == [True, False, None]
    assert found(staged) == [("has_consent", "S05", "not_in_code_list", "失访")]
    own = patients(tmp_path / "own", ['has_consent = "a"'], "no,a\n1,是\n2,0\n3,Yes\n4,2\n")
    assert own.tables["patient"]["has_consent"].to_list() == [True, False, True, None]
    assert changed(own) == []


def test_dates_carry_precision_and_bounds(tmp_path):
    text = "no,d\n1,2019-03-05\n2,2019年3月\n3,2019\n4,2019-02-30\n5,44185\n6,05/03/2019\n7,\n"
    staged = patients(tmp_path, ['birth_date = "d"'], text)
    names = ["birth_date", "birth_date_precision", "birth_date_lower", "birth_date_upper"]
    assert staged.tables["patient"].select(names).rows() == [
        (date(2019, 3, 5), "day", date(2019, 3, 5), date(2019, 3, 5)),
        (date(2019, 3, 15), "month", date(2019, 3, 1), date(2019, 3, 31)),
        (date(2019, 7, 1), "year", date(2019, 1, 1), date(2019, 12, 31)),
        *[(None, None, None, None)] * 4,
    ]
    assert found(staged) == [
        ("birth_date", "S09", "impossible_date", "2019-02-30"),
        ("birth_date", "S11", "looks_like_excel_serial", "44185"),
        ("birth_date", "S12", "ambiguous_day_month", "05/03/2019"),
    ]
    assert changed(staged) == [
        ("patient.birth_date", "2019年3月", "2019-03-15", "date"),
        ("patient.birth_date", "2019", "2019-07-01", "date"),
    ]


@pytest.mark.parametrize(
    ("option", "column", "text", "value"),
    [
        ('date_formats = ["%d.%m.%Y"]', '"d"', "05.03.2019", date(2019, 3, 5)),
        ("day_first = true", '"d"', "05/03/2019", date(2019, 3, 5)),
        ("day_first = false", '"d"', "05/03/2019", date(2019, 5, 3)),
        ('excel_serial = "1900"', '"d"', "44185", date(2020, 12, 20)),
        ('excel_serial = "1904"', '"d"', "42723", date(2020, 12, 20)),
        (
            'date_formats = ["%d/%m/%Y"]',
            '{ from = "d", formats = ["%m/%d/%Y"] }',
            "05/03/2019",
            date(2019, 5, 3),
        ),
    ],
)
def test_declared_dates_are_read_as_declared(tmp_path, option, column, text, value):
    staged = patients(tmp_path, [f"birth_date = {column}"], f"no,d\n1,{text}\n", option)
    assert staged.tables["patient"]["birth_date"].to_list() == [value]
    assert found(staged) == []


def test_sentinels_are_blank_whatever_their_width_and_case(tmp_path):
    text = "no,d,a\n1,[not available],不详\n2, ［Not  Available］ ,是\n3,　,是\n"
    staged = patients(
        tmp_path, ['birth_date = "d"', 'has_consent = "a"'], text, 'sentinels = ["[Not Available]", "不详"]'
    )
    assert staged.tables["patient"]["birth_date"].null_count() == 3
    assert staged.tables["patient"]["has_consent"].to_list() == [None, True, True]
    assert found(staged) == []


def test_numbers(tmp_path):
    text = "no,a,s\n1,１５,0.8\n2,40,<0.5\n3,4.5,1.20\n4,岁,2 ng/mL\n5,40岁,1 mmol\n6,40.0,3\n"
    columns = ['age_at_diagnosis_years = "a"', 'scc_ag_ng_ml = "s"']
    staged = tumours(tmp_path, columns, text)
    tumour = staged.tables["primary_tumour"]
    assert tumour["age_at_diagnosis_years"].to_list() == [15, 40, None, None, 40, 40]
    assert tumour["age_at_diagnosis_years"].dtype == pl.Int64
    assert tumour["scc_ag_ng_ml"].to_list() == [0.8, None, 1.2, 2.0, None, 3.0]
    assert found(staged) == [
        ("age_at_diagnosis_years", "S14", "not_an_integer", "4.5"),
        ("age_at_diagnosis_years", "S14", "not_a_number", "岁"),
        ("scc_ag_ng_ml", "S14", "qualified", "<0.5"),
        ("scc_ag_ng_ml", "S13", "unknown_unit", "1 mmol"),
    ]
    assert changed(staged) == [
        ("primary_tumour.age_at_diagnosis_years", "１５", "15", "number"),
        ("primary_tumour.age_at_diagnosis_years", "40岁", "40", "number"),
        ("primary_tumour.scc_ag_ng_ml", "2 ng/mL", "2.0", "number"),
    ]


def test_decimal_comma_only_where_declared(tmp_path):
    text = 'no,s\n1,"1,5"\n2,1.5\n'
    declared = tumours(tmp_path / "a", ['scc_ag_ng_ml = "s"'], text, 'decimal = ","')
    assert declared.tables["primary_tumour"]["scc_ag_ng_ml"].to_list() == [1.5, None]
    plain = tumours(tmp_path / "b", ['scc_ag_ng_ml = "s"'], text)
    assert plain.tables["primary_tumour"]["scc_ag_ng_ml"].to_list() == [None, 1.5]
    assert found(plain) == [("scc_ag_ng_ml", "S14", "undeclared_comma", "1,5")]


def test_words_beside_numbers(tmp_path):
    toml = 'age_at_diagnosis_years = { from = "a", codes = { "over 90" = 91 } }'
    staged = tumours(tmp_path, [toml], "no,a\n1,Over 90\n2,40\n3,old\n")
    assert staged.tables["primary_tumour"]["age_at_diagnosis_years"].to_list() == [91, 40, None]
    assert found(staged) == [("age_at_diagnosis_years", "S05", "not_in_code_list", "old")]


def test_declared_unit(tmp_path):
    staged = tumours(
        tmp_path, ['tumour_size_mm = { from = "s", unit = "cm" }'], "no,s\n1,4.1\n2,41 mm\n3,0\n"
    )
    assert staged.tables["primary_tumour"]["tumour_size_mm"].to_list() == [41.0, 41.0, 0.0]
    assert changed(staged) == [
        ("primary_tumour.tumour_size_mm", "4.1", "41.0", "number"),
        ("primary_tumour.tumour_size_mm", "41 mm", "41.0", "number"),
    ]


def test_unit_of_each_row(tmp_path):
    columns = [
        PATIENT,
        'treatment_id = "id"',
        'tumour_id = { template = "{patient_id}-T1" }',
        'dose_gy = { from = "dose", unit_from = "unit", units = { cGy = 0.01, Gy = 1 } }',
    ]
    text = "no,id,dose,unit\n1,a,5040,cGy\n1,b,50.4,gy\n1,c,50,\n1,d,50,rad\n1,e,,cGy\n1,f,45 Gy,cGy\n"
    staged = stage_text(tmp_path, source(table("primary_treatment", *columns)), text)
    assert staged.tables["primary_treatment"]["dose_gy"].to_list() == [50.4, 50.4, None, None, None, 45.0]
    assert found(staged) == [
        ("dose_gy", "S13", "unit_missing", "50"),
        ("dose_gy", "S13", "unknown_unit", "50"),
    ]
    assert changed(staged) == [
        ("primary_treatment.dose_gy", "5040", "50.4", "number"),
        ("primary_treatment.dose_gy", "45 Gy", "45.0", "number"),
    ]


MEASUREMENT = (
    PATIENT,
    'measurement_id = { template = "{patient_id}-{m}" }',
    'exam_id = { template = "{patient_id}-{m}" }',
    'lesion_id = { template = "{patient_id}-L1" }',
)


def test_size_fills_its_companions(tmp_path):
    columns = [*MEASUREMENT, 'long_axis_mm = { from = "s", parse = "size", unit = "cm" }']
    text = "no,m,s\n1,1,1.2×0.9cm\n1,2,<5mm\n1,3,大者短径约8mm\n1,4,1.2\n1,5,was 8 mm now 12 mm\n1,6,9-12mm\n1,7,\n"
    staged = stage_text(tmp_path, source(table("measurement", *columns)), text)
    names = [
        "long_axis_mm",
        "short_axis_mm",
        "size_qualifier",
        "size_lower_mm",
        "size_upper_mm",
        "axis_reported",
    ]
    assert staged.tables["measurement"].select(names).rows() == [
        (12.0, 9.0, "=", 12.0, 12.0, None),
        (None, None, "<", 0.0, 5.0, None),
        (None, 8.0, "~", 8.0, 8.0, "short"),
        (12.0, None, "=", 12.0, 12.0, None),
        (None, None, None, None, None, None),
        (None, None, "range", 9.0, 12.0, None),
        (None, None, None, None, None, None),
    ]
    assert staged.tables["measurement"]["size_text"].to_list()[:2] == ["1.2×0.9cm", "<5mm"]
    assert [row[:2] for row in found(staged)] == [("long_axis_mm", "M03")]
    assert ("measurement.long_axis_mm", "1.2×0.9cm", "12 x 9 mm", "size") in changed(staged)
    assert ("measurement.long_axis_mm", "<5mm", "0..5 mm", "size") in changed(staged)


def test_size_without_unit_is_never_guessed_and_leaves_mapped_columns_alone(tmp_path):
    columns = [*MEASUREMENT, 'long_axis_mm = { from = "s", parse = "size" }', 'suvmax = "suv"']
    staged = stage_text(
        tmp_path, source(table("measurement", *columns)), "no,m,s,suv\n1,1,12,6.3\n1,2,12 mm,\n"
    )
    assert staged.tables["measurement"].select("long_axis_mm", "suvmax").rows() == [(None, 6.3), (12.0, None)]
    assert found(staged) == [("long_axis_mm", "S13", "unit_missing", "12")]


def test_first_filled_column_counts_and_is_named(tmp_path):
    toml = 'figo_stage = { from = ["post", "pre"], codes = { b = "IB1", c = "IIB" } }'
    staged = tumours(tmp_path, [toml], "no,post,pre\n1,b,c\n2,,c\n3,,x\n4,,\n", 'sentinels = ["?"]')
    assert staged.tables["primary_tumour"]["figo_stage"].to_list() == ["IB1", "IIB", None, None]
    assert staged.issues["source_column"].to_list() == ["pre"]
    assert staged.source_columns[("his", "primary_tumour", "figo_stage")] == "post"


def test_constants_and_defaults(tmp_path):
    columns = ["has_consent = { value = true }", 'birth_date = { from = "d", default = 1950-07-01 }']
    staged = patients(tmp_path, columns, "no,d\n1,\n2,1960-01-02\n3,never\n")
    patient = staged.tables["patient"]
    assert patient["has_consent"].to_list() == [True, True, True]
    assert patient["birth_date"].to_list() == [date(1950, 7, 1), date(1960, 1, 2), None]
    assert patient["birth_date_upper"].to_list() == [date(1950, 7, 1), date(1960, 1, 2), None]
    assert changed(staged) == [("patient.birth_date", None, "1950-07-01", "default")]
    assert found(staged) == [("birth_date", "S09", "not_a_date", "never")]


def test_types_are_those_of_the_model(tmp_path):
    columns = ["ecog = { value = 1 }", 'episode_id = "e"', 'omd_dx_date = "d"', 'scc_ag_ng_ml = "s"']
    staged = stage_text(
        tmp_path, source(table("omd_episode", PATIENT, *columns)), "no,e,d,s\n1,1,2019-01-01,2\n"
    )
    assert dict(staged.tables["omd_episode"].schema) == {
        "episode_id": pl.String,
        "patient_id": pl.String,
        "facility_id": pl.String,
        "omd_dx_date": pl.Date,
        "omd_dx_date_precision": pl.String,
        "omd_dx_date_lower": pl.Date,
        "omd_dx_date_upper": pl.Date,
        "ecog": pl.Int64,
        "scc_ag_ng_ml": pl.Float64,
        "_row_id": pl.Int64,
        "_row_ids": pl.List(pl.Int64),
        "_source_no": pl.Int16,
        "_mapping_no": pl.Int16,
        "_submission_no": pl.Int32,
    }


def test_coercions_say_where_the_text_stood(tmp_path):
    staged = patients(tmp_path, ['birth_date = "d"'], "no,d\n1,2019-03-05\n2,2019/3/5\n")
    (row,) = staged.coercions.rows(named=True)
    assert row == {
        "facility_id": "west",
        "submission_id": staged.files["submission_id"][0],
        "source_file": "export.csv",
        "sheet": "",
        "source_row": 3,
        "column_name": "patient.birth_date",
        "text_before": "2019/3/5",
        "value_after": "2019-03-05",
        "parser": "date",
        "_row_id": staged.tables["patient"]["_row_id"][1],
    }


@pytest.mark.parametrize("text", ["9" * 20, "9007199254740993", "1e300", "-9e18"])
def test_a_whole_number_beyond_the_exact_ones_is_an_issue_and_stops_nothing(tmp_path, text):
    staged = tumours(tmp_path, ['age_at_diagnosis_years = "n"'], f"no,n\nA,{text}\nB,53\n")
    assert staged.tables["primary_tumour"]["age_at_diagnosis_years"].to_list() == [None, 53]
    assert staged.issues["reason"].to_list() == ["out_of_range"]
