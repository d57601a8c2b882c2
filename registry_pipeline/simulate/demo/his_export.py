"""The hospital information system's export: one row per admission, Chinese headers, GB18030.

Belongs here: cases -> rows of ``his``. Does not belong here: other systems, mistakes.
"""

from datetime import date, timedelta
from random import Random

from registry_pipeline.simulate.demo.sheets import Page, Row
from registry_pipeline.simulate.demo.truth import Case, Episode, SystemicLine

COLUMNS = (
    "病案号", "住院号", "入院日期", "入院类型", "出生日期", "性别", "居住地区", "知情同意",
    "确诊日期", "诊断年龄(岁)", "部位编码", "病理类型", "形态学编码", "分化程度", "诊断依据",
    "分期", "分期版本", "分期方法", "肿瘤最大径(cm)", "盆腔淋巴结", "腹主动脉旁淋巴结", "鳞癌抗原(ng/mL)",
    "手术日期", "放疗方式", "放疗开始", "放疗结束", "放疗剂量(Gy)", "放疗次数", "近期疗效",
    "化疗线数", "化疗性质", "化疗方案", "化疗开始", "化疗结束",
    "转移序号", "转移确诊日期", "转移灶数目", "主要转移部位", "寡转移分类", "原发灶状态", "转移时全身治疗",
    "既往多发转移", "既往寡转移", "指标转移", "ECOG评分", "转移时鳞癌抗原(ng/mL)",
    "合并区域复发", "区域复发部位", "区域复发日期", "区域复发治疗", "死亡日期", "死因", "备注",
)  # fmt: skip
HISTOLOGY = {"807": "鳞癌", "814": "腺癌", "856": "腺鳞癌"}
GRADE = {"1": "高分化", "2": "中分化", "3": "低分化", "9": "未知"}
NODE = {"neg": "阴性", "pos": "阳性", "unk": "未查"}
METHOD = {"c": "临床", "r": "影像", "p": "病理", "": ""}
SITE_GROUP = {"scf": "锁骨上", "lung": "肺", "other": "其他"}
OMD_CLASS = {
    "de_novo_synchronous": "同时性寡转移",
    "metachronous_oligorecurrence": "异时性寡复发",
    "repeat_oligorecurrence": "再次寡复发",
}
SETTING = {"concurrent": "同步", "post_progression": "进展后"}
REGIONAL = {"pelvic": "盆腔", "paraaortic": "腹主动脉旁", "vaginal": "阴道"}
CAUSE = {"cancer": "宫颈癌", "other": "其他疾病", "treatment": "治疗相关", "unk": "不明"}
YES = {True: "是", False: "否", "yes": "是", "no": "否"}


def his_page(cases: list[Case]) -> Page:
    """Every admission of every case, in the order of the cases."""
    page = Page("his", "", COLUMNS)
    for case in cases:
        rng = Random(f"his-{case.local_id}")
        rows = [_first_admission(case)]
        rows += [_episode_admission(case, episode) for episode in case.episodes]
        rows += [_line_admission(case, line) for line in case.lines if line.setting == "post_progression"]
        if case.death and rng.random() < 0.4:
            rows.append(_last_admission(rng, case))
        rows.sort(key=lambda row: str(row["入院日期"]))
        for number, row in enumerate(rows, start=1):
            row["住院号"] = f"ZY{case.local_id[2:]}{number:02d}"
        page.rows += rows
    return page


