"""Values in rows of a kind for which no table reads their column."""

from pathlib import Path

import pytest

from tests.support.staging import stage_text

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
