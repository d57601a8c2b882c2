"""A small REDCap project for tests: its data dictionary, exports of it, and a mapping.

Belongs here: writing the two files as REDCap does. Does not belong here: what must come of them (the tests).
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from registry_pipeline.core.settings import Settings
from registry_pipeline.intake.stage import Staged
from registry_pipeline.validation.rules.catalogue import Catalogue, catalogue, parameters_of
from registry_pipeline.validation.screening.screen import screen_facility
from registry_pipeline.validation.screening.screened import Screened
from tests.support.staged import EXTRACT_DATE
from tests.support.staging import Place

DISPLAY = (
    "Variable / Field Name", "Form Name", "Section Header", "Field Type", "Field Label",
    "Choices, Calculations, OR Slider Labels", "Field Note", "Text Validation Type OR Show Slider Number",
    "Text Validation Min", "Text Validation Max", "Identifier?", "Branching Logic (Show field only if...)",
    "Required Field?", "Custom Alignment", "Question Number (surveys only)", "Matrix Group Name", "Matrix Ranking?",
    "Field Annotation",
)  # fmt: skip
API = (
    "field_name", "form_name", "section_header", "field_type", "field_label", "select_choices_or_calculations",
    "field_note", "text_validation_type_or_show_slider_number", "text_validation_min", "text_validation_max",
    "identifier", "branching_logic", "required_field", "custom_alignment", "question_number", "matrix_group_name",
    "matrix_ranking", "field_annotation",
)  # fmt: skip
Cells = Mapping[str, str]


def a_field(
    name: str, form: str, kind: str = "text", label: str = "", choices: str = "", **more: str
) -> Cells:
    """A line of the dictionary; ``more`` are columns by their API name without the long tails."""
    long = {
        "validation": "text_validation_type_or_show_slider_number",
        "minimum": "text_validation_min",
        "maximum": "text_validation_max",
        "branching": "branching_logic",
        "required": "required_field",
    }
    own = {
        "field_name": name,
        "form_name": form,
        "field_type": kind,
        "field_label": label or name.capitalize(),
    }
    own["select_choices_or_calculations"] = choices
    return {**own, **{long.get(key, key): value for key, value in more.items()}}


FIELDS: tuple[Cells, ...] = (
    a_field("record_id", "person", label="Record ID"),
    a_field("birth", "person", label="Birth date", validation="date_ymd", minimum="1900-01-01", required="y"),
    a_field("sex", "person", "radio", "Sex", "1, Female | 2, Male"),
    a_field("phone", "person", label="Phone", identifier="y"),
    a_field("weight", "person", label="Weight", validation="number", minimum="30", maximum="250", required="y"),
    a_field("height", "person", label="Height (cm)", validation="integer", minimum="100", maximum="220"),
    a_field("bmi", "person", "calc", "BMI", "round([weight]/([height]/100)^2, 1)"),
    a_field("pregnant", "person", "yesno", "Pregnant", branching="[sex]='1'"),
    a_field("dx", "tumour", label="Diagnosis", validation="date_ymd", minimum="2000-01-01", maximum="2024-12-31"),
    a_field("spread", "tumour", "checkbox", "Spread", "1, Lung | 2, Liver | 3, <b>Bone</b>, marrow"),
    a_field("found", "lesion", label="Found", validation="date_ymd"),
    a_field("site", "lesion", "dropdown", "Site", "1, Lung | 2, Liver | 9, Other"),
    a_field("site_text", "lesion", label="Which", branching="[site]='9' and [baseline_arm_1][sex]='1'"),
    a_field("size", "lesion", label="Size (mm)", validation="number_1dp", minimum="1", maximum="200"),
    a_field("seen", "visit", label="Seen", validation="date_ymd"),
    a_field("state", "visit", "radio", "State", "1, alive | 0, dead"),
)  # fmt: skip
COLUMNS = (
    "record_id", "redcap_event_name", "redcap_repeat_instrument", "redcap_repeat_instance", "birth", "sex", "phone",
    "weight", "height", "bmi", "pregnant", "person_complete", "dx", "spread___1", "spread___2", "spread___3",
    "tumour_complete", "found", "site", "site_text", "size", "lesion_complete", "seen", "state", "visit_complete",
)  # fmt: skip
BASE, LATER, VISIT = "baseline_arm_1", "later_arm_1", "visit_arm_1"
PERSON: Cells = {
    "birth": "1960-05-04", "sex": "1", "weight": "70", "height": "170", "bmi": "24.2", "person_complete": "2",
}  # fmt: skip
TUMOUR: Cells = {
    "dx": "2015-03-02",
    "spread___1": "0",
    "spread___2": "0",
    "spread___3": "0",
    "tumour_complete": "2",
}
LESION: Cells = {"found": "2016-01-05", "site": "1", "size": "12.0", "lesion_complete": "2"}

MAPPING = """\
[[source]]
name = "redcap"
files = ["*_DATA_*.csv"]
ignore = ["phone", "weight", "height", "bmi", "pregnant", "size"]
{options}
  [source.redcap]
  dictionary = ["*DataDictionary*.csv"]
  {project}
  [[source.table]]
  table = "patient"
  instrument = "person"
    [source.table.columns]
    patient_id = "record_id"
    birth_date = "birth"
    sex = {{ from = "sex", codes = {{ "1" = "F", "2" = "M" }} }}
  [[source.table]]
  table = "primary_tumour"
  instrument = "tumour"
    [source.table.columns]
    patient_id = "record_id"
    tumour_id = {{ template = "{{patient_id}}-T" }}
    dx_date = "dx"
    morphology_text = "spread:label"
    lvsi = {{ from = "spread", codes = {{ "1" = "yes", "2" = "no", "1 + 2" = "unk" }} }}
  [[source.table]]
  table = "lesion"
  instrument = "lesion"
  {lesion}
    [source.table.columns]
    patient_id = "record_id"
    episode_id = {{ template = "{{patient_id}}-E" }}
    lesion_id = {{ template = "{{patient_id}}-{{redcap_event_name}}-L{{redcap_repeat_instance}}" }}
    lesion_site = {{ from = "site", codes = "dictionary" }}
    lesion_site_text = "site_text"
    detection_date = "found"
  [[source.table]]
  table = "followup"
  instrument = "visit"
    [source.table.columns]
    patient_id = "record_id"
    followup_id = {{ template = "{{patient_id}}-V{{redcap_repeat_instance}}" }}
    contact_date = "seen"
    is_alive = "state"
