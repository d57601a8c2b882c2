"""Staging of records: patients, identifiers, conditions, groups, anchors."""

from datetime import date

import polars as pl
import pytest

from registry_pipeline.intake.pseudonym import pseudonym
from tests.support.staging import Place, source, stage_text, table

PATIENT = 'patient_id = "no"'
LESION = (
    PATIENT,
    'episode_id = { template = "{patient_id}-E1" }',
    'lesion_id = { template = "{patient_id}-L{n}" }',
)


def test_pseudonym_is_keyed_and_per_facility():
    one = pseudonym("west", "0012", b"k" * 32)
    assert one == "P" + one[1:] and len(one) == 17 and int(one[1:], 16) >= 0
    assert one == pseudonym("west", "0012", b"k" * 32)
    others = {
        pseudonym("east", "0012", b"k" * 32),
        pseudonym("west", "12", b"k" * 32),
        pseudonym("west", "0012", b"l" * 32),
    }
    assert len({one, *others}) == 4


def test_patient_number_is_folded_kept_and_crossreferenced(tmp_path):
    toml = source(table("patient", PATIENT))
    place = Place(tmp_path, toml)
    place.send("a.csv", "no,x\n００12,\n 0012 ,\n12,\n,y\n1.2E+10,\n")
    staged = place.stage()
    made = [pseudonym("west", one, place.home.key()) for one in ("0012", "0012", "12")]
    assert staged.tables["patient"]["patient_id"].to_list() == [*made, None, None]
    assert staged.tables["patient"]["source_patient_id"].to_list() == ["0012", "0012", "12", None, None]
    assert staged.issues.select("rule_id", "reason").rows() == [("S14", "rounded_identifier")]
    xref = staged.tables["patient_xref"]
    assert xref.select("source_name", "source_patient_id", "patient_id", "match_method").rows() == [
        ("his", "0012", made[0], "exact"),
        ("his", "12", made[2], "exact"),
    ]


def test_patient_from_a_template(tmp_path):
    toml = source(table("patient", 'patient_id = { template = "{hospital}/{no}" }'))
    staged = stage_text(tmp_path, toml, "hospital,no\nA,1\nB,1\nA,\n")
    assert staged.tables["patient"]["source_patient_id"].to_list() == ["A/1", "B/1", None]


@pytest.mark.parametrize(
    ("mapping", "expected"),
    [
        ('"id"', ["west-7", "{p}-L8", "west-C10", "west-C1x"]),
        ('{ template = "L{id}" }', ["west-L7", "west-LC1-L8", "west-LC10", "west-LC1x"]),
        ('{ template = "{patient_id}-{id}" }', ["{p}-7", "{p}-C1-L8", "{p}-C10", "{p}-C1x"]),
        ('{ template = "{id}/x" }', ["west-7/x", "{p}-L8/x", "west-C10/x", "west-C1x/x"]),
        ('{ template = "{episode_id}-{id}" }', ["{p}-E1-7", "{p}-E1-C1-L8", "{p}-E1-C10", "{p}-E1-C1x"]),
    ],
)
def test_identifiers_are_unique_beyond_the_facility_and_hide_the_patient_number(tmp_path, mapping, expected):
    columns = [PATIENT, 'episode_id = { template = "{patient_id}-E1" }', f"lesion_id = {mapping}"]
    staged = stage_text(
        tmp_path, source(table("lesion", *columns)), "no,id\nC1,7\nC1,C1-L8\nC1,C10\nC1,C1x\n"
    )
    patient = staged.tables["lesion"]["patient_id"][0]
    assert staged.tables["lesion"]["lesion_id"].to_list() == [one.replace("{p}", patient) for one in expected]


