"""Mistakes in the second facility's REDCap export.

Belongs here: one function per mistake, each listed in ``PLANTERS``. Does not belong here: the hospital's mistakes.
The warnings touch no date or size that the analysis reads, so that their correction changes no published fact.
"""

from registry_pipeline.simulate.demo.error_injection import (
    CaseCondition,
    Exports,
    Planter,
    irradiated,
    wrong_cells,
)
from registry_pipeline.simulate.demo.redcap_export import FILE
from registry_pipeline.simulate.demo.redcap_form import export_columns
from registry_pipeline.simulate.demo.sheets import Row
from registry_pipeline.simulate.demo.truth import Case


def anybody(case: Case) -> bool:
    """Every patient of the facility."""
    return bool(case.lesions)


def wrong(
    rule: str, instrument: str, table: str, item: str, kind: str, text: str, cells: Row, condition: CaseCondition = anybody,
    is_error: bool = False,
) -> Planter:  # fmt: skip
    """Wrong cells in the first row of an instrument (the event's own row for an empty one)."""
    return wrong_cells(
        rule, FILE, table, item, cells, kind, text, condition, None, is_error,
        {"redcap_repeat_instrument": instrument}, is_first_only=True,
    )  # fmt: skip


def _twice(exports: Exports) -> None:
    """A row pasted below itself: REDCap itself cannot hold two of one key, an edited export can."""
    hit = exports.rows(
        FILE, exports.take(lambda case: len(case.lesions) == 1), redcap_repeat_instrument="lesion"
    )[0]
    exports.add(hit, lesion_biopsy="1" if hit.row["lesion_biopsy"] == "0" else "0")
    text = "two rows of one record, event, instrument and instance"
    exports.record("S04", hit, "lesion", "redcap_repeat_instance", "duplicate", text)


def _identifier(exports: Exports) -> None:
    """The user's rights, or a box left unticked: hospital numbers come along."""
    page = exports.page(FILE)
    page.columns = export_columns(with_identifiers=True)
    for number, row in enumerate(row for row in page.rows if row.get("birth_date")):
        row["hospital_no"] = f"H{730018 + 41 * number}"
    text = "hospital numbers in an export that is declared de-identified"
    exports.record("S08", page, "", "hospital_no", "identifier", text)


PLANTERS: tuple[Planter, ...] = (
    _identifier,
    _twice,
    wrong("S06", "local_therapy", "lrt_course", "lrt_margin", "hidden", "a resection margin of a radiotherapy",
          {"lrt_margin": "0"}, irradiated),
    wrong("S07", "local_therapy", "lrt_course", "lrt_days", "calculation", "days that were not calculated anew",
          {"lrt_days": "400"}, irradiated),
    wrong("S24", "", "primary_tumour", "dx_age", "calculation", "an age that was never calculated", {"dx_age": ""}),
    wrong("S05", "lesion", "lesion", "lesion_site", "code", "a code that the dictionary does not offer",
          {"lesion_site": "11"}, is_error=True),
    wrong("S22", "episode", "omd_episode", "omd_scc_ag", "out_of_range", "an antigen beyond the form's bounds",
          {"omd_scc_ag": "812"}),
    wrong("S23", "", "", "consent_date", "out_of_range", "consent in the wrong century", {"consent_date": "2103-05-06"}),
    wrong("S21", "", "patient", "district", "missing", "a required field was left blank", {"district": ""}),
)  # fmt: skip
