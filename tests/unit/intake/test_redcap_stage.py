"""A REDCap export with its dictionary: raw or labels, any locale, judged by the project's own rules, nothing lost."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from datetime import date
from pathlib import Path

import polars as pl
import polars.selectors as cs
import pytest

from registry_pipeline.core.toml_source import ConfigurationError
from registry_pipeline.intake.mapping.facility import read_facility
from registry_pipeline.intake.redcap.dictionary import NoDictionary, read_choices, read_dictionary
from registry_pipeline.intake.stage import Staged
from registry_pipeline.validation.screening.screened import Screened
from tests.support.redcap_project import (
    API,
    BASE,
    COLUMNS,
    DISPLAY,
    FIELDS,
    LESION,
    PERSON,
    TUMOUR,
    Cells,
    Project,
    a_field,
    a_row,
    broken,
    dictionary_csv,
    judged,
    mapping,
)

MISSING = 'missing_codes = { UNK = "Unknown", NI = "No information" }'
LESIONS = (
    a_row("1", **PERSON, **TUMOUR),
    a_row("1", BASE, "lesion", "1", **LESION),
    a_row("1", BASE, "lesion", "2", **{**LESION, "site": "9", "site_text": "spleen"}),
)
HEADERS = {
    "record_id": "Record ID", "redcap_event_name": "Event Name", "redcap_repeat_instrument": "Repeat Instrument",
    "redcap_repeat_instance": "Repeat Instance", "birth": "Birth date", "sex": "Sex", "phone": "Phone",
    "weight": "Weight", "height": "Height (cm)", "bmi": "BMI", "pregnant": "Pregnant",
    "person_complete": "Complete?", "dx": "Diagnosis", "spread___1": "Spread (choice=Lung)",
    "spread___2": "Spread (choice=Liver)", "spread___3": "Spread (choice=Bone, marrow)",
    "tumour_complete": "Complete?", "found": "Found", "site": "Site", "site_text": "Which", "size": "Size (mm)",
    "lesion_complete": "Complete?", "seen": "Seen", "state": "State", "visit_complete": "Complete?",
}  # fmt: skip
BOX, STATUS = {"1": "Checked", "0": "Unchecked"}, {"0": "Incomplete", "1": "Unverified", "2": "Complete"}
LABELS = {
    "sex": {"1": "Female", "2": "Male"}, "site": {"1": "Lung", "2": "Liver", "9": "Other"},
    "redcap_event_name": {BASE: "Baseline (Arm 1: all)"}, "redcap_repeat_instrument": {"lesion": "Lesion"},
    "pregnant": {"1": "Yes", "0": "No"}, "state": {"1": "alive", "0": "dead"},
    **{name: BOX for name in COLUMNS if "___" in name},
    **{name: STATUS for name in COLUMNS if name.endswith("_complete")},
}  # fmt: skip


def _labelled(row: Cells) -> Cells:
    return {name: LABELS.get(name, {}).get(text, text) for name, text in row.items()}


def _content(staged: Staged) -> dict[str, list[dict[str, object]]]:
    """The staged rows without what depends on the home's own key."""
    return {
        name: frame.select(~cs.starts_with("_row") & ~cs.ends_with("_id")).to_dicts()
        for name, frame in staged.tables.items()
        if frame.height and name != "patient_xref"
    }


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


# ------------------------------------------------------------------------------------------ the dictionary


def test_both_header_styles_of_the_dictionary_say_the_same(tmp_path: Path) -> None:
    found = []
    for header in (DISPLAY, API):
        project = Project(tmp_path / header[0][:5], fields=None)
        project.send("P_DataDictionary_1.csv", dictionary_csv(header=header))
        found.append(_content(project.export(*LESIONS).stage()))
    assert found[0] == found[1]
    assert len(found[0]["lesion"]) == 2


def test_choices_keep_commas_lose_tags_and_may_stand_on_lines() -> None:
    assert read_choices("1, Yes | 2, <i>No</i>, not yet|3,Unknown") == {
        "1": "Yes",
        "2": "No, not yet",
        "3": "Unknown",
    }
    assert read_choices("a, b\nc, d") == {"a": "b", "c": "d"}
    assert read_choices("") == {}