def test_a_spreadsheets_wrappers_come_off_wherever_a_number_stands(tmp_path):
    toml = source(
        table("patient", PATIENT) + table("lesion", PATIENT, 'lesion_id = { template = "{no}-L{n}" }')
    )
    staged = stage_text(tmp_path, toml, 'no,n\n"=""007""",1.0\n\'007,2\n1126.0,3\n')
    patients = staged.tables["patient"]["patient_id"].to_list()
    assert staged.tables["patient"]["source_patient_id"].to_list() == ["007", "007", "1126"]
    assert staged.tables["lesion"]["lesion_id"].to_list() == [
        f"{patients[0]}-L1",
        f"{patients[1]}-L2",
        f"{patients[2]}-L3",
    ]
    told = staged.coercions.filter(pl.col("parser") == "identifier")
    assert set(told.select("text_before", "value_after").rows()) == {
        ('="007"', "007"),
        ("'007", "007"),
        ("1126.0", "1126"),
    }


@pytest.mark.parametrize("patient", [PATIENT, 'patient_id = { template = "H{no}" }'])
@pytest.mark.parametrize("word", ["NULL", "NaN", "#N/A", "9999999999999999", "-", "不详"])
def test_a_word_that_names_nobody_makes_no_patient(tmp_path, word, patient):
    staged = stage_text(tmp_path, source(table("patient", patient)), f"no\n1\n{word}\n{word}\n")
    assert staged.tables["patient"]["patient_id"].is_null().to_list() == [False, True, True]
    assert staged.issues.select("column_name", "rule_id", "reason").unique().rows() == [
        ("patient_id", "S14", "placeholder_identifier")
    ]


def test_words_of_programs_for_nothing_are_no_free_text(tmp_path):
    toml = source(table("patient", PATIENT, 'residence_region = "region"'))
    staged = stage_text(tmp_path, toml, "no,region\n1,North\n2,NaN\n3,#N/A\n4,NULL\n5,unknown\n")
    assert staged.tables["patient"]["residence_region"].to_list() == ["North", None, None, None, "unknown"]
    assert staged.coercions.select("text_before", "value_after", "parser").rows() == [
        (word, None, "placeholder") for word in ("NaN", "#N/A", "NULL")
    ]


def test_template_parts(tmp_path):
    columns = [
        PATIENT,
        'event_id = { template = "{patient_id}-{event_date}-{event_type}{n?}" }',
        'event_date = "d"',
        'event_type = { from = "t", codes = { x = "distant" } }',
    ]
    staged = stage_text(
        tmp_path, source(table("event", *columns)), "no,d,t,n\n1,2019/3/5,x,１\n1,2019/3/5,x,\n1,,x,2\n"
    )
    patient = staged.tables["event"]["patient_id"][0]
    assert staged.tables["event"]["event_id"].to_list() == [
        f"{patient}-2019-03-05-distant1",
        f"{patient}-2019-03-05-distant",
        None,
    ]


@pytest.mark.parametrize(
    ("where", "kept"),
    [
        ('{ column = "site", in = ["肺", "LIVER"] }', ["1", "2", "3"]),
        ('{ column = "site", not_in = ["肺"] }', ["2", "3", "4", "5"]),
        ('{ column = "site", not_blank = true }', ["1", "2", "3", "4"]),
        ('{ column = "site", blank = true }', ["5"]),
        ('[{ column = "site", not_blank = true }, { column = "n", not_in = ["2"] }]', ["1", "3", "4"]),
    ],
)
def test_conditions_choose_rows(tmp_path, where, kept):
    staged = stage_text(
        tmp_path,
        source(table("lesion", *LESION, where=where)),
        "no,n,site\nA,1,肺\nA,2,liver\nA,3,ＬＩＶＥＲ\nA,4,bone\nA,5,\n",
    )
    assert [one.rsplit("L", 1)[1] for one in staged.tables["lesion"]["lesion_id"]] == kept
    assert len(staged.rows) == 5


def test_wide_rows_feed_several_records_and_issues_name_theirs(tmp_path):
    tables = "".join(
        table(
            "lesion",
            PATIENT,
            'episode_id = { template = "{patient_id}-E1" }',
            f'lesion_id = {{ template = "{{patient_id}}-L{n}" }}',
            f'detection_date = "d{n}"',
            where=f'{{ column = "d{n}", not_blank = true }}',
        )
        for n in (1, 2)
    )
    staged = stage_text(tmp_path, source(tables), "no,d1,d2\nA,2019-01-01,never\nB,2019-01-02,\n")
    lesion = staged.tables["lesion"]
    assert [one.rsplit("-", 1)[1] for one in lesion["lesion_id"]] == ["L1", "L1", "L2"]
    assert lesion["_row_id"][0] == lesion["_row_id"][2]
    assert staged.issues["_record_key"].to_list() == [lesion["lesion_id"][2]]


