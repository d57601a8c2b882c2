"""Mistakes in the hospital information system's export.

Belongs here: one function per mistake, each listed in ``PLANTERS``.
Does not belong here: mistakes of other systems. Warnings never touch birth, sex, diagnosis or death
dates, so that their correction is no change of a published fact.
"""

from datetime import date, timedelta

from registry_pipeline.simulate.demo.error_injection import (
    CaseCondition,
    Exports,
    Hit,
    Planter,
    wrong_cells,
)
from registry_pipeline.simulate.demo.sheets import Cell
from registry_pipeline.simulate.demo.truth import Case


def anybody(case: Case) -> bool:
    """Every patient but the near twin, who is needed as she is."""
    return case.kind != "near_twin"


def _staged(case: Case) -> bool:
    return case.kind == "no_oligometastasis"


def _radiated(case: Case) -> bool:
    return any(therapy.modality == "ccrt" for therapy in case.therapies)


def _operated(case: Case) -> bool:
    return any(therapy.modality == "surgery" for therapy in case.therapies)


def _metachronous(case: Case) -> bool:
    return bool(case.episodes) and case.episodes[0].omd_class == "metachronous_oligorecurrence"


def everywhere(
    rule: str,
    table: str,
    item: str,
    cell: Cell,
    kind: str,
    text: str,
    condition: CaseCondition = anybody,
    in_cohort: bool | None = False,
    is_error: bool = True,
    **more: Cell,
) -> Planter:
    """The same wrong cell on every admission of a patient."""

    cells = {item: cell, **more}
    return wrong_cells(rule, "his", table, item, cells, kind, text, condition, in_cohort, is_error)


def at_episode(
    rule: str, item: str, cell: Cell, kind: str, text: str,
    condition: CaseCondition = _metachronous, is_error: bool = True,
) -> Planter:  # fmt: skip
    """A wrong cell on the admission for the first episode."""
    return wrong_cells(
        rule,
        "his",
        "omd_episode",
        item,
        {item: cell},
        kind,
        text,
        condition,
        True,
        is_error,
        {"转移序号": "1"},
    )


def _first_rows(
    exports: Exports, condition: CaseCondition, in_cohort: bool | None, n: int = 1
) -> tuple[Case, list[Hit]]:
    def has_rows(case: Case) -> bool:
        return condition(case) and len(exports.rows("his", case)) >= n

    case = exports.take(has_rows, in_cohort)
    return case, exports.rows("his", case)


def _two_birth_dates(exports: Exports) -> None:
    case, hits = _first_rows(exports, anybody, True, 2)
    hits[0].row["出生日期"] = (case.birth - timedelta(days=3 * 365)).isoformat()
    text = "two admissions of one woman give birth dates three years apart"
    exports.record("V01", hits[0], "patient", "出生日期", "conflict", text)


def _two_stages(exports: Exports) -> None:
    _, hits = _first_rows(exports, lambda case: case.tumour.stage == "IB1", None, 2)
    hits[0].row["分期"] = "IIB期"
    text = "two admissions give different stages"
    exports.record("S16", hits[0], "primary_tumour", "分期", "conflict", text)


def _child(exports: Exports) -> None:
    case, hits = _first_rows(exports, _staged, False)
    exports.change(hits, 出生日期=f"{case.tumour.dx.year - 6}-05-09")
    exports.record("V03", hits[0], "patient", "出生日期", "out_of_range", "six years old at diagnosis")


def _age(exports: Exports) -> None:
    case, hits = _first_rows(exports, anybody, True)
    exports.change(hits, **{"诊断年龄(岁)": str(case.tumour.age + 11)})
    text = "stored age is eleven years off the birth date"
    exports.record("V04", hits[0], "primary_tumour", "诊断年龄(岁)", "disagreement", text)


def _test_patient(exports: Exports) -> None:
    page = exports.page("his")
    hit = exports.add(Hit(page, page.rows[-1]), 病案号="ZZ_TEST01", 住院号="ZY00000001")
    exports.record("V06", hit, "patient", "病案号", "test_patient", "a test patient in the export")


def _backwards(exports: Exports) -> None:
    _, hits = _first_rows(exports, _radiated, None)
    start = date.fromisoformat(str(hits[0].row["放疗开始"]))
    hits[0].row["放疗结束"] = (start - timedelta(days=30)).isoformat()
    text = "radiotherapy ends before it starts"
    exports.record("V21", hits[0], "primary_treatment", "放疗结束", "order", text)