def test_a_file_that_is_no_dictionary_is_refused_and_so_is_the_export(tmp_path: Path) -> None:
    with pytest.raises(NoDictionary, match="field_type"):
        read_dictionary(pl.DataFrame({"field_name": ["a"], "form_name": ["b"], "source_row": [2]}))
    project = Project(tmp_path, fields=None)
    project.send("P_DataDictionary_1.csv", "a,b\n1,2\n")
    staged, done = project.export(*LESIONS).screened()
    assert all(frame.is_empty() for frame in staged.tables.values())
    told = done.findings.filter(pl.col("rule_id") == "S20")
    assert set(told["source_file"]) == {"P_DataDictionary_1.csv", "P_DATA_1.csv"} and set(
        told["severity"]
    ) == {"error"}
    account = {row["source_file"]: row for row in done.row_account.iter_rows(named=True)}
    assert account["P_DATA_1.csv"]["n_rejected"] == 3
    assert account["P_DataDictionary_1.csv"]["n_rejected"] == 1


def test_rows_of_the_dictionary_are_accounted_for(project: Project) -> None:
    _, done = project.export(*LESIONS).screened()
    account = {row["source_file"]: row for row in done.row_account.iter_rows(named=True)}
    assert (
        account["P_DataDictionary_1.csv"]["n_read"]
        == account["P_DataDictionary_1.csv"]["n_unrouted"]
        == len(FIELDS)
    )


def test_an_export_is_read_with_the_dictionary_of_its_own_time(tmp_path: Path) -> None:
    """An incremental source: code 1 meant another site when the first export was made."""
    project = Project(tmp_path, mapping('mode = "incremental"'))
    project.export(*LESIONS[:2]).stage()
    later = [dict(one) for one in FIELDS]
    next(one for one in later if one["field_name"] == "site")["select_choices_or_calculations"] = (
        "1, Liver | 9, Other"
    )
    project.send("P_DataDictionary_2.csv", dictionary_csv(later))
    project.export(a_row("2", **PERSON), a_row("2", BASE, "lesion", "1", **LESION))
    staged, done = project.screened()
    assert staged.tables["lesion"].sort("_row_id")["lesion_site"].to_list() == ["lung", "liver"]
    told = staged.file_issues.filter(pl.col("rule_id") == "S26")
    assert told["column_name"].to_list() == ["site", "site"]
    assert "2 is no longer offered" in told["reason"][0]
    assert "1 was 'Lung' and is 'Liver'" in told["reason"][1]
    assert judged(done, "S26") == ("findings", 2, len(FIELDS))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"field_type": "text"}, "its type was dropdown and is text"),
        ({"form_name": "tumour"}, "it stood in form lesion and stands in tumour"),
        ({"field_name": "place"}, "the field is no longer in the dictionary"),
    ],
)
def test_a_field_that_changed_is_told(project: Project, change: Mapping[str, str], told: str) -> None:
    project.export(*LESIONS).stage()
    later = [{**one, **(change if one["field_name"] == "site" else {})} for one in FIELDS]
    project.send("P_DataDictionary_2.csv", dictionary_csv(later))
    staged = project.stage()
    assert told in staged.file_issues.filter(pl.col("rule_id") == "S26")["reason"].to_list()


# ------------------------------------------------------------------------------------------ reading exports


def test_labels_are_read_like_raw_values(tmp_path: Path) -> None:
    events = f'events = {{ "Baseline (Arm 1: all)" = "{BASE}" }}'
    raw = Project(tmp_path / "raw").export(*LESIONS).stage()
    project = Project(tmp_path / "labels", mapping(project=events))
    staged, done = project.export(*map(_labelled, LESIONS), headers=HEADERS).screened()
    assert _content(staged) == _content(raw)
    assert staged.tables["lesion"]["lesion_id"].str.ends_with(f"-{BASE}-L2").any()
    assert not set(staged.file_issues["rule_id"]) & {"S02", "S20"}
    assert broken(done, "S05") == []


