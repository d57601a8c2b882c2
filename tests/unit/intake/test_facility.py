"""Facility TOML: what is read, and that every mistake names its line and the nearest right name."""

import pytest

from registry_pipeline.core.toml_source import ConfigurationError
from registry_pipeline.intake.mapping.facility import read_facility

GOOD = """\
id = "west"
name = "Western hospital"
calendar = "absolute"
[precedence]
"death.death_date" = ["civil", "his"]
[tolerance]
"death.death_date" = 3
[rules.M01]
severity = "warning"
[anchor.diagnosis]
table = "primary_tumour"
column = "dx_date"
[[source]]
name = "his"
files = ["his_*.csv"]
mode = "incremental"
header_rows = [2]
skip_title_rows = 1
sheets = ["2019*"]
sentinels = ["不详"]
decimal = ","
required = ["病案号"]
ignore = ["备注"]
  [[source.table]]
  table = "primary_tumour"
    [source.table.columns]
    patient_id = "病案号"
    tumour_id = { template = "{patient_id}-T{序号?}" }
    dx_date = { from = "确诊日期", formats = ["%Y/%m/%d"] }
    figo_stage = { from = ["术后", "术前"], codes = { "Ⅰb1" = "IB1" } }
  [[source.table]]
  table = "lrt_course"
  where = [{ column = "类别", in = ["放疗"] }, { column = "剂量", not_blank = true }]
  group_by = ["疗程号"]
    [source.table.columns]
    patient_id = "病案号"
    lrt_id = "疗程号"
    total_dose_gy = { from = "剂量", unit = "cGy", aggregate = "sum" }
    n_fractions_delivered = { aggregate = "count" }
[[source]]
name = "civil"
files = "civil.xlsx"
  [[source.table]]
  table = "death"
    [source.table.columns]
    patient_id = "身份证"
    death_date = { from = "天数", anchor = "diagnosis" }
    death_source = { value = "civil" }
"""


@pytest.fixture
def read(tmp_path):
    def write_and_read(text, stem="west"):
        path = tmp_path / f"{stem}.toml"
        path.write_text(text, encoding="utf-8")
        return read_facility(path)

    return write_and_read


def test_everything_declared_is_there(read):
    facility = read(GOOD)
    his, civil = facility.sources
    assert (facility.facility_id, facility.name, facility.calendar) == (
        "west",
        "Western hospital",
        "absolute",
    )
    assert facility.precedence == {"death.death_date": ("civil", "his")}
    assert facility.tolerance == {"death.death_date": 3.0}
    assert facility.rules == {"M01": {"severity": "warning"}}
    assert (his.mode, his.decimal, his.sheet_globs, his.ignore) == ("incremental", ",", ("2019*",), ("备注",))
    assert (his.read_options.header_rows, his.read_options.skip_rows) == ((2,), (1,))
    assert civil.mode == "full"
    assert [one.number for source in facility.sources for one in source.tables] == [0, 1, 2]
    tumour, course = his.tables
    assert tumour.columns["figo_stage"].sources == ("术后", "术前")
    assert [(one.name, one.may_be_blank) for one in tumour.columns["tumour_id"].placeholders] == [
        ("patient_id", False),
        ("序号", True),
    ]
    assert [one.test for one in course.where] == ["in", "not_blank"]
    assert his.needed_columns() == ("病案号",)
    assert set(his.source_columns()) == {
        "病案号",
        "序号",
        "确诊日期",
        "术后",
        "术前",
        "类别",
        "剂量",
        "疗程号",
    }
    assert civil.tables[0].columns["death_date"].anchor == "diagnosis"


