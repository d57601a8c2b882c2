"""Mistakes in the radiotherapy system's exports and in the list of operations.

Belongs here: one function per mistake, each listed in ``PLANTERS``.
Does not belong here: mistakes of other systems.
"""

from datetime import date, datetime, timedelta

from registry_pipeline.simulate.demo.error_injection import (
    CaseCondition,
    Exports,
    Hit,
    Planter,
    irradiated,
    wrong_cells,
)
from registry_pipeline.simulate.demo.sheets import Cell


def _technique(name: str) -> CaseCondition:
    return lambda case: irradiated(case) and case.courses[0].technique == name


def on_course(
    rule: str, item: str, cell: Cell, text: str,
    condition: CaseCondition = irradiated, in_cohort: bool | None = True, is_error: bool = True, **more: Cell,
) -> Planter:  # fmt: skip
    """The same wrong cell, which others contradict, in every session of a course."""
    cells = {item: cell, **more}
    return wrong_cells(
        rule, "rt_sessions", "lrt_course", item, cells, "disagreement", text, condition, in_cohort, is_error
    )


def _shifted(cell: Cell, days: int) -> str:
    moment = datetime.fromisoformat(str(cell)) + timedelta(days=days)
    return moment.strftime("%Y-%m-%d %H:%M")


def _before_detection(exports: Exports) -> None:
    hits = exports.rows("rt_sessions", exports.take(irradiated, True))
    for hit in hits:
        hit.row["TreatmentDateTime"] = _shifted(hit.row["TreatmentDateTime"], -80)
    text = "treated 50 days before the lesion was detected"
    exports.record("T02", hits[0], "lrt_course", "TreatmentDateTime", "order", text)


def _centigray(exports: Exports) -> None:
    hits = exports.rows("rt_sessions", exports.take(_technique("imrt"), True))
    for hit in hits:
        hit.row["DosePerFraction_cGy"] = f"{float(str(hit.row['DosePerFraction_cGy'])) * 100:g}"
    text = "dose converted to cGy twice: several thousand Gy"
    exports.record("T05", hits[0], "lrt_course", "DosePerFraction_cGy", "unit", text)


def _one_session(exports: Exports) -> None:
    hits = exports.rows("rt_sessions", exports.take(_technique("imrt"), True))
    hits[3].row["DosePerFraction_cGy"] = "2000"
    text = "one session at ten times the dose: total is not fractions times dose"
    exports.record("T04", hits[0], "lrt_course", "DosePerFraction_cGy", "disagreement", text)


def _long_course(exports: Exports) -> None:
    hits = exports.rows("rt_sessions", exports.take(_technique("sbrt"), None))
    hits[-1].row["TreatmentDateTime"] = _shifted(hits[-1].row["TreatmentDateTime"], 25)
    text = "last session 25 days after the one before"
    exports.record("T09", hits[0], "lrt_course", "TreatmentDateTime", "interval", text, False)


def _stopped(exports: Exports) -> None:
    hits = exports.rows("rt_sessions", exports.take(_technique("imrt"), None))
    exports.change(hits, PlannedFractions=str(len(hits) + 10), CourseStatus="")
    text = "ten fractions missing, no reason given"
    exports.record("T08", hits[0], "lrt_course", "PlannedFractions", "incomplete", text, False)


def _same_field_again(exports: Exports) -> None:
    case = exports.take(lambda case: case.kind == "palliative" and case.death is None, False)
    for hit in reversed(exports.rows("rt_sessions", case)):
        moment = _shifted(hit.row["TreatmentDateTime"], 200)
        again = exports.add(hit, CourseID="C2", TreatmentDateTime=moment)
    exports.add(exports.rows("rt_targets", case)[0], CourseID="C2")
    text = "the same lesion treated again after 200 days, not marked as re-irradiation"
    exports.record("T10", again, "lrt_course", "CourseID", "missing_mark", text, False)


def _quality_assurance(exports: Exports) -> None:
    page = exports.page("rt_sessions")
    like = Hit(page, page.rows[-1])
    hit = exports.add(like, PatientID="ZZ_TEST_QA", CourseID="C1", FractionNo="1")
    text = "a quality assurance phantom treated as a patient"
    exports.record("S18", hit, "lrt_course", "PatientID", "orphan", text)


def _no_target(exports: Exports) -> None:
    case = exports.take(lambda case: irradiated(case) and len(case.lesions) == 2 and not case.events, True)
    exports.remove(exports.rows("rt_targets", case)[1])
    lesion = exports.rows("imaging", case, **{"病灶 病灶记录": "发现"})[1]
    text = "an index lesion that is no target of the course"
    exports.record("T01", lesion, "lesion", "病灶 局部治疗", "missing_partner", text)


def _procedure(exports: Exports, modality: str) -> list[Hit]:
    case = exports.take(lambda case: bool(case.courses) and case.courses[0].modality == modality, True)
    return exports.rows("procedures", case)


def _no_margin(exports: Exports) -> None:
    hits = _procedure(exports, "surgery")
    exports.change(hits, 切缘="")
    exports.record("T11", hits[0], "lrt_course", "切缘", "missing", "an operation without its margin", False)


def _ambiguous_day(exports: Exports) -> None:
    hits = _procedure(exports, "ablation")
    day = date.fromisoformat(str(hits[0].row["手术日期"]).replace("/", "-"))
    exports.change(hits, 手术日期=f"05/0{day.month % 9 + 1}/{day.year}")
    text = "day and month cannot be told apart"
    exports.record("S12", hits[0], "lrt_course", "手术日期", "ambiguous", text)


def _dose_in_words(exports: Exports) -> None:
    hit = exports.rows("rt_targets", exports.take(irradiated, None))[0]
    hit.row["TargetDose_cGy"] = "see plan"
    exports.record("S14", hit, "lrt_target", "TargetDose_cGy", "number", "a dose in words", False)


def _session_without_day(exports: Exports) -> None:
    hits = exports.rows("rt_sessions", exports.take(irradiated, None))
    hits[len(hits) // 2].row["TreatmentDateTime"] = ""
    text = "one session of a course without its day"
    exports.record("S28", hits[0], "lrt_course", "TreatmentDateTime", "missing", text, False)


PLANTERS: tuple[Planter, ...] = (
    _before_detection, _centigray, _one_session, _long_course, _stopped, _same_field_again, _quality_assurance, _no_target,
    _no_margin, _ambiguous_day, _dose_in_words, _session_without_day,
    on_course("T06", "BED10_Gy", "88.00", "stored BED10 is not that of the fractions",
              _technique("imrt")),
    on_course("T07", "Technique", "SBRT", "33 fractions of 2 Gy labelled stereotactic",
              _technique("imrt"), None, False),
)  # fmt: skip