def test_a_label_that_is_no_choice_is_a_finding_with_its_text(tmp_path: Path) -> None:
    rows = [_labelled(one) for one in LESIONS]
    rows[1] = {**rows[1], "site": "Spleen"}
    _, done = Project(tmp_path).export(*rows, headers=HEADERS).screened()
    told = done.findings.filter(pl.col("rule_id") == "S05")
    assert told.select("table_name", "source_row", "value_text").rows() == [("lesion", 3, "Spleen")]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_delimiter_and_decimal_mark_vary_by_locale(tmp_path: Path, delimiter: str) -> None:
    project = Project(tmp_path, mapping('decimal = ","'))
    row = a_row("1", **{**PERSON, "weight": "70,5", "bmi": "24,4"})
    wrong = a_row("2", **{**PERSON, "weight": "70,5", "bmi": "29,0"})
    staged = project.export(row, wrong, delimiter=delimiter).stage()
    assert staged.tables["patient"]["birth_date"].to_list() == [date(1960, 5, 4)] * 2
    told = staged.file_issues.select("rule_id", "source_row", "column_name", "value_text").rows()
    assert told == [("S07", 3, "bmi", "29,0")]


def test_several_boxes_become_one_value(project: Project) -> None:
    def boxes(record: str, *ticked: str) -> Cells:
        return a_row(record, **{**TUMOUR, **{f"spread___{one}": "1" for one in ticked}})

    staged, done = project.export(
        boxes("1", "1"), boxes("2", "1", "2"), boxes("3", "3"), boxes("4")
    ).screened()
    tumours = staged.tables["primary_tumour"]
    assert tumours["morphology_text"].to_list() == ["Lung", "Lung + Liver", "Bone, marrow", None]
    assert tumours["lvsi"].to_list() == ["yes", "unk", None, None]
    assert broken(done, "S05") == [("primary_tumour", 4, "spread")]


def test_missing_data_codes_may_stand_in_dates_and_numbers(tmp_path: Path) -> None:
    project = Project(tmp_path, mapping(project=MISSING))
    person = {**PERSON, "birth": "UNK", "weight": "NI", "bmi": "NI", "sex": "UNK"}
    staged, done = project.export(
        a_row("1", **person), a_row("1", BASE, "lesion", "1", **{**LESION, "site": "UNK"})
    ).screened()
    assert staged.tables["patient"].select("birth_date", "sex").row(0) == (None, None)
    assert staged.issues.is_empty()
    for rule_id in ("S05", "S07", "S09", "S21", "S22", "S23", "S24"):
        assert broken(done, rule_id) == [], rule_id
    _, unknown = Project(tmp_path / "undeclared").export(a_row("1", **person)).screened()
    assert {rule for rule in ("S05", "S09", "S22") if broken(unknown, rule)} == {"S05", "S09", "S22"}


@pytest.mark.parametrize("project", [MISSING, 'missing_codes = { -99 = "None", NI = "No information" }'])
def test_columns_for_missing_data_codes_are_redcaps_own(tmp_path: Path, project: str) -> None:
    codes = ("unk", "ni") if "UNK" in project else ("_99", "ni")
    extra = {f"spread___{code}": "0" for code in codes}
    person = a_row("1", **PERSON, **TUMOUR, **extra)
    staged = Project(tmp_path, mapping(project=project)).export(person, columns=(*COLUMNS, *extra)).stage()
    assert not set(staged.file_issues["column_name"].drop_nulls()) & set(extra)


def test_a_missing_data_code_that_the_mapping_means_is_kept(tmp_path: Path) -> None:
    toml = mapping(project=MISSING).replace('"2" = "M"', '"2" = "M", "UNK" = "U"')
    staged = Project(tmp_path, toml).export(a_row("1", **{**PERSON, "sex": "UNK"})).stage()
    assert staged.tables["patient"]["sex"].to_list() == ["U"]


