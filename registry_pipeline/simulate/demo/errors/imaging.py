"""Mistakes in the imaging department's workbook.

Belongs here: one function per mistake, each listed in ``PLANTERS``.
Does not belong here: mistakes of other systems.
"""

from datetime import date, timedelta

from registry_pipeline.simulate.demo.clinical import NODES
from registry_pipeline.simulate.demo.error_injection import (
    CaseCondition,
    Exports,
    Hit,
    Planter,
    wrong_cells,
)
from registry_pipeline.simulate.demo.sheets import Row
from registry_pipeline.simulate.demo.truth import Case

SIZE = "病灶 大小描述"
_DETECTION: Row = {"病灶 病灶记录": "发现"}


def _metastatic(case: Case) -> bool:
    return bool(case.lesions)


def _site(*sites: str) -> CaseCondition:
    return lambda case: bool(case.lesions) and case.lesions[0].site in sites


def _ct(case: Case) -> bool:
    return bool(case.lesions) and case.exams[0].modality == "ct" and case.exams[-1].modality == "ct"


def _detections(exports: Exports, case: Case) -> list[Hit]:
    return exports.rows("imaging", case, **_DETECTION)


def at_detection(
    rule: str, table: str, cells: Row, kind: str, text: str,
    condition: CaseCondition = _metastatic, in_cohort: bool | None = True, is_error: bool = True,
) -> Planter:  # fmt: skip
    """Wrong cells in the row that first describes a lesion."""
    return wrong_cells(
        rule, "imaging", table, next(iter(cells)), cells, kind, text, condition, in_cohort, is_error,
        _DETECTION, is_first_only=True,
    )  # fmt: skip


def _responded(case: Case) -> bool:
    return any(size.role == "post" for exam in case.exams for size in exam.sizes) and not case.events


def _after_treatment(exports: Exports, case: Case) -> list[Hit]:
    return exports.rows("imaging", case, **{"病灶 测量时点": "治疗后"})


def _same_day_negative(exports: Exports) -> None:
    hit = _detections(exports, exports.take(_metastatic, True))[0]
    hit.row["病灶 上次阴性日期"] = hit.row["检查日期"]
    text = "last negative examination on the day of detection"
    exports.record("L05", hit, "lesion", "病灶 上次阴性日期", "order", text)


def _negative_later(exports: Exports) -> None:
    hit = _detections(
        exports, exports.take(lambda case: bool(case.lesions) and case.lesions[0].site == "lung", None)
    )[0]
    day = hit.row["检查日期"]
    assert isinstance(day, date)
    hit.row["病灶 上次阴性日期"] = day + timedelta(days=9)
    text = "an examination after the first measurement is named as the last negative one"
    exports.record("L07", hit, "lesion", "病灶 上次阴性日期", "order", text)


def _long_ago(exports: Exports) -> None:
    def condition(case: Case) -> bool:
        long_enough = bool(case.lesions) and (case.lesions[0].detection - case.tumour.dx).days > 820
        return case.kind in ("palliative", "never_treated", "systemic_only", "after_window") and long_enough

    hit = _detections(exports, exports.take(condition, False))[0]
    day = hit.row["检查日期"]
    assert isinstance(day, date)
    hit.row["病灶 上次阴性日期"] = day - timedelta(days=810)
    text = "last negative examination more than two years before detection"
    exports.record("L06", hit, "lesion", "病灶 上次阴性日期", "interval", text, False)


def _double_lesion(exports: Exports) -> None:
    def condition(case: Case) -> bool:
        return case.kind == "palliative" and len(case.lesions) == 1

    case = exports.take(condition, False)
    hit = _detections(exports, case)[0]
    exports.add(hit, **{"病灶 病灶号": "2", "病灶 局部治疗": "否", "病灶 未治疗原因": "重复登记"})
    exports.change(exports.rows("his", case, 转移序号="1"), 转移灶数目="2")
    text = "one lesion registered twice under two numbers"
    exports.record("L04", hit, "lesion", "病灶 病灶号", "duplicate", text, False)


def _two_sites(exports: Exports) -> None:
    case = exports.take(lambda case: case.kind == "brain", False)
    hit = _detections(exports, case)[0]
    again = exports.add(
        hit, **{"检查号": f"{hit.row['检查号']}A", "病灶 部位": "肝", "病灶 ICD编码": "C78.7"}
    )
    assert again.row is not hit.row
    text = "one lesion number for a brain and a liver lesion"
    exports.record("L01", hit, "lesion", "病灶 部位", "conflict", text)


