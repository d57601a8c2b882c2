"""Mistakes in the follow-up list and in the civil death register.

Belongs here: one function per mistake, each listed in ``PLANTERS``.
Does not belong here: mistakes of other systems.
"""

from datetime import date, timedelta

from registry_pipeline.simulate.demo.error_injection import Exports, Hit, Planter
from registry_pipeline.simulate.demo.sheets import Cell
from registry_pipeline.simulate.demo.truth import Case


def _treated(case: Case) -> bool:
    return bool(case.courses) and len(case.contacts) >= 2


def _dead(case: Case) -> bool:
    return case.death is not None and bool(case.courses)


def _contact(exports: Exports, case: Case) -> Hit:
    return exports.rows("followup", case, 记录类别="随访", 生存状态="存活")[0]


def _new_record(exports: Exports, case: Case, number: str, **cells: Cell) -> Hit:
    like = exports.rows("followup", case, 记录类别="随访")[-1]
    blank: dict[str, Cell] = {"随访方式": "", "生存状态": "", "疾病状态": ""}
    return exports.add(like, **(blank | {"记录号": number} | cells))


def _early_visit(exports: Exports) -> None:
    case = exports.take(_treated, True)
    hit = _contact(exports, case)
    hit.row["日期"] = case.courses[0].days[0] - timedelta(days=45)
    exports.record("U01", hit, "followup", "日期", "order", "a follow-up visit before treatment", False)


def _lost_zeros(exports: Exports) -> None:
    hit = _contact(exports, exports.take(_treated, True))
    hit.row["病案号"] = int(str(hit.row["病案号"]))
    text = "leading zeros lost: the patient is unknown"
    exports.record("S18", hit, "followup", "病案号", "orphan", text)


def _no_lesion(exports: Exports) -> None:
    case = exports.take(lambda case: _treated(case) and case.kind != "cohort" and not case.death)
    day = case.contacts[-1].day - timedelta(days=20)
    hit = _new_record(
        exports, case, "SF90001", 记录类别="复发", 日期=day, 事件类型="局部复发", 病灶号="9", 依据="影像"
    )
    text = "a local recurrence in a lesion that does not exist"
    exports.record("U04", hit, "event", "病灶号", "orphan", text)


def _many_lesions(exports: Exports) -> None:
    case = exports.take(lambda case: any(event.kind == "new_oligomet" for event in case.events), True)
    hit = exports.rows("followup", case, 记录类别="复发")[0]
    hit.row["新发病灶数"] = "8"
    exports.record("U05", hit, "event", "新发病灶数", "count", "eight lesions called oligometastatic")


def _early_recurrence(exports: Exports) -> None:
    case = exports.take(lambda case: _treated(case) and case.kind != "cohort" and bool(case.courses))
    day = case.courses[0].days[-1] + timedelta(days=12)
    hit = _new_record(exports, case, "SF90002", 记录类别="复发", 日期=day, 事件类型="区域复发", 依据="影像")
    text = "a recurrence twelve days after treatment"
    exports.record("U06", hit, "event", "日期", "interval", text, False)


def _after_death(exports: Exports) -> None:
    case = exports.take(lambda case: _dead(case) and bool(case.contacts))
    assert case.death
    day = case.death + timedelta(days=90)
    hit = _new_record(exports, case, "SF90003", 记录类别="复发", 日期=day, 事件类型="多发转移", 依据="影像")
    exports.record("U07", hit, "event", "日期", "order", "progression three months after death")


def _lesion_without_event(exports: Exports) -> None:
    case = exports.take(lambda case: any(event.kind == "new_oligomet" for event in case.events), True)
    exports.remove(exports.rows("followup", case, 记录类别="复发")[0])
    lesion = exports.rows("imaging", case, **{"病灶 病灶状态": "新发病灶"})[0]
    text = "a new lesion that no progression event speaks of"
    exports.record("U08", lesion, "lesion", "病灶 病灶状态", "missing_partner", text, False)


def _toxic(case: Case) -> bool:
    return bool(case.toxicities)


def _grade(exports: Exports) -> None:
    hit = exports.rows("followup", exports.take(_toxic), 记录类别="不良反应")[0]
    hit.row["分级"] = "6"
    exports.record("X01", hit, "toxicity", "分级", "out_of_range", "CTCAE grade 6")


def _onset(exports: Exports) -> None:
    case = exports.take(_toxic)
    hit = exports.rows("followup", case, 记录类别="不良反应")[0]
    hit.row["日期"] = case.courses[0].days[0] - timedelta(days=10)
    text = "an adverse effect before the treatment"
    exports.record("X02", hit, "toxicity", "日期", "order", text, False)


def _dead_without_record(exports: Exports) -> None:
    case = exports.take(lambda case: case.kind == "no_oligometastasis" and case.birth_precision == "day")
    hit = exports.rows("followup", case, 记录类别="随访")[-1]
    exports.change([hit], 随访方式="电话", 生存状态="死亡", 疾病状态="不明")
    text = "reported dead, no death is registered"
    exports.record("H01", hit, "followup", "生存状态", "missing_partner", text, False)


def _death_before_treatment(exports: Exports) -> None:
    def condition(case: Case) -> bool:
        return _dead(case) and not exports.filled("his", case, "死亡日期")

    case = exports.take(condition, True)
    hit = exports.rows("deaths", case)[0]
    assert case.death
    wrong = date(case.courses[0].days[0].year - 1, case.death.month, min(case.death.day, 28))
    hit.row["死亡日期"] = wrong.strftime("%Y%m%d")
    text = "died in the year before the treatment"
    exports.record("H02", hit, "death", "死亡日期", "order", text)


def _other_cause(exports: Exports) -> None:
    def condition(case: Case) -> bool:
        return bool(exports.filled("his", case, "死亡日期")) and case.death_cause == "cancer"

    case = exports.take(condition)
    exports.change(exports.filled("his", case, "死亡日期"), 死因="其他疾病")
    civil = exports.rows("deaths", case)[0]
    text = "ward and register name different causes"
    exports.record("S17", civil, "death", "死因编码", "disagreement", text, False)


def _new_column(exports: Exports) -> None:
    page = exports.page("deaths")
    page.columns = (*page.columns, "户籍地编码")
    for row in page.rows:
        row["户籍地编码"] = "510100"
    text = "a column that the mapping does not know"
    exports.record("S02", page, "", "户籍地编码", "schema_drift", text, False)


def _grade_of_a_visit(exports: Exports) -> None:
    hit = exports.rows(
        "followup", exports.take(lambda case: case.kind == "no_oligometastasis"), 记录类别="随访"
    )[0]
    hit.row["分级"] = "2"
    text = "a grade of toxicity in the row of a visit"
    exports.record("S27", hit, "", "分级", "stray_value", text, False)


PLANTERS: tuple[Planter, ...] = (
    _early_visit, _lost_zeros, _no_lesion, _many_lesions, _early_recurrence, _after_death,
    _lesion_without_event, _grade, _onset, _dead_without_record, _death_before_treatment, _other_cause,
    _new_column, _grade_of_a_visit,
)  # fmt: skip