MISTAKES = [
    ('name = "Western', 'nmae = "Western', 2, "unknown key 'nmae' in the facility; did you mean 'name'?"),
    ('id = "west"', 'id = "east"', 1, "id must equal the file's name, 'west'"),
    ('"absolute"', '"lunar"', 3, "'calendar' must be one of absolute, relative"),
    ('["civil", "his"]', '["civl", "his"]', 5, "unknown source 'civl'; did you mean 'civil'?"),
    ('["civil", "his"]', '["his", "his"]', 5, "a source stands twice"),
    ('"death.death_date" = [', '"deth.death_date" = [', 5, "unknown table 'deth'; did you mean 'death'?"),
    ('"death.death_date" = 3', '"death.deth_date" = 3', 7, "unknown column 'deth_date' of death; did you mean 'death_date'?"),
    ('"death.death_date" = 3', '"death" = 3', 7, 'write "death.column" = number'),
    ('_date" = 3', '_date" = -3', 7, "a tolerance is a number, 0 or more"),
    ('_date" = 3', '_date" = nan', 7, "a tolerance is a number, 0 or more"),
    ('_date" = 3', '_date" = inf', 7, "a tolerance is a number, 0 or more"),
    ('unit = "cGy"', 'unit_from = "单位", units = { cGy = nan }', 38, "the factor of unit 'cGy' must be a positive number"),
    ('severity = "warning"', 'severity = "warn"', 9, "'severity' must be one of error, warning, info, off"),
    ('severity = "warning"', 'severty = "warning"', 9, "unknown key 'severty' in [rules.M01]; did you mean 'severity'?"),
    ("[rules.M01]", "[rules.measure]", 8, "'measure' is no rule"),
    ('table = "primary_tumour"\ncolumn', 'table = "tumour"\ncolumn', 11, "unknown table 'tumour'; did you mean 'primary_tumour'?"),
    ('column = "dx_date"', 'column = "figo_stage"', 12, "'figo_stage' is no date of primary_tumour"),
    ('name = "civil"', 'name = "his"', 41, "a second source is called 'his'"),
    ('name = "his"\n', 'name = "his data"\n', 14, "the name of a source is letters from a to z"),
    ('files = ["his_*.csv"]', 'files = ["in/his.csv"]', 15, "files are names without folders"),
    ('files = ["his_*.csv"]\n', "", 13, 'source \'his\' needs files = ["*.csv"]'),
    ('mode = "incremental"', 'mode = "incr"', 16, "'mode' must be one of full, incremental"),
    ("header_rows = [2]", "header_rows = [0]", 17, "'header_rows' must be row numbers from 1"),
    ("header_rows = [2]", 'format = "pdf"', 17, "'format' must be one of csv"),
    ("header_rows = [2]", 'encoding = "gb1803"', 17, "unknown encoding 'gb1803'"),
    ("header_rows = [2]", 'delimiter = "::"', 17, "'delimiter' must be one character"),
    ("header_rows = [2]", 'date_formats = ["yyyy"]', 17, "'yyyy' is no date format"),
    ("header_rows = [2]", 'date_formats = ["%Q"]', 17, "'%Q' is no date format"),
    ('formats = ["%Y/%m/%d"]', 'formats = ["%Q"]', 29, "'%Q' is no date format"),
    ("header_rows = [2]", 'date_formats = ["%d.%m.%y"]', 17, "'%d.%m.%y' has years of two digits"),
    ('formats = ["%Y/%m/%d"]', 'formats = ["%x"]', 29, "year_cutoff = 1930 makes 30 the year 1930"),
    ("header_rows = [2]", "year_cutoff = 30", 17, "'year_cutoff' is a year from 1800 to 2000"),
    ("header_rows = [2]", 'day_first = "yes"', 17, "'day_first' must be true or false"),
    ("header_rows = [2]", "header_row = [2]", 17, "unknown key 'header_row' in a source; did you mean 'header_rows'?"),
    ('decimal = ","', 'decimal = ";"', 21, "'decimal' must be one of ., ,"),
    ('required = ["病案号"]', "required = 5", 22, "'required' must be a list of texts"),
    ('table = "lrt_course"', 'table = "lrt_cuorse"', 32, "unknown table 'lrt_cuorse'; did you mean 'lrt_course'?"),
    ('table = "lrt_course"', 'table = "patient_xref"', 32, "patient_xref is made from every source's patient_id"),
    ('tumour_id = { template = "{patient_id}-T{序号?}" }\n', "", 26, "primary_tumour needs tumour_id"),
    ('    patient_id = "病案号"\n    tumour', "    tumour", 26, "primary_tumour needs patient_id"),
    ("figo_stage =", "figo_stag =", 30, "unknown column 'figo_stag' of primary_tumour; did you mean 'figo_stage'?"),
    ("figo_stage =", "facility_id =", 30, "facility_id is filled by itself"),
    ("figo_stage =", "dx_date_upper =", 30, "dx_date_upper is filled from dx_date; map dx_date only"),
    ('"IB1"', '"IB4"', 30, "'IB4' is no code of figo_stage; did you mean 'IB'?"),
    ('"IB1"', "1", 30, "'1' cannot stand in figo_stage; write a text in quotes"),
    ("codes = {", "code = {", 30, "unknown key 'code' in the mapping of primary_tumour.figo_stage; did you mean 'codes'?"),
    ('["术后", "术前"]', "[1]", 30, "'from' must be a list of texts"),
    ('from = "确诊日期", ', "", 29, "needs exactly one of from, template, value"),
    ('from = "确诊日期", formats', 'from = "确诊日期", codes = { a = "b" }, formats', 29, "dx_date is a date and takes no codes"),
    ('{ from = ["术后", "术前"], codes', '{ from = "术后", formats = ["%Y"], codes', 30, "formats are for dates"),
    ("{patient_id}-T{序号?}", "T1", 28, "the template of tumour_id names no column"),
    ("{patient_id}-T{序号?}", "{patient_id}-T{序号", 28, "braces that do not match"),
    ("{patient_id}-T{序号?}", "{figo_stage}", 28, None),
    ('in = ["放疗"]', 'inn = ["放疗"]', 33, "unknown key 'inn' in where; did you mean 'in'?"),
    ('in = ["放疗"]', 'in = ["放疗"], not_blank = true', 33, "where needs exactly one of"),
    ("not_blank = true", "not_blank = false", 33, "write not_blank = true"),
    ('unit = "cGy"', 'unit = "mm"', 38, "'mm' does not convert to Gy of total_dose_gy"),
    ('unit = "cGy"', 'unit = "cGy", unit_from = "单位"', 38, "give unit or unit_from, not both"),
    ('unit = "cGy"', "units = { cGy = 0.01 }", 38, "units need unit_from"),
    ('unit = "cGy"', 'unit_from = "单位", units = { cGy = 0 }', 38, "the factor of unit 'cGy' must be a positive number"),
    ('unit = "cGy"', 'parse = "size"', 38, 'parse = "size" fills a length in mm'),
    ('aggregate = "sum"', 'aggregate = "mean"', 38, "'aggregate' must be one of count, sum"),
    ('group_by = ["疗程号"]\n', "", 37, "aggregate needs group_by"),
    ('{ from = "剂量", unit = "cGy", aggregate = "sum" }', '{ aggregate = "count" }', 38, "count gives a whole number"),
    ('lrt_id = "疗程号"', 'lrt_id = { from = "疗程号", aggregate = "sum" }', 37, "sum needs a number"),
    ('lrt_id = "疗程号"', 'lrt_id = { from = "疗程号", default = "x" }', 37, "an identifier or a count has none"),
    ('lrt_id = "疗程号"', 'lrt_id = "_row_id"', 31, "source column '_row_id' may not begin with '_'"),
    ('anchor = "diagnosis"', 'anchor = "diagnose"', 47, "unknown anchor 'diagnose'; did you mean 'diagnosis'?"),
    ('{ value = "civil" }', '{ value = "registry" }', 48, "'registry' is no code of death_source"),
    ('{ value = "civil" }', '{ from = "x", anchor = "diagnosis" }', 48, "an anchor makes a date"),
    ('patient_id = "身份证"', 'patient_id = { template = "{death_source}" }', 46, "the template of patient_id may name source"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "line", "message"), MISTAKES)