def test_events_choose_the_rows_of_a_table(tmp_path: Path) -> None:
    project = Project(tmp_path, mapping(lesion='events = ["later_arm_1"]'))
    staged = project.export(*LESIONS, a_row("1", "later_arm_1", "lesion", "1", **LESION)).stage()
    assert staged.tables["lesion"]["lesion_id"].str.ends_with("later_arm_1-L1").to_list() == [True]


# ------------------------------------------------------------------------------------------ the project's rules

GOOD = (*LESIONS, a_row("2", **{**PERSON, "pregnant": "1"}))


def test_a_good_export_breaks_no_rule_and_every_rule_has_judged_it(tmp_path: Path) -> None:
    project = Project(tmp_path, mapping(project="deidentified = true"))
    _, done = project.export(*GOOD).screened()
    for rule_id in ("S04", "S05", "S06", "S07", "S08", "S20", "S21", "S22", "S23", "S24", "S25"):
        status, n_violated, n_judged = judged(done, rule_id)
        assert (status, n_violated) == ("pass", 0) and n_judged > 0, rule_id
    assert judged(done, "S26") == ("not_applicable", 0, 0)


def _lesion(**cells: str) -> Cells:
    return a_row("1", BASE, "lesion", str(next(NUMBERS)), **{**LESION, **cells})


def _person(**cells: str) -> Cells:
    return a_row(str(next(NUMBERS)), **{**PERSON, **cells})


NUMBERS = itertools.count(3)
BREACHES = (
    ("S04", a_row("1", BASE, "lesion", "0", **LESION), ("lesion", "redcap_repeat_instance"), "error"),
    ("S04", a_row("1", BASE, "lesion", "x", **LESION), ("lesion", "redcap_repeat_instance"), "error"),
    ("S04", a_row("1", BASE, "lesion", "", **LESION), ("lesion", "redcap_repeat_instance"), "error"),
    ("S05", _lesion(site="7"), ("lesion", "site"), "error"),
    ("S05", _person(pregnant="5"), ("file", "pregnant"), "error"),
    ("S05", _person(person_complete="9"), ("file", "person_complete"), "error"),
    ("S06", _lesion(site_text="left"), ("lesion", "site_text"), "warning"),
    ("S06", _person(sex="2", pregnant="1"), ("file", "pregnant"), "warning"),
    ("S07", _person(bmi="42"), ("file", "bmi"), "warning"),
    ("S07", _person(bmi="24.2", height=""), ("file", "bmi"), "warning"),
    ("S21", _person(weight="", bmi=""), ("file", "weight"), "warning"),
    ("S21", _person(birth=""), ("patient", "birth"), "warning"),
    ("S22", _person(weight="29.9", bmi="10.3"), ("file", "weight"), "warning"),
    ("S22", _person(weight="heavy", bmi=""), ("file", "weight"), "warning"),
    ("S22", _lesion(size="200.1"), ("file", "size"), "warning"),
    ("S23", _person(birth="1899-12-31"), ("patient", "birth"), "warning"),
    ("S24", _person(bmi=""), ("file", "bmi"), "warning"),
    (
        "S20",
        a_row("1", BASE, "nothing", "1", found="2016-01-05"),
        ("file", "redcap_repeat_instrument"),
        "warning",
    ),
)
"""Rule, row, table and source column of the finding, severity; all of them stand in one export."""


@pytest.fixture(scope="module")
def breached(tmp_path_factory: pytest.TempPathFactory) -> Screened:
    project = Project(tmp_path_factory.mktemp("breached"))
    return project.export(*GOOD, *(row for _, row, _, _ in BREACHES)).screened()[1]


@pytest.mark.parametrize("at", range(len(BREACHES)), ids=[f"{one[0]} {one[2][1]}" for one in BREACHES])
def test_a_breach_is_found_at_its_cell(breached: Screened, at: int) -> None:
    rule_id, row, (table, column), severity = BREACHES[at]
    source_row = len(GOOD) + 2 + at
    assert (table, source_row, column) in broken(breached, rule_id)
    told = breached.findings.filter((pl.col("rule_id") == rule_id) & (pl.col("source_row") == source_row))
    assert told.select("severity", "source_file", "value_text").rows() == [
        (severity, "P_DATA_1.csv", row[column] or None)
    ]


