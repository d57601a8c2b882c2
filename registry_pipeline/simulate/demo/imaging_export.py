"""The imaging department's workbook: sheets by period, a title, a two-line merged header, free-text sizes.

Belongs here: cases -> rows of ``imaging``. Does not belong here: other systems, mistakes.
"""

from random import Random

from registry_pipeline.simulate.demo.clinical import NODES
from registry_pipeline.simulate.demo.sheets import Page, Row
from registry_pipeline.simulate.demo.truth import Case, Exam, Lesion, Size

SHEETS = (("2003-2010", 1900, 2010), ("2011-2015", 2011, 2015), ("2016-2023", 2016, 2100))
REGION = {"neck": "颈部", "chest": "胸部", "abdomen": "腹部", "pelvis": "盆腔", "head": "头部"}
PLAIN = ("检查号", "病案号", "检查日期", "检查方式", "层厚(mm)", "增强")
LESION = (
    "转移序号", "病灶号", "病灶记录", "病灶状态", "部位", "ICD编码", "侧别", "大小描述", "测量时点",
    "活检", "上次阴性日期", "局部治疗", "未治疗原因",
)  # fmt: skip
IMPRESSION = {"neg": "未见转移", "pos": "转移", "equivocal": "治疗后改变"}
MODALITY = {"ct": "CT", "petct": "PET-CT"}
SITE = {
    "scf": ("锁骨上", "C77.0"),
    "lung": ("肺", "C78.0"),
    "mediastinal_ln": ("纵隔淋巴结", "C77.1"),
    "liver": ("肝", "C78.7"),
    "adrenal": ("肾上腺", "C79.7"),
    "bone": ("骨", "C79.5"),
    "brain": ("脑", "C79.3"),
}
SIDE = {"L": "左", "R": "右", "mid": "中线", "na": "无"}
STATUS = {"index": "指标病灶", "new": "新发病灶"}
ROLE = {"baseline": "首次发现", "pre": "治疗前", "post": "治疗后"}
COLUMNS = (*PLAIN, *(f"各部位结论 {item}" for item in REGION.values()), *(f"病灶 {item}" for item in LESION))
HEADERS = (
    (*PLAIN, "各部位结论", *[""] * (len(REGION) - 1), "病灶", *[""] * (len(LESION) - 1)),
    (*[""] * len(PLAIN), *REGION.values(), *LESION),
)


def imaging_pages(cases: list[Case]) -> list[Page]:
    """One page per period, examinations in order of date and number."""
    pages = []
    for sheet, first, last in SHEETS:
        rows: list[Row] = []
        exams = [(exam, case) for case in cases for exam in case.exams if first <= exam.day.year <= last]
        for exam, case in sorted(exams, key=lambda dated_exam: (dated_exam[0].day, dated_exam[0].number)):
            rows += _exam_rows(case, exam)
        title = f"影像检查登记表 {sheet}"
        pages.append(Page("imaging", sheet, COLUMNS, title, HEADERS, rows, total="合计"))
    return pages


def _exam_rows(case: Case, exam: Exam) -> list[Row]:
    head: Row = {
        "检查号": exam.number,
        "病案号": case.local_id,
        "检查日期": exam.day,
        "检查方式": MODALITY[exam.modality],
        "层厚(mm)": exam.slice_mm,
        "增强": "是" if exam.modality == "ct" else "否",
    }
    for region, impression in exam.regions.items():
        head[f"各部位结论 {REGION[region]}"] = IMPRESSION[impression]
    if not exam.sizes:
        return [head]
    return [head | _lesion_cells(case, exam, size) for size in exam.sizes]


def _lesion_cells(case: Case, exam: Exam, size: Size) -> Row:
    lesion = next(lesion for lesion in case.lesions if lesion.number == size.lesion)
    rng = Random(f"size-{exam.number}-{size.lesion}")
    cells: Row = {
        "病灶号": str(lesion.number),
        "大小描述": size_text(rng, size, lesion.site in NODES),
        "测量时点": ROLE[size.role],
    }
    if size.role == "baseline":
        cells |= _detection_cells(lesion)
    return {f"病灶 {name}": cell for name, cell in cells.items()}


def _detection_cells(lesion: Lesion) -> Row:
    name, code = SITE[lesion.site]
    return {
        "转移序号": str(lesion.episode),
        "病灶记录": "发现",
        "病灶状态": STATUS[lesion.status],
        "部位": name,
        "ICD编码": code,
        "侧别": SIDE[lesion.laterality],
        "活检": "是" if lesion.is_biopsied else "否",
        "上次阴性日期": lesion.last_negative,
        "局部治疗": "是" if lesion.is_treated else "否",
        "未治疗原因": lesion.not_treated_reason,
    }


def size_text(rng: Random, size: Size, is_node: bool) -> str:
    """A size as radiologists type it; every form states its unit and both axes are exact."""
    long, short = f"{size.long_mm:g}", f"{round(size.short_mm):g}"
    long_cm, short_cm = f"{size.long_mm / 10:g}", f"{round(size.short_mm) / 10:g}"
    forms = [
        f"{long} x {short} mm",
        f"{long_cm}×{short_cm}cm",
        f"约{long_cm}×{short_cm}cm",
        f"{long}*{short}mm",
        _wide(f"{long}mm×{short}mm"),
        f"{long_cm} cm × {short_cm} cm",
        f"{long}mm×{short}mm (Se{rng.randint(2, 5)} Im{rng.randint(10, 90)})",
    ]
    if not is_node:
        forms += [f"{long}mm", f"{long_cm}cm", f"最大径{long}mm", f"约{long_cm}cm"]
    text = rng.choice(forms)
    return f"{text}，SUVmax {size.suvmax:g}" if size.suvmax else text


def _wide(text: str) -> str:
    """ASCII characters in their full-width forms."""
    return "".join(
        chr(ord(character) + 0xFEE0) if "!" <= character <= "~" else character for character in text
    )