def test_mistake_names_its_line(read, tmp_path, old, new, line, message):
    assert GOOD.count(old) >= 1
    text = GOOD.replace(old, new, 1)
    if message is None:
        read(text)
        return
    with pytest.raises(ConfigurationError) as caught:
        read(text)
    assert message in str(caught.value)
    assert caught.value.line == line, str(caught.value)
    assert caught.value.path == tmp_path / "west.toml"


def test_templates_that_wait_for_each_other(read):
    text = GOOD.replace("{patient_id}-T{序号?}", "{morphology_text}").replace(
        'figo_stage = { from = ["术后", "术前"]',
        'morphology_text = { template = "{tumour_id}" }\n    figo_stage = { from = "术后"',
    )
    with pytest.raises(ConfigurationError, match="wait for each other"):
        read(text)


def test_anchor_that_nothing_fills(read):
    text = GOOD.replace('    dx_date = { from = "确诊日期", formats = ["%Y/%m/%d"] }\n', "")
    with pytest.raises(
        ConfigurationError, match=r"west.toml:10: no source fills primary_tumour.dx_date"
    ) as caught:
        read(text)
    assert caught.value.line == 10


def test_source_without_table_must_say_that_it_is_unused(read):
    head = 'id = "west"\n[[source]]\nname = "x"\nfiles = ["*.csv"]\n'
    with pytest.raises(ConfigurationError, match=r":2: source 'x' feeds no table"):
        read(head)
    assert read(head + 'ignore = ["*"]').sources[0].tables == ()


def test_no_source_at_all(read):
    with pytest.raises(ConfigurationError, match="has no source"):
        read('id = "west"')


@pytest.mark.parametrize("stem", ["West", "we st", "-west", "ö"])
def test_ids_are_plain(read, stem):
    with pytest.raises(ConfigurationError, match="rename the file"):
        read(GOOD.replace('id = "west"', f'id = "{stem}"'), stem)