COURSE = (
    PATIENT,
    'lrt_id = { template = "{patient_id}-C{course}" }',
    'episode_id = { template = "{patient_id}-E1" }',
    'lrt_modality = { value = "rt" }',
    'start_date = { from = "day", aggregate = "min" }',
    'end_date = { from = "day", aggregate = "max" }',
    'n_fractions_delivered = { aggregate = "count" }',
    'n_fractions_planned = { from = "dose", aggregate = "count" }',
    'total_dose_gy = { from = "dose", unit = "cGy", aggregate = "sum" }',
    'dose_per_fraction_gy = { from = "dose", unit = "cGy", aggregate = "last" }',
    'plan_name = "plan"',
)
FRACTIONS = (
    "no,course,day,dose,plan\n"
    "A,1,2019-01-03,200,x\nA,1,2019-01-02,180.1,\nA,1,2019-01,,y\nB,1,2019-02-01,200,\nA,,2019-03-01,200,z\nA,,,200,z\n"
)


def test_groups_make_one_record_of_several_rows(tmp_path):
    staged = stage_text(tmp_path, source(table("lrt_course", *COURSE, group_by='["course"]')), FRACTIONS)
    course = staged.tables["lrt_course"]
    assert [len(one) for one in course["_row_ids"]] == [3, 1, 1, 1]
    first = course.row(0, named=True)
    assert (first["start_date"], first["end_date"]) == (date(2019, 1, 2), date(2019, 1, 15))
    assert (first["end_date_precision"], first["end_date_upper"]) == ("month", date(2019, 1, 31))
    assert (first["n_fractions_delivered"], first["n_fractions_planned"]) == (3, 2)
    assert (first["total_dose_gy"], first["dose_per_fraction_gy"]) == (3.801, 1.801)
    assert first["plan_name"] == "x"
    assert first["lrt_id"].endswith("-C1")
    assert course["lrt_id"].to_list()[2:] == [None, None]
    assert course["start_date"].to_list()[3] is None
    assert staged.issues.select("column_name", "rule_id", "_row_id", "_record_key").rows() == [
        ("plan_name", "S16", first["_row_id"], first["lrt_id"]),
        ("total_dose_gy", "S28", first["_row_id"], first["lrt_id"]),
    ]


@pytest.mark.parametrize(
    ("aggregate", "is_said"), [("sum", True), ("min", True), ("max", True), ("last", False)]
)
def test_a_blank_among_rows_that_are_combined_is_told(tmp_path, aggregate, is_said):
    dose = f'total_dose_gy = {{ from = "dose", unit = "cGy", aggregate = "{aggregate}" }}'
    columns = (PATIENT, 'lrt_id = { template = "{patient_id}-C{course}" }', dose)
    rows = "no,course,dose\nA,1,200\nA,1,\nB,1,\nB,1,\nC,1,200\nC,1,200\n"
    staged = stage_text(tmp_path, source(table("lrt_course", *columns, group_by='["course"]')), rows)
    assert staged.issues["rule_id"].to_list() == ["S28"] * is_said, (
        "nothing is combined where all or none are blank"
    )


def test_groups_do_not_reach_across_submissions(tmp_path):
    toml = source(table("lrt_course", *COURSE, group_by='["course"]'), 'mode = "incremental"')
    place = Place(tmp_path, toml)
    place.send("a.csv", FRACTIONS)
    place.land()
    place.send("b.csv", "no,course,day,dose,plan\nA,1,2019-01-09,200,x\n")
    course = place.stage().tables["lrt_course"]
    assert course.group_by("_submission_no").len().sort("_submission_no").rows() == [(1, 4), (2, 1)]


ANCHOR = '[anchor.diagnosis]\ntable = "primary_tumour"\ncolumn = "dx_date"\n'
TUMOUR = (PATIENT, 'tumour_id = { template = "{patient_id}-T1" }', 'dx_date = "dx"')
DEATH = (PATIENT, 'death_date = { from = "days", anchor = "diagnosis" }')