def test_a_breach_is_found_nowhere_else(breached: Screened) -> None:
    for rule_id in {one[0] for one in BREACHES}:
        places = [
            (*place, len(GOOD) + 2 + at) for at, (rule, _, place, _) in enumerate(BREACHES) if rule == rule_id
        ]
        expected = sorted(((table, row, column) for table, column, row in places), key=str)
        assert broken(breached, rule_id) == expected
        status, n_violated, n_judged = judged(breached, rule_id)
        assert (status, n_violated) == ("findings", len(expected)) and n_judged >= len(GOOD)


def test_the_recomputed_result_is_suggested(project: Project) -> None:
    _, done = project.export(_person(bmi="42")).screened()
    (told,) = done.findings.filter(pl.col("rule_id") == "S07")["suggestion"]
    assert "24.2" in told


def test_errors_of_a_cell_keep_its_record_out(breached: Screened) -> None:
    by_row = breached.quarantined["lesion"].select(pl.col("_row_id") & 0xFFFFFFFF)["_row_id"].to_list()
    wrong = [
        len(GOOD) + 2 + at for at, one in enumerate(BREACHES) if one[0] == "S05" and one[2][0] == "lesion"
    ]
    assert wrong and set(wrong) <= set(by_row)


def test_a_finding_keeps_its_id_when_rows_move(project: Project) -> None:
    one = a_row("30", **PERSON)
    _, first = project.export(*GOOD, {**one, "bmi": "42"}).screened()
    _, after = project.export({**one, "bmi": "41"}, *GOOD).screened()
    ids = [
        done.findings.filter(pl.col("rule_id") == "S07")["finding_id"].to_list() for done in (first, after)
    ]
    assert len(ids[0]) == 1 and ids[0] == ids[1]


def test_an_identifier_in_a_deidentified_export_is_an_error_and_read_no_further(tmp_path: Path) -> None:
    toml = mapping(project="deidentified = true").replace(
        'birth_date = "birth"', 'birth_date = "birth"\n    residence_region = "phone"'
    )
    staged, done = Project(tmp_path, toml).export(a_row("1", **PERSON, phone="0123 456")).screened()
    told = done.findings.filter(pl.col("rule_id") == "S08").row(0, named=True)
    assert (told["severity"], told["source_column"], told["value_text"]) == ("error", "phone", None)
    assert "0123" not in told["message"]
    assert staged.tables["patient"]["residence_region"].to_list() == [None]
    declared_otherwise = Project(tmp_path / "b").export(a_row("1", **PERSON, phone="0123 456")).screened()[1]
    assert broken(declared_otherwise, "S08") == []


def test_a_finding_does_not_quote_a_field_that_identifies(tmp_path: Path) -> None:
    fields = [
        {
            **one,
            **(
                {"text_validation_type_or_show_slider_number": "integer"}
                if one["field_name"] == "phone"
                else {}
            ),
        }
        for one in FIELDS
    ]
    _, done = Project(tmp_path, fields=fields).export(a_row("1", **PERSON, phone="0123 456")).screened()
    assert broken(done, "S22") == [("file", 2, "phone")]
    assert done.findings.filter(pl.col("rule_id") == "S22")["value_text"].to_list() == [None]


def test_what_cannot_be_known_is_no_finding(project: Project) -> None:
    """Blank answers under an order comparison, a missing partner field, another event that was not exported."""
    fields = [
        *FIELDS,
        a_field("late", "person", branching="[height] > 180"),
        a_field("other", "person", branching="[never_arm_1][sex]='1'"),
    ]
    project.send("P_DataDictionary_1.csv", dictionary_csv(fields))
    columns = (*COLUMNS, "late", "other")
    row = a_row("1", **{**PERSON, "height": "", "bmi": "", "late": "x", "other": "x"})
    _, done = project.export(row, columns=columns).screened()
    assert broken(done, "S06") == []
    assert broken(done, "S25") == []


