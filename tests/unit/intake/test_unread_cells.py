"""Values in rows of a kind for which no table reads their column."""

from pathlib import Path

import pytest
import xlsxwriter

from tests.support.staging import Place, stage_text

MAPPING = """
[[source]]
name = "list"
files = ["list*.csv"]
mode = "full"
  [[source.table]]
  table = "followup"
  where = { column = "kind", in = ["visit"] }
    [source.table.columns]
    patient_id = "patient"
    followup_id = "number"
    contact_date = "day"
  [[source.table]]
  table = "toxicity"
  where = { column = "kind", in = ["toxicity"] }
    [source.table.columns]
    patient_id = "patient"
    toxicity_id = "number"
    ctcae_term = "term"
    grade = "grade"
    onset_date = "day"
"""


@pytest.mark.parametrize(
    ("visit", "columns"),
    [("", []), (",Fatigue", ["term"]), ("2,", ["grade"]), ("\u200b,", []), ("0,-", ["grade", "term"])],
)
def test_a_value_that_no_table_reads_is_told(tmp_path: Path, visit: str, columns: list[str]) -> None:
    cells = visit or ","
    text = f"patient,number,kind,day,grade,term\nP1,1,visit,2020-01-01,{cells}\nP1,2,toxicity,2020-02-01,2,Nausea\n"
    staged = stage_text(tmp_path, MAPPING, text, "list.csv")
    told = staged.file_issues.filter(staged.file_issues["rule_id"] == "S27")
    assert sorted(told["column_name"]) == columns
    assert told["source_row"].to_list() == [2] * len(columns)


IN_SHEETS = MAPPING.replace("list*.csv", "*.xlsx").replace("  where", '  sheets = ["contacts"]\n  where')
PEOPLE = """
  [[source.table]]
  table = "patient"
  sheets = ["people"]
    [source.table.columns]
    patient_id = "patient"
    sex = "sex"
"""


@pytest.mark.parametrize(("stray", "columns"), [("", []), ("Fatigue", ["term"])])
def test_columns_of_two_sheets_that_share_a_name_are_two_columns(
    tmp_path: Path, stray: str, columns: list[str]
) -> None:
    place = Place(tmp_path, IN_SHEETS + PEOPLE)
    sheets = {
        "people": [["patient", "sex", "number", "grade"], ["P1", "F", "17", "G2"], ["P2", "F", "18", "G3"]],
        "contacts": [
            ["patient", "number", "kind", "day", "grade", "term"],
            ["P1", "1", "visit", "2020-01-01", "", stray],
            ["P1", "2", "toxicity", "2020-02-01", "2", "Nausea"],
        ],
    }
    with xlsxwriter.Workbook(place.inbox / "list.xlsx") as book:
        for name, lines in sheets.items():
            sheet = book.add_worksheet(name)
            for at, cells in enumerate(lines):
                sheet.write_row(at, 0, cells)
    issues = place.stage().file_issues
    found = issues.filter(issues["rule_id"] == "S27")
    assert found.select("sheet", "column_name", "source_row").rows() == [
        ("contacts", one, 2) for one in columns
    ]
    unmapped = issues.filter((issues["rule_id"] == "S02") & (issues["sheet"] == "people"))
    assert sorted(unmapped["column_name"]) == ["grade", "number"], "no table of that sheet reads them"