def _late(exports: Exports) -> None:
    def condition(case: Case) -> bool:
        return _operated(case) and case.kind == "no_oligometastasis"

    case, hits = _first_rows(exports, condition, False)
    hits[0].row["手术日期"] = (case.tumour.dx + timedelta(days=250)).isoformat()
    text = "first treatment 250 days after diagnosis"
    exports.record("V23", hits[0], "primary_treatment", "手术日期", "interval", text, False)


def _no_chemotherapy(exports: Exports) -> None:
    _, hits = _first_rows(exports, _radiated, None)
    exports.change(hits[:1], 化疗线数="", 化疗性质="", 化疗方案="", 化疗开始="", 化疗结束="")
    text = "chemoradiotherapy without systemic therapy"
    exports.record("V24", hits[0], "primary_treatment", "放疗方式", "missing_partner", text)


def _line_backwards(exports: Exports) -> None:
    case, hits = _first_rows(exports, _radiated, None)
    hits[0].row["化疗结束"] = (case.lines[0].start - timedelta(days=20)).isoformat()
    text = "systemic therapy ends before it starts"
    exports.record("Y01", hits[0], "systemic_line", "化疗结束", "order", text)


def _before_primary(exports: Exports) -> None:
    case = exports.take(_metachronous, True)
    hits = exports.rows("his", case, 转移序号="1")
    hits[0].row["转移确诊日期"] = (case.tumour.dx - timedelta(days=400)).isoformat()
    text = "oligometastases diagnosed 400 days before the primary"
    exports.record("E02", hits[0], "omd_episode", "转移确诊日期", "order", text)


def _impossible_day(exports: Exports) -> None:
    case, hits = _first_rows(exports, anybody, None)
    exports.change(hits, 确诊日期=f"{case.tumour.dx.year}-02-30")
    text = "30 February as date of diagnosis"
    exports.record("S09", hits[0], "primary_tumour", "确诊日期", "bad_date", text)


def _serial(exports: Exports) -> None:
    case, hits = _first_rows(exports, lambda case: case.kind == "five_lesions", False)
    serial = str((case.tumour.dx + timedelta(days=4) - date(1899, 12, 30)).days)
    hits[0].row["手术日期" if hits[0].row.get("手术日期") else "放疗开始"] = serial
    item = "手术日期" if hits[0].row.get("手术日期") else "放疗开始"
    text = "a date that became an Excel serial number"
    exports.record("S11", hits[0], "primary_treatment", item, "excel_serial", text, False)


def _short_line(exports: Exports) -> None:
    case = exports.take(lambda case: case.kind == "systemic_only", False)
    hit = exports.filled("his", case, "化疗线数")[-1]
    hit.page.ragged.append(hit.row)
    exports.record("S15", hit, "", "", "ragged", "a line with two fields too few", False)


def _operated_late_stage(exports: Exports) -> None:
    case = exports.take(lambda case: case.tumour.stage == "IVA", True)
    hit = exports.rows("his", case)[0]
    hit.row["手术日期"] = (case.tumour.dx + timedelta(days=9)).isoformat()
    text = "a radical operation in stage IVA"
    exports.record("V22", hit, "primary_treatment", "手术日期", "unusual", text, False)


def _lines_swapped(exports: Exports) -> None:
    case = exports.take(lambda case: case.kind == "systemic_only" and case.death is None, False)
    hit, line = exports.filled("his", case, "化疗线数")[-1], case.lines[-1]
    later = {"化疗开始": line.end + timedelta(days=30), "化疗结束": line.end + timedelta(days=90)}
    again = exports.add(hit, **{name: day.isoformat() for name, day in later.items()})
    again.row["住院号"] = f"{hit.row['住院号']}B"
    hit.row["化疗线数"] = str(line.number + 1)
    text = "the earlier line of therapy has the higher number"
    exports.record("Y02", again, "systemic_line", "化疗线数", "order", text, False)


def _ward_date(exports: Exports) -> None:
    def condition(case: Case) -> bool:
        return bool(exports.filled("his", case, "死亡日期"))

    case = exports.take(condition)
    hit = exports.filled("his", case, "死亡日期")[0]
    assert case.death
    hit.row["死亡日期"] = (case.death - timedelta(days=25)).isoformat()
    civil = exports.rows("deaths", case)[0]
    text = "ward and civil register give death dates 25 days apart"
    exports.record("H03", civil, "death", "死亡日期", "disagreement", text, False)


def _early_metastasis(exports: Exports) -> None:
    case = exports.take(lambda case: case.kind in ("palliative", "five_lesions"), False)
    hits = exports.rows("his", case, 转移序号="1")
    early = case.tumour.dx + timedelta(days=50)
    exports.change(hits, 转移确诊日期=early.isoformat(), 寡转移分类="同时性寡转移")
    for hit in exports.rows("imaging", case, **{"病灶 病灶记录": "发现"}):
        hit.row["检查日期"], hit.row["病灶 上次阴性日期"] = early, case.tumour.dx - timedelta(days=20)
    first = exports.rows("his", case)[0]
    text = "distant metastasis 50 days after the primary, stage not IVB"
    exports.record("V17", first, "primary_tumour", "分期", "disagreement", text)