def _person(case: Case, admitted: date, kind: str) -> Row:
    tumour = case.tumour
    birth = f"{case.birth.year}年" if case.birth_precision == "year" else case.birth.isoformat()
    return {
        "病案号": case.local_id,
        "入院日期": admitted.isoformat(),
        "入院类型": kind,
        "出生日期": birth,
        "性别": "女",
        "居住地区": case.region,
        "知情同意": "是",
        "确诊日期": tumour.dx.isoformat(),
        "诊断年龄(岁)": str(tumour.age),
        "部位编码": tumour.topography,
        "病理类型": HISTOLOGY[tumour.morphology[:3]],
        "形态学编码": tumour.morphology,
        "分化程度": GRADE[tumour.grade],
        "诊断依据": tumour.basis,
        "分期": _stage_text(case),
        "分期版本": f"FIGO {tumour.edition}" if tumour.edition else "",
        "分期方法": METHOD[tumour.method],
        "肿瘤最大径(cm)": f"{tumour.size_mm / 10:g}" if tumour.size_mm else "",
        "盆腔淋巴结": NODE[tumour.pelvic],
        "腹主动脉旁淋巴结": NODE[tumour.paraaortic],
        "鳞癌抗原(ng/mL)": f"{tumour.antigen:.1f}",
    }


def _stage_text(case: Case) -> str:
    """Every other patient's stage is typed with the single Roman characters of Chinese keyboards."""
    stage = case.tumour.stage
    if not stage or int(case.local_id) % 2:
        return f"{stage}期" if stage else ""
    roman = stage.rstrip("ABC123rp")
    return {"I": "Ⅰ", "II": "Ⅱ", "III": "Ⅲ", "IV": "Ⅳ"}[roman] + stage[len(roman) :] + "期"


def _first_admission(case: Case) -> Row:
    row = _person(case, case.tumour.dx - timedelta(days=1), "初诊")
    for therapy in case.therapies:
        row["近期疗效"] = "CR"
        if therapy.modality == "surgery":
            row["手术日期"] = therapy.start.isoformat()
            continue
        row["放疗方式"] = "同步放化疗"
        row["放疗开始"], row["放疗结束"] = therapy.start.isoformat(), therapy.end.isoformat()
        row["放疗剂量(Gy)"], row["放疗次数"] = f"{therapy.dose_gy:g}", str(therapy.n_fractions)
    for line in case.lines:
        if line.setting == "concurrent":
            row.update(_line(line))
    return row


def _line(line: SystemicLine) -> Row:
    return {
        "化疗线数": str(line.number),
        "化疗性质": SETTING[line.setting],
        "化疗方案": line.agents,
        "化疗开始": line.start.isoformat(),
        "化疗结束": line.end.isoformat(),
    }


def _line_admission(case: Case, line: SystemicLine) -> Row:
    return _person(case, line.start, "化疗") | _line(line)


def _episode_admission(case: Case, episode: Episode) -> Row:
    row = _person(case, episode.dx + timedelta(days=1), "转移")
    row |= {
        "转移序号": str(episode.number),
        "转移确诊日期": _chinese_day(episode.dx) if int(case.local_id) % 3 == 0 else episode.dx.isoformat(),
        "转移灶数目": str(episode.n_lesions),
        "主要转移部位": SITE_GROUP[episode.site_group],
        "寡转移分类": OMD_CLASS[episode.omd_class],
        "原发灶状态": "已控制",
        "转移时全身治疗": YES[episode.active_systemic],
        "既往多发转移": "否",
        "既往寡转移": YES[episode.history_omd],
        "指标转移": YES[episode.is_index],
        "ECOG评分": str(episode.ecog),
        "转移时鳞癌抗原(ng/mL)": f"{episode.antigen:.1f}",
        "合并区域复发": YES[episode.regional is not None],
    }
    if episode.regional:
        row["区域复发部位"] = REGIONAL[episode.regional.site]
        row["区域复发日期"] = episode.regional.dx.isoformat()
        row["区域复发治疗"] = episode.regional.treatment
    return row


def _chinese_day(day: date) -> str:
    return f"{day.year}年{day.month}月{day.day}日"


def _last_admission(rng: Random, case: Case) -> Row:
    """The admission in which the patient died; the ward notes the date up to two days off."""
    assert case.death
    noted = case.death - timedelta(days=rng.choice([0, 0, 0, 1, 2]))
    row = _person(case, case.death - timedelta(days=3), "终末")
    row["死亡日期"], row["死因"] = noted.isoformat(), CAUSE[case.death_cause]
    return row
