"""The second facility's REDCap export: raw values, longitudinal, with repeating instruments and a repeating event.

Belongs here: cases -> rows of the export. Does not belong here: the dictionary (``redcap_form.py``), mistakes
(``simulate/demo/errors/redcap.py``). Every row repeats little: most cells are empty by design.
"""

import math
from collections.abc import Mapping
from datetime import date, timedelta
from random import Random

from registry_pipeline.simulate.demo.clinical import NODES
from registry_pipeline.simulate.demo.imaging_export import size_text
from registry_pipeline.simulate.demo.redcap_form import (
    BASELINE,
    DISEASE,
    LESIONS,
    STAGES,
    VISIT,
    export_columns,
)
from registry_pipeline.simulate.demo.sheets import Cell, Page, Row
from registry_pipeline.simulate.demo.truth import Case, Course, Episode, Exam, Lesion

FILE = "OligoRegistry_DATA"
DAYS_OF_YEAR = 365.2425
HISTOLOGY = {"807": "1", "814": "2", "856": "3"}
NODE = {"neg": "0", "pos": "1", "unk": "9"}
SITE = {
    "scf": "1",
    "lung": "2",
    "mediastinal_ln": "3",
    "liver": "4",
    "adrenal": "5",
    "bone": "6",
    "brain": "7",
}
ICD10 = {
    "scf": "C77.0", "lung": "C78.0", "mediastinal_ln": "C77.1", "liver": "C78.7", "adrenal": "C79.7", "bone": "C79.5",
    "brain": "C79.3",
}  # fmt: skip
SITE_GROUP = {"scf": "1", "lung": "2", "other": "3"}
SIDE = {"L": "1", "R": "2", "mid": "3", "na": "4"}
OMD_CLASS = {"de_novo_synchronous": "1", "metachronous_oligorecurrence": "2", "repeat_oligorecurrence": "3"}
TECHNIQUE = {"sbrt": "1", "imrt": "2", "3dcrt": "3", "vats": "4", "open": "5", "mwa": "6", "rfa": "7"}
MODALITY = {"rt": "1", "surgery": "2", "ablation": "3"}
DISTRICTS = {"东区": "East", "西区": "West", "南区": "South", "北区": "North", "高新区": "New town"}
TEXTS = {"同期放疗": "Radiotherapy with the metastases", "改行系统治疗": "Systemic therapy instead"}
DONE = "2"


def redcap_page(cases: list[Case]) -> Page:
    """Every row of every case, by record, event, instrument and instance as REDCap orders them."""
    page = Page(FILE, "", export_columns())
    for case in cases:
        page.rows.append(_part(case, BASELINE, "", "", **_baseline(case)))
        page.rows += _repeated(
            case, BASELINE, "primary_therapy", [_therapy(case, at) for at in range(len(case.therapies))]
        )
        page.rows += _repeated(case, DISEASE, "episode", [_episode(episode) for episode in case.episodes])
        page.rows += _repeated(case, DISEASE, "lesion", [_lesion(lesion) for lesion in case.lesions])
        page.rows += _repeated(case, DISEASE, "imaging", [_exam(exam) for exam in case.exams])
        page.rows += _repeated(case, DISEASE, "measurement", _sizes(case))
        page.rows += _repeated(case, DISEASE, "local_therapy", [_course(course) for course in case.courses])
        page.rows += _repeated(case, DISEASE, "recurrence", _events(case))
        page.rows += _repeated(case, DISEASE, "toxicity", _toxicities(case))
        for instance, cells in enumerate(_visits(case), start=1):
            page.rows.append(_part(case, VISIT, "", str(instance), **cells))
    return page


def _part(case: Case, event: str, instrument: str = "", instance: str = "", **cells: Cell) -> Row:
    parts = {
        "redcap_event_name": event,
        "redcap_repeat_instrument": instrument,
        "redcap_repeat_instance": instance,
    }
    return {"record_id": case.local_id, **parts, **cells}