def _after_death(exports: Exports) -> None:
    def condition(case: Case) -> bool:
        return case.death is not None and _responded(case)

    case = exports.take(condition, True)
    hits = _after_treatment(exports, case)
    assert case.death
    exports.change(hits, 检查日期=case.death + timedelta(days=60))
    text = "examined two months after death"
    exports.record("M08", hits[0], "imaging_exam", "检查日期", "order", text)


def _tenfold(exports: Exports) -> None:
    def condition(case: Case) -> bool:
        sizes = next((exam.sizes for exam in case.exams if exam.sizes), [])
        return _responded(case) and bool(sizes) and sizes[0].long_mm <= 18

    case = exports.take(condition)
    hit = _after_treatment(exports, case)[0]
    before = next(exam.sizes[0] for exam in case.exams if exam.sizes)
    hit.row[SIZE] = f"{before.long_mm - 1:g}cm"
    text = "centimetres written for millimetres: ten times the earlier size"
    exports.record("M04", hit, "measurement", SIZE, "unit", text, False)


def _uptake_on_ct(exports: Exports) -> None:
    case = exports.take(
        lambda case: _ct(case) and case.kind != "cohort" and case.lesions[0].site not in NODES
    )
    hit = _detections(exports, case)[0]
    size = next(exam.sizes[0] for exam in case.exams if exam.sizes)
    hit.row[SIZE] = f"{size.long_mm:g}mm，SUVmax 8.2"
    text = "an uptake value from a CT"
    exports.record("M11", hit, "measurement", SIZE, "disagreement", text, False)


def _other_modality(exports: Exports) -> None:
    def condition(case: Case) -> bool:
        return _ct(case) and _responded(case) and case.lesions[0].site == "lung"

    case = exports.take(condition)
    hits = _after_treatment(exports, case)
    exports.change(hits, 检查方式="胸片", **{"层厚(mm)": None})
    text = "a lesion first measured on CT, then on a chest radiograph"
    exports.record("M09", hits[0], "measurement", "检查方式", "disagreement", text, False)


def _no_biopsy(exports: Exports) -> None:
    def condition(case: Case) -> bool:
        sizes = next((exam.sizes for exam in case.exams if exam.sizes), [])
        return _ct(case) and case.lesions[0].site == "scf" and round(sizes[0].short_mm) < 10

    case = exports.take(condition)
    hits = _detections(exports, case)
    exports.change(hits, **{"病灶 活检": "否"})
    text = "a node under 10 mm without biopsy or PET"
    exports.record("M05", hits[0], "measurement", "病灶 活检", "evidence", text, False)


def _no_exam_day(exports: Exports) -> None:
    case = exports.take(_metastatic, True)
    hits = _detections(exports, case)
    same = exports.rows("imaging", case, 检查号=hits[0].row["检查号"])
    exports.change(same, 检查日期=None)
    text = "an examination without its date"
    exports.record("S10", hits[0], "imaging_exam", "检查日期", "missing", text)


def _orphan(exports: Exports) -> None:
    hit = _detections(exports, exports.take(_metastatic, True))[0]
    hit.row["病灶 转移序号"] = "9"
    text = "a lesion of an episode that does not exist"
    exports.record("S18", hit, "lesion", "病灶 转移序号", "orphan", text)


PLANTERS: tuple[Planter, ...] = (
    _same_day_negative, _negative_later, _long_ago, _double_lesion, _two_sites, _after_death, _tenfold, _uptake_on_ct,
    _other_modality, _no_biopsy, _no_exam_day, _orphan,
    at_detection("L02", "lesion", {"病灶 侧别": ""}, "missing", "a lung lesion without its side",
                 _site("lung"), None, False),
    at_detection("L03", "lesion", {"病灶 ICD编码": "C78.7"}, "disagreement", "code of the liver, text lung",
                 _site("lung")),
    at_detection("M01", "measurement", {SIZE: "290 x 220 mm"}, "out_of_range", "a lesion of 29 cm"),
    at_detection("M02", "measurement", {SIZE: "长径8mm，短径12mm"}, "order", "short axis longer than the long axis"),
    at_detection("M03", "measurement", {SIZE: "原8mm，现12mm"}, "ambiguous", "two sizes in one sentence"),
    at_detection("S13", "measurement", {SIZE: "14×11"}, "unit", "a size without its unit", is_error=False),
)  # fmt: skip
