"""The radiotherapy system (sessions and targets, doses in cGy) and the list of operations and ablations.

Belongs here: cases -> rows of ``rt_sessions``, ``rt_targets`` and ``procedures``.
Does not belong here: other systems, mistakes.
"""

from registry_pipeline.simulate.demo.sheets import Page, Row
from registry_pipeline.simulate.demo.truth import Case, Course

SESSION_COLUMNS = (
    "PatientID", "CourseID", "PlanID", "EpisodeNo", "Technique", "Intent", "PlannedFractions", "FractionNo",
    "TreatmentDateTime", "DosePerFraction_cGy", "BED10_Gy", "EQD2_Gy", "CourseStatus",
)  # fmt: skip
TARGET_COLUMNS = ("PatientID", "CourseID", "LesionNo", "TargetDose_cGy")
PROCEDURE_COLUMNS = (
    "病案号",
    "手术编号",
    "转移序号",
    "手术日期",
    "操作类别",
    "术式",
    "意图",
    "病灶号",
    "切缘",
)
TECHNIQUE = {"sbrt": "SBRT", "imrt": "IMRT", "3dcrt": "3D-CRT"}
INTENT = {"definitive": "Radical", "palliative": "Palliative"}
KIND = {"surgery": "手术", "ablation": "消融"}
OPERATION = {"vats": "胸腔镜切除", "open": "开放切除", "mwa": "微波消融", "rfa": "射频消融"}


def rt_pages(cases: list[Case]) -> list[Page]:
    """One row per session, and one row per course and target."""
    sessions, targets = Page("rt_sessions", "", SESSION_COLUMNS), Page("rt_targets", "", TARGET_COLUMNS)
    for case in cases:
        for course in case.courses:
            if course.modality == "rt":
                sessions.rows += session_rows(case.local_id, course)
                targets.rows += _target_rows(case.local_id, course)
    return [sessions, targets]


def session_rows(patient: str, course: Course) -> list[Row]:
    """The sessions of one course, in order."""
    bed, eqd2 = course.biological_dose()
    fractions = len(course.days)
    plan = f"{course.technique.upper()}_{course.total_gy:g}/{fractions}"
    return [
        {
            "PatientID": patient,
            "CourseID": f"C{course.number}",
            "PlanID": plan,
            "EpisodeNo": str(course.episode),
            "Technique": TECHNIQUE[course.technique],
            "Intent": INTENT[course.intent],
            "PlannedFractions": str(course.n_planned),
            "FractionNo": str(number),
            "TreatmentDateTime": f"{day.isoformat()} {8 + number % 9:02d}:{number * 7 % 60:02d}",
            "DosePerFraction_cGy": f"{(course.dose_per_fraction or 0) * 100:g}",
            "BED10_Gy": f"{bed:.2f}",
            "EQD2_Gy": f"{eqd2:.2f}",
            "CourseStatus": "Completed",
        }
        for number, day in enumerate(course.days, start=1)
    ]


def _target_rows(patient: str, course: Course) -> list[Row]:
    dose = f"{course.total_gy * 100:g}"
    return [
        {
            "PatientID": patient,
            "CourseID": f"C{course.number}",
            "LesionNo": str(lesion),
            "TargetDose_cGy": dose,
        }
        for lesion in course.lesions
    ]


def procedures_page(cases: list[Case]) -> Page:
    """One row per operation or ablation and lesion."""
    page = Page("procedures", "", PROCEDURE_COLUMNS)
    for case in cases:
        for course in case.courses:
            if course.modality != "rt":
                page.rows += [_procedure(case.local_id, course, lesion) for lesion in course.lesions]
    return page


def _procedure(patient: str, course: Course, lesion: int) -> Row:
    return {
        "病案号": patient,
        "手术编号": f"C{course.number}",
        "转移序号": str(course.episode),
        "手术日期": course.days[0].strftime("%Y/%m/%d"),
        "操作类别": KIND[course.modality],
        "术式": OPERATION[course.technique],
        "意图": "根治",
        "病灶号": str(lesion),
        "切缘": course.margin,
    }