def _repeated(case: Case, event: str, form: str, records: list[Row]) -> list[Row]:
    completion: Row = {f"{form}_complete": DONE}
    return [
        _part(case, event, form, str(at), **record, **completion)
        for at, record in enumerate(records, start=1)
    ]


def _iso(day: date | None) -> str:
    return day.isoformat() if day else ""


def _flag(is_so: bool) -> str:
    return "1" if is_so else "0"


def _yes_no(text: str) -> str:
    return {"yes": "1", "no": "2"}[text]


def _boxes(name: str, codes: range | tuple[int, ...], ticked: Mapping[int, bool]) -> Row:
    return {f"{name}___{code}": _flag(ticked.get(code, False)) for code in codes}


def _baseline(case: Case) -> Row:
    tumour = case.tumour
    result: Row = {
        "birth_date": _iso(case.birth),
        "sex": "1",
        "district": DISTRICTS[case.region],
        "consent": "1",
        "consent_date": _iso(tumour.dx + timedelta(days=2)),
        "enrolment_complete": DONE,
        "dx_date": _iso(tumour.dx),
        "dx_age": str(math.floor((tumour.dx - case.birth).days / DAYS_OF_YEAR)),
        "topography": tumour.topography[-1],
        "morphology": tumour.morphology,
        "histology": HISTOLOGY[tumour.morphology[:3]],
        "grade": tumour.grade,
        "basis": tumour.basis,
        "figo": str(STAGES.index(tumour.stage) + 1),
        "figo_year": tumour.edition,
        "figo_by": {"c": "1", "r": "2", "p": "3"}[tumour.method],
        "size_cm": f"{tumour.size_mm / 10:g}",
        "pelvic_nodes": NODE[tumour.pelvic],
        "paraaortic_nodes": NODE[tumour.paraaortic],
        "scc_ag": f"{tumour.antigen:.1f}",
        "tumour_complete": DONE,
    }
    if case.death is None:
        return result
    cause = {"cancer": "1", "treatment": "2", "other": "3", "unk": "9"}[case.death_cause]
    return result | {"death_date": _iso(case.death), "death_cause": cause, "death_complete": DONE}


def _therapy(case: Case, at: int) -> Row:
    therapy = case.therapies[at]
    result: Row = {"rx_start": _iso(therapy.start), "rx_end": _iso(therapy.end)}
    if therapy.modality == "surgery":
        return result | {"rx_kind": "1"} | _boxes("agents", (1, 2, 3), {})
    dose: Row = {"rx_kind": "2", "rx_dose": f"{therapy.dose_gy:g}", "rx_fractions": str(therapy.n_fractions)}
    return result | dose | _boxes("agents", (1, 2, 3), {1: True})


def _episode(episode: Episode) -> Row:
    result: Row = {
        "omd_date": _iso(episode.dx),
        "omd_lesions": str(episode.n_lesions),
        "omd_site": SITE_GROUP[episode.site_group],
        "omd_class": OMD_CLASS[episode.omd_class],
        "omd_index": _flag(episode.is_index),
        "primary_state": "1",
        "on_systemic": _yes_no(episode.active_systemic),
        "before_omd": _yes_no(episode.history_omd),
        "before_poly": "2",
        "ecog": str(episode.ecog),
        "omd_scc_ag": f"{episode.antigen:.1f}",
        "regional": _flag(episode.regional is not None),
    }
    if episode.regional:
        result["regional_site"] = {"pelvic": "1", "paraaortic": "2", "vaginal": "3"}[episode.regional.site]
        result["regional_date"], result["regional_rx"] = (
            _iso(episode.regional.dx),
            TEXTS[episode.regional.treatment],
        )
    return result