@pytest.mark.parametrize(
    "logic", ["[record-name]='1'", "nonsense([sex])", "[nowhere]='1'", "[spread]='1'", "[sex]='1", "(" * 300 + "1"]
)  # fmt: skip
def test_an_expression_that_cannot_be_read_is_said_once_at_the_dictionary(tmp_path: Path, logic: str) -> None:
    fields = [*FIELDS, a_field("odd", "person", branching=logic)]
    staged = (
        Project(tmp_path, fields=fields)
        .export(a_row("1", **PERSON, odd="x"), columns=(*COLUMNS, "odd"))
        .stage()
    )
    told = staged.file_issues.filter(pl.col("rule_id") == "S25")
    assert told.select("source_file", "source_row", "column_name").rows() == [
        ("P_DataDictionary_1.csv", len(fields) + 1, "odd")
    ]


# ------------------------------------------------------------------------------------------ disagreement


def test_a_field_that_the_dictionary_has_not_is_told(project: Project) -> None:
    staged = project.export(a_row("1", **PERSON, novel="x"), columns=(*COLUMNS, "novel")).stage()
    told = staged.file_issues.filter(pl.col("column_name") == "novel")
    assert told["rule_id"].to_list() == ["S20"]


def test_fields_that_the_export_has_not_are_told(tmp_path: Path) -> None:
    """Rights to de-identified data drop fields without a word: the mapped one by S02, the others by S20."""
    left = tuple(name for name in COLUMNS if name not in ("birth", "weight", "phone"))
    project = Project(tmp_path, mapping(project="deidentified = true"))
    staged = project.export(a_row("1", **PERSON), columns=left).stage()
    told = staged.file_issues.select("rule_id", "column_name", "reason").rows()
    assert ("S02", "birth", "the mapped column is missing") in told
    (absent,) = [reason for rule, form, reason in told if (rule, form) == ("S20", "person")]
    assert absent == "1 fields of instrument 'person' are not in the export: weight"
    assert ("S25", "bmi") in [(rule, column) for rule, column, _ in told], "its formula needs the weight"


def test_an_instrument_that_the_dictionary_has_not_is_an_error(tmp_path: Path) -> None:
    fields = [one for one in FIELDS if one["form_name"] != "visit"]
    columns = tuple(name for name in COLUMNS if name not in ("seen", "state", "visit_complete"))
    staged = Project(tmp_path, fields=fields).export(a_row("1", **PERSON), columns=columns).stage()
    told = staged.file_issues.filter(pl.col("rule_id") == "S20").row(0, named=True)
    assert told["severity"] == "error" and "visit" in told["reason"]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('dictionary = ["*DataDictionary*.csv"]', "", "needs dictionary"),
        ('dictionary = ["*DataDictionary*.csv"]', 'dictionary = ["a/b.csv"]', "without folders"),
        ('dictionary = ["*DataDictionary*.csv"]', 'dictionry = ["a"]', "unknown key 'dictionry'"),
        ('instrument = "person"', "", "needs instrument"),
        ('instrument = "person"', 'instrument = "Person form"', "named as in the dictionary"),
        ('codes = "dictionary"', 'codes = "dictionaries"', "codes"),
        (
            'detection_date = "found"',
            'detection_date = { from = "found", codes = "dictionary" }',
            "no code list",
        ),
        ('[source.redcap]\n  dictionary = ["*DataDictionary*.csv"]', "", "needs [source.redcap]"),
    ],
)
def test_a_mistake_in_the_mapping_is_one_line(tmp_path: Path, old: str, new: str, told: str) -> None:
    toml = mapping()
    assert old in toml
    with pytest.raises(ConfigurationError) as raised:
        read_facility(Project(tmp_path, toml.replace(old, new)).home.facilities / "west.toml")
    assert told in str(raised.value) and "west.toml:" in str(raised.value)