def anchored(tmp_path, tumours, deaths, head=""):
    toml = head + ANCHOR + source(table("primary_tumour", *TUMOUR), name="tumour", files="t*")
    place = Place(tmp_path, toml + source(table("death", *DEATH), name="death", files="d*"))
    place.send("t.csv", "no,dx\n" + tumours)
    place.send("d.csv", "no,days\n" + deaths)
    return place.stage()


def test_days_from_an_anchor(tmp_path):
    staged = anchored(tmp_path, "A,2019-01-01\nB,2019-03\n", "A,31\nA,-1\nA,1.5\nA,2.4\nB,31\nA,\n")
    death = staged.tables["death"]
    assert death["death_date"].to_list() == [
        date(2019, 2, 1),
        date(2018, 12, 31),
        date(2019, 1, 3),
        date(2019, 1, 3),
        date(2019, 4, 15),
        None,
    ]
    partial = death.row(4, named=True)
    assert (partial["death_date_precision"], partial["death_date_lower"]) == ("month", date(2019, 4, 1))
    assert staged.issues.is_empty()
    changes = staged.coercions.filter(staged.coercions["parser"] == "anchor")
    assert changes.select("text_before", "value_after").rows()[:3] == [
        ("31", "2019-02-01"),
        ("-1", "2018-12-31"),
        ("1.5", "2019-01-03"),
    ]


def test_days_that_cannot_be_counted(tmp_path):
    staged = anchored(
        tmp_path, "A,2019-01-01\nB,2019-01-01\nB,2019-01-02\n", "A,1e9\nA,soon\nB,3\nC,3\nA,<5\n"
    )
    assert staged.tables["death"]["death_date"].null_count() == 5
    assert sorted(staged.issues.select("rule_id", "reason", "value_text").rows()) == [
        ("S09", "anchor_ambiguous", "3"),
        ("S09", "anchor_missing", "3"),
        ("S09", "day_count_out_of_range", "1e9"),
        ("S09", "not_a_number", "soon"),
        ("S09", "qualified", "<5"),
    ]


def test_anchor_follows_precedence(tmp_path):
    toml = '[precedence]\n"primary_tumour" = ["second", "tumour"]\n' + ANCHOR
    toml += source(table("primary_tumour", *TUMOUR), name="tumour", files="t*")
    toml += source(table("primary_tumour", *TUMOUR), name="second", files="s*")
    toml += source(table("death", *DEATH), name="death", files="d*")
    place = Place(tmp_path, toml)
    place.send("t.csv", "no,dx\nA,2019-01-01\nB,2019-01-01\n")
    place.send("s.csv", "no,dx\nA,2020-01-01\n")
    place.send("d.csv", "no,days\nA,1\nB,1\n")
    assert place.stage().tables["death"]["death_date"].to_list() == [date(2020, 1, 2), date(2019, 1, 2)]


def test_relative_calendar(tmp_path):
    staged = anchored(tmp_path, "A,2019\n", "A,400\n", 'calendar = "relative"\n')
    names = ["death_date", "death_date_precision", "death_date_lower", "death_date_upper"]
    day = date(2020, 8, 4)
    assert staged.tables["death"].select(names).rows() == [(day, "year", day, day)]
    tumour = staged.tables["primary_tumour"].row(0, named=True)
    assert (day - tumour["dx_date"]).days == 400
    assert tumour["dx_date_lower"] == tumour["dx_date_upper"] == tumour["dx_date"]


def test_rows_of_a_group_that_name_different_episodes_are_told(tmp_path):
    columns = (
        PATIENT,
        'lrt_id = { template = "{patient_id}-{course}" }',
        'episode_id = { template = "{patient_id}-E{episode}" }',
    )
    toml = source(table("lrt_course", *columns, group_by='["no", "course"]'))
    staged = stage_text(tmp_path, toml, "no,course,episode\nA,1,1\nA,1,2\nA,2,1\nA,2,\n")
    assert staged.issues.select("rule_id", "column_name", "source_column").rows() == [
        ("S16", "episode_id", "episode")
    ]