def _lesion(lesion: Lesion) -> Row:
    return {
        "lesion_episode": str(lesion.episode),
        "lesion_site": SITE[lesion.site],
        "lesion_side": SIDE[lesion.laterality],
        "lesion_icd10": ICD10[lesion.site],
        "lesion_date": _iso(lesion.detection),
        "lesion_negative": _iso(lesion.last_negative) or "NI",
        "lesion_biopsy": _flag(lesion.is_biopsied),
        "lesion_status": {"index": "1", "new": "2"}[lesion.status],
        "lesion_treated": _flag(lesion.is_treated),
        "lesion_untreated": TEXTS[lesion.not_treated_reason] if lesion.not_treated_reason else "",
    }


def _exam(exam: Exam) -> Row:
    result: Row = {
        "exam_no": exam.number,
        "exam_date": _iso(exam.day),
        "exam_kind": {"ct": "1", "petct": "2"}[exam.modality],
        "exam_slice": f"{exam.slice_mm:g}",
        "exam_contrast": _flag(exam.modality == "ct"),
    }
    codes = {"neg": "0", "pos": "1", "equivocal": "2"}
    return result | {f"exam_{region}": codes[impression] for region, impression in exam.regions.items()}


def _sizes(case: Case) -> list[Row]:
    result: list[Row] = []
    for exam in case.exams:
        for size in exam.sizes:
            site = next(lesion.site for lesion in case.lesions if lesion.number == size.lesion)
            rng = Random(f"redcap-size-{exam.number}-{size.lesion}")
            time = {"baseline": "1", "pre": "2", "post": "3"}[size.role]
            text = size_text(rng, size, site in NODES)
            result.append(
                {
                    "size_exam": exam.number,
                    "size_lesion": str(size.lesion),
                    "size_text": text,
                    "size_time": time,
                }
            )
    return result


def _course(course: Course) -> Row:
    result: Row = {
        "lrt_episode": str(course.episode),
        "lrt_kind": MODALITY[course.modality],
        "lrt_how": TECHNIQUE[course.technique],
        "lrt_intent": {"definitive": "1", "palliative": "2"}[course.intent],
        "lrt_start": _iso(course.days[0]),
        "lrt_end": _iso(course.days[-1]),
        "lrt_days": str((course.days[-1] - course.days[0]).days + 1),
        "lrt_margin": {"R0": "0", "R1": "1", "RX": "9", "": ""}[course.margin],
        **_boxes("lrt_targets", LESIONS, dict.fromkeys(course.lesions, True)),
    }
    if course.modality != "rt":
        return result
    dose, n_given = course.dose_per_fraction or 0.0, len(course.days)
    return result | {
        "lrt_planned": str(course.n_planned),
        "lrt_given": str(n_given),
        "lrt_fraction": f"{dose:g}",
        "lrt_total": f"{round(n_given * dose, 2):g}",
        "lrt_bed10": f"{round(n_given * dose * (1 + dose / 10), 2):g}",
    }


def _events(case: Case) -> list[Row]:
    return [
        {
            "event_kind": {"local_recurrence": "1", "new_oligomet": "2"}[event.kind],
            "event_date": _iso(event.day),
            "event_lesion": "" if event.lesion is None else str(event.lesion),
            "event_new": "" if event.n_new is None else str(event.n_new),
        }
        for event in case.events
    ]


def _toxicities(case: Case) -> list[Row]:
    return [
        {
            "tox_course": str(toxicity.course),
            "tox_term": toxicity.term,
            "tox_grade": str(toxicity.grade),
            "tox_onset": _iso(toxicity.onset),
        }
        for toxicity in case.toxicities
    ]


def _visits(case: Case) -> list[Row]:
    state = {"ned": "1", "awd": "2", "unk": "9"}
    return [
        {
            "visit_date": _iso(contact.day),
            "visit_kind": {"visit": "1", "phone": "2"}[contact.source],
            "visit_alive": _flag(contact.is_alive),
            "visit_state": state[contact.status] if contact.is_alive else "",
            "visit_complete": DONE,
        }
        for contact in case.contacts
    ]