def near_twin(exports: Exports) -> None:
    """Two women who differ in histology only are made to look like one; planted before all others."""
    twin = exports.take(lambda case: case.kind == "near_twin", False)
    other = next(case for case in exports.cases if case is not twin and case.tumour.dx == twin.tumour.dx)
    exports.taken.add(other.local_id)
    like, hits = exports.rows("his", other)[0].row, exports.rows("his", twin)
    exports.change(hits, 病理类型=like["病理类型"], 形态学编码=like["形态学编码"])
    text = "two numbers with the same birth, diagnosis and histology"
    exports.record("V05", hits[0], "patient", "出生日期", "duplicate_person", text, False)


PLANTERS: tuple[Planter, ...] = (
    _two_birth_dates, _two_stages, _child, _age, _test_patient, _backwards, _late, _no_chemotherapy,
    _line_backwards, _before_primary, _impossible_day, _serial, _short_line, _ward_date,
    _operated_late_stage, _lines_swapped, _early_metastasis,
    everywhere("V02", "patient", "性别", "男", "sex", "a man with cervical cancer", in_cohort=True),
    everywhere("S05", "primary_tumour", "病理类型", "鳞状上皮癌", "code", "a word that the mapping does not know"),
    everywhere("V07", "primary_tumour", "部位编码", "C54.1", "code", "topography of the uterine body"),
    everywhere("V08", "primary_tumour", "形态学编码", "8077/2", "in_situ", "an in-situ lesion in a registry of cancers",
               病理类型="原位鳞癌"),
    everywhere("V08", "primary_tumour", "形态学编码", "8070", "format", "morphology without behaviour"),
    everywhere("V09", "primary_tumour", "形态学编码", "8720/3", "rare", "melanoma of the cervix", _staged,
               is_error=False, 病理类型="其他"),
    everywhere("V10", "primary_tumour", "形态学编码", "8140/3", "disagreement",
               "code of an adenocarcinoma, text of a squamous cell carcinoma", _staged, is_error=False, 病理类型="鳞癌"),
    everywhere("V11", "primary_tumour", "诊断依据", "1", "basis", "specific morphology on a clinical basis"),
    everywhere("V12", "primary_tumour", "分化程度", "中分化", "grade",
               "undifferentiated carcinoma with grade 2", 形态学编码="8020/3", 病理类型="其他"),
    everywhere("V13", "primary_tumour", "分期", "IIIC1r期", "edition", "stage of FIGO 2018 in edition 2009",
               lambda case: case.tumour.edition == "2009", True, 盆腔淋巴结="阳性"),
    everywhere("V14", "primary_tumour", "分期版本", "", "missing", "stage without its edition", in_cohort=True),
    everywhere("V15", "primary_tumour", "肿瘤最大径(cm)", "6.5", "disagreement", "6.5 cm in stage IB1",
               lambda case: case.tumour.stage == "IB1", None, False),
    everywhere("V16", "primary_tumour", "腹主动脉旁淋巴结", "阳性", "disagreement", "positive para-aortic nodes in stage IIIC1",
               lambda case: case.tumour.stage.startswith("IIIC1"), None, False),
    everywhere("V20", "primary_tumour", "鳞癌抗原(ng/mL)", "1500", "out_of_range", "antigen of 1500 ng/mL",
               _staged, is_error=False),
    at_episode("E03", "转移灶数目", "4", "count", "four lesions stated, fewer are described", is_error=False),
    at_episode("E06", "寡转移分类", "同时性寡转移", "disagreement", "class does not follow from the interval"),
    at_episode("E07", "寡转移分类", "再次寡复发", "missing_partner", "repeat class in a first episode"),
    at_episode("E08", "寡转移分类", "异时性寡进展", "missing_partner", "progression under a therapy that nobody gave",
               is_error=False),
    at_episode("E09", "原发灶状态", "残留", "disagreement", "uncontrolled primary, metachronous class", is_error=False),
    at_episode("E10", "合并区域复发", "是", "missing_partner", "concurrent recurrence without its record",
               condition=lambda case: _metachronous(case) and case.episodes[0].regional is None),
    at_episode("E12", "主要转移部位", "其他", "disagreement", "stated site is not that of the lesions",
               condition=lambda case: _metachronous(case) and case.episodes[0].site_group == "lung"),
)  # fmt: skip