"""


def mapping(options: str = "", project: str = "", lesion: str = "") -> str:
    """The mapping of the project; ``project`` and ``lesion`` are lines of those sections."""
    return MAPPING.format(options=options, project=project, lesion=lesion)


def dictionary_csv(fields: Sequence[Cells] = FIELDS, header: Sequence[str] = DISPLAY) -> str:
    """The dictionary's file under either set of headers."""
    return _csv(header, [[one.get(name, "") for name in API] for one in fields])


def a_row(record: str, event: str = BASE, instrument: str = "", instance: str = "", **cells: str) -> Cells:
    """A row of an export."""
    parts = dict(zip(COLUMNS[:4], (record, event, instrument, instance), strict=True))
    return {**parts, **cells}


def export_csv(
    rows: Sequence[Cells],
    columns: Sequence[str] = COLUMNS,
    delimiter: str = ",",
    headers: Mapping[str, str] | None = None,
) -> str:
    """An export's file; ``headers`` rename columns."""
    lines = [[row.get(name, "") for name in columns] for row in rows]
    return _csv([(headers or {}).get(name, name) for name in columns], lines, delimiter)


def _csv(header: Sequence[str], lines: Sequence[Sequence[str]], delimiter: str = ",") -> str:
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter).writerows([header, *lines])
    return out.getvalue()


class Project(Place):
    """A facility ``west`` with a REDCap project."""

    def __init__(self, root: Path, toml: str | None = None, fields: Sequence[Cells] | None = FIELDS) -> None:
        super().__init__(root, toml or mapping())
        self.n_sent = 0
        if fields is not None:
            self.send("P_DataDictionary_1.csv", dictionary_csv(fields))

    def export(self, *rows: Cells, **how: Any) -> Project:
        """Send an export."""
        self.n_sent += 1
        self.send(f"P_DATA_{self.n_sent}.csv", export_csv(rows, **how))
        return self

    def screened(self) -> tuple[Staged, Screened]:
        """Staged and judged, by the rules of no particular table: those between tables take longest."""
        staged, rules = self.stage(), Catalogue(catalogue().of_scope("generic"))
        return staged, screen_facility("west", staged, rules, parameters_of(Settings(), EXTRACT_DATE))


def broken(done: Screened, rule_id: str) -> list[tuple[str, int | None, str | None]]:
    """Table, source row and source column of every finding of a rule."""
    found = done.findings.filter(done.findings["rule_id"] == rule_id)
    columns = ["table_name", "source_row", "source_column" if "source_column" in found.columns else "items"]
    return sorted(found.select(columns).iter_rows(), key=str)


def judged(done: Screened, rule_id: str) -> tuple[str, int, int]:
    """Status, violated and denominator of a rule."""
    (row,) = done.rule_results.filter(done.rule_results["rule_id"] == rule_id).iter_rows(named=True)
    return row["status"], row["n_violated"], row["n_denominator"]
