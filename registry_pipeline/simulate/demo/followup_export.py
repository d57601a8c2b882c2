"""The follow-up clerk's workbook and the civil death register.

Belongs here: cases -> rows of ``followup`` and ``deaths``. Does not belong here: other systems, mistakes.
"""

from datetime import date, timedelta
from random import Random

from registry_pipeline.simulate.demo.sheets import Cell, Page, Row
from registry_pipeline.simulate.demo.truth import Case, Contact, Event, Toxicity

FOLLOWUP_COLUMNS = (
    "记录号", "病案号", "记录类别", "日期", "随访方式", "生存状态", "疾病状态", "事件类型", "病灶号",
    "新发病灶数", "依据", "疗程号", "不良事件", "分级", "因果关系", "急性", "备注",
)  # fmt: skip
DEATH_COLUMNS = ("登记号", "病案号", "死亡日期", "死因编码", "登记日期")
SOURCE = {"visit": "门诊", "phone": "电话"}
STATUS = {"ned": "无瘤", "awd": "带瘤", "unk": "不明"}
EVENT = {"local_recurrence": "局部复发", "new_oligomet": "新发寡转移"}
CAUSE_CODE = {"cancer": "C53.9", "other": "I21.9", "treatment": "Y84.2", "unk": "R99"}


def followup_page(cases: list[Case]) -> Page:
    """Contacts, events and adverse effects, in order of date."""
    dated: list[tuple[date, str, Row]] = []
    for case in cases:
        dated += [(contact.day, case.local_id, _contact(case, contact)) for contact in case.contacts]
        dated += [(event.day, case.local_id, _event(case, event)) for event in case.events]
        dated += [(toxicity.onset, case.local_id, _toxicity(case, toxicity)) for toxicity in case.toxicities]
    dated.sort(key=lambda dated_row: dated_row[:2])
    rows = [row for _, _, row in dated]
    for number, row in enumerate(rows, start=1):
        row["记录号"] = f"SF{number:05d}"
    return Page("followup", "随访登记", FOLLOWUP_COLUMNS, "肿瘤随访登记表", (), rows, total="合计")


def _contact(case: Case, contact: Contact) -> Row:
    return {
        "病案号": case.local_id,
        "记录类别": "随访",
        "日期": _day(case, contact),
        "随访方式": SOURCE[contact.source],
        "生存状态": "存活" if contact.is_alive else "死亡",
        "疾病状态": STATUS[contact.status],
    }


def _day(case: Case, contact: Contact) -> Cell:
    """Date cells mostly; some typed as text, some as the bare number that a General format shows."""
    day = contact.day
    if contact.precision == "month":
        return f"{day.year}年{day.month}月"
    form = Random(f"day-{case.local_id}-{day}").random()
    if form < 0.12:
        return f"{day.year}年{day.month}月{day.day}日"
    if form < 0.2:
        return day.strftime("%Y/%m/%d")
    return (day - date(1899, 12, 30)).days if form < 0.25 else day


def _event(case: Case, event: Event) -> Row:
    return {
        "病案号": case.local_id,
        "记录类别": "复发",
        "日期": event.day,
        "事件类型": EVENT[event.kind],
        "病灶号": "" if event.lesion is None else str(event.lesion),
        "新发病灶数": "" if event.n_new is None else str(event.n_new),
        "依据": "影像",
    }


def _toxicity(case: Case, toxicity: Toxicity) -> Row:
    return {
        "病案号": case.local_id,
        "记录类别": "不良反应",
        "日期": toxicity.onset,
        "疗程号": f"C{toxicity.course}",
        "不良事件": toxicity.term,
        "分级": str(toxicity.grade),
        "因果关系": "很可能",
        "急性": "是",
    }


def deaths_page(cases: list[Case]) -> Page:
    """Deaths as registered, in order of date."""
    dead = sorted((case for case in cases if case.death), key=lambda case: (case.death, case.local_id))
    page = Page("deaths", "", DEATH_COLUMNS)
    for number, case in enumerate(dead, start=1):
        assert case.death
        page.rows.append(
            {
                "登记号": f"SW{number:05d}",
                "病案号": case.local_id,
                "死亡日期": case.death.strftime("%Y%m%d"),
                "死因编码": CAUSE_CODE[case.death_cause],
                "登记日期": (case.death + timedelta(days=12)).strftime("%Y%m%d"),
            }
        )
    return page
