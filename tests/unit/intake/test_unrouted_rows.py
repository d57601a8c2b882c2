"""Rows that no table takes: each is accounted for, and a value that routes nowhere is told."""

import zipfile

import polars as pl
import pytest

from tests.support.staging import Place, source, stage_text, table

VISITS = ('patient_id = "id"', 'followup_id = "no"', 'contact_date = "date"')
EVENTS = ('patient_id = "id"', 'event_id = "no"', 'event_date = "date"')
TABLES = table("followup", *VISITS, where='{ column = "kind", in = ["1", "Control"] }') + table(
    "event", *EVENTS, where='{ column = "kind", in = ["2"] }'
)


def told(staged):
    issues = staged.file_issues.filter(pl.col("rule_id") == "S05")
    return issues.select("column_name", "source_row", "value_text", "reason").rows()


def test_a_value_that_no_table_takes_is_told_once_a_sheet(tmp_path):
    kinds = ["1", "2", "2.0", "3", "", "2\u200b", "２", " CONTROL ", "3", "\u200b"]
    rows = "".join(f"1,r{n},{kind},2024-01-02\n" for n, kind in enumerate(kinds))
    staged = stage_text(tmp_path, source(TABLES), "id,no,kind,date\n" + rows)
    assert staged.tables["followup"].height == 2
    assert staged.tables["event"]["event_id"].to_list() == ["west-r1", "west-r5", "west-r6"]
    assert told(staged) == [
        ("kind", 4, "2.0", "no table takes it in 1 row"),
        ("kind", 5, "3", "no table takes it in 2 rows"),
    ]


@pytest.mark.parametrize(
    ("options", "where"),
    [
        (['leave_out = { column = "kind", in = ["3"] }'], 'where = { column = "kind", in = ["1"] }'),
        ([], 'where = { column = "kind", not_in = ["3"] }'),
        ([], 'where = [{ column = "kind", in = ["1"] }, { column = "gone", blank = true }]'),
        ([], 'where = { column = "date", not_blank = true }'),
    ],
)
def test_rows_that_are_left_out_on_purpose_are_not_told(tmp_path, options, where):
    toml = source(table("followup", *VISITS, where=where.removeprefix("where = ")), *options)
    staged = stage_text(tmp_path, toml, "id,no,kind,date,gone\n1,a,1,2024-01-02,\n1,b,3,,yes\n")
    assert staged.tables["followup"].height == 1
    assert told(staged) == []


def test_values_that_are_known_but_do_not_fit_together_are_told(tmp_path):
    both = table(
        "followup", *VISITS, where='[{ column = "kind", in = ["1"] }, { column = "site", in = ["x"] }]'
    )
    other = table(
        "event", *EVENTS, where='[{ column = "kind", in = ["2"] }, { column = "site", in = ["y"] }]'
    )
    staged = stage_text(tmp_path, source(both + other), "id,no,kind,site,date\n1,a,1,y,2024-01-02\n")
    assert told(staged) == [("kind", 2, "1", "no table takes it in 1 row")]


@pytest.mark.parametrize(
    ("options", "more", "expected"),
    [
        (
            [],
            (),
            [("kind", 3, "<", "no table takes it in 1 row"), ("kind", 4, "9", "no table takes it in 1 row")],
        ),
        (
            ['leave_out = { column = "kind", in = ["9"] }'],
            (),
            [("kind", 3, "<", "no table takes it in 1 row")],
        ),
        (
            [],
            ('disease_status = { from = "kind", codes = { "2" = "ned", "9" = "unk", "<" = "unk" } }',),
            [],
        ),
    ],
)
def test_a_value_that_makes_no_record_is_told_though_another_table_takes_the_row(
    tmp_path, options, more, expected
):
    every_row = table("followup", *VISITS, *more)
    chosen = table("event", *EVENTS, where='{ column = "kind", in = ["2"] }')
    rows = "".join(f"1,r{n},{kind},2024-01-02\n" for n, kind in enumerate(["2", "<", "9", "", "２"]))
    staged = stage_text(tmp_path, source(every_row + chosen, *options), "id,no,kind,date\n" + rows)
    assert staged.tables["followup"].height == 5
    assert staged.tables["event"].height == 2
    assert told(staged) == expected


@pytest.mark.parametrize(
    ("column", "yes", "answers"),
    [("kind___2", "1", "0"), ("new_event", "YES", "no"), ("有无复发", "有", "无")],
)
def test_a_question_that_is_answered_with_no_asks_for_no_record(tmp_path, column, yes, answers):
    asked = table("event", *EVENTS, where=f'{{ column = "{column}", in = ["{yes}"] }}')
    rows = "".join(f"1,r{n},{answer},2024-01-02\n" for n, answer in enumerate([yes, answers, "2"]))
    staged = stage_text(tmp_path, source(table("followup", *VISITS) + asked), f"id,no,{column},date\n" + rows)
    assert told(staged) == [(column, 4, "2", "no table takes it in 1 row")]


def test_a_wrong_routing_column_is_told_in_few_words(tmp_path):
    rows = "".join(f"1,r{n},name {n},2024-01-02\n" for n in range(80))
    staged = stage_text(tmp_path, source(TABLES), "id,no,kind,date\n" + rows)
    assert len(told(staged)) == 51
    assert told(staged)[-1] == ("kind", 52, None, "no table takes it in 30 rows, with 30 other values")
    keys = staged.file_issues["record_key"].drop_nulls()
    assert not keys.str.contains("name").any(), "a value of a record is in no key"


def test_leave_out_is_checked(tmp_path):
    with pytest.raises(Exception, match="leave_out needs exactly one of in"):
        stage_text(tmp_path, source(TABLES, 'leave_out = { column = "kind" }'), "id,no,kind,date\n")


def test_a_sheet_is_judged_by_the_conditions_of_its_own_tables(tmp_path):
    event = table("event", *EVENTS, sheets='["events"]', where='{ column = "kind", in = ["2"] }')
    visits = table("followup", *VISITS, sheets='["visits"]')
    toml = source(visits + event, files="*.zip")
    place = Place(tmp_path, toml)
    with zipfile.ZipFile(place.inbox / "all.zip", "w") as archive:
        archive.writestr("visits", "id,no,kind,date\n1,a,3,2024-01-02\n")
        archive.writestr("events", "id,no,kind,date\n1,a,3,2024-01-02\n")
        archive.writestr("notes", "id,no,kind,date\n1,a,3,2024-01-02\n")
    staged = place.stage()
    assert staged.file_issues.filter(pl.col("rule_id") == "S05")["sheet"].to_list() == ["events"]


@pytest.mark.parametrize("copies", [1, 3])
def test_a_member_of_an_archive_that_feeds_no_table_says_so_once(tmp_path, copies):
    visits = table("followup", *VISITS, sheets='["visits*"]')
    place = Place(tmp_path, source(visits, files="*.zip"))
    with zipfile.ZipFile(place.inbox / "all.zip", "w") as archive:
        archive.writestr("visits.csv", "id,no,date\n1,a,2024-01-02\n")
        for number in range(copies):
            archive.writestr(f"notes{number}.csv", "id,text\n1,first\n2,second\n3,third\n")
        archive.writestr("nothing.csv", "id,text\n")
    staged = place.stage()
    remarks = staged.file_issues.filter(pl.col("rule_id") == "S02").select("sheet", "severity").rows()
    assert sorted(remarks) == [(f"notes{number}.csv", "info") for number in range(copies)]
    of_members = staged.rows.filter(pl.col("sheet").cast(pl.String).str.starts_with("notes"))
    assert of_members.height == 3 * copies, "their rows are counted"
