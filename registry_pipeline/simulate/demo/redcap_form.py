"""The data dictionary of the demonstration's REDCap project.

Belongs here: the forms and fields as REDCap would write them. Does not belong here: records (``redcap_export.py``).
"""

from registry_pipeline.core.redcap_format import DICTIONARY_HEADERS
from registry_pipeline.simulate.demo.sheets import Page, Row
from registry_pipeline.simulate.demo.truth import REGIONS

BASELINE, DISEASE, VISIT = "baseline_arm_1", "metastasis_arm_1", "visit_arm_1"
STAGES = (
    "IA1",
    "IA2",
    "IB1",
    "IB2",
    "IB3",
    "IIA",
    "IIA1",
    "IIA2",
    "IIB",
    "IIIA",
    "IIIB",
    "IIIC1r",
    "IIIC2r",
    "IVA",
    "IVB",
)
YES_NO = "1, Yes | 2, No"
NODES = "0, Negative | 1, Positive | 9, Not examined"
SIDES = "1, Left | 2, Right | 3, Midline | 4, Not applicable"
SITES = "1, Supraclavicular node | 2, Lung | 3, Mediastinal node | 4, Liver | 5, Adrenal | 6, Bone | 7, Brain | 8, Other"
IMPRESSIONS = "0, No metastasis | 1, Metastasis | 2, Equivocal"
LESIONS = tuple(range(1, 6))

_DATE, _DAY_BOUNDS = "date_ymd", ("1990-01-01", "2023-12-31")
Line = tuple[str, str, str, str, str, str, str, str, str, str, str]


def _line(
    name: str, form: str, kind: str, label: str, choices: str = "", valid: str = "", low: str = "", high: str = "",
    identifier: str = "", shown: str = "", required: str = "",
) -> Line:  # fmt: skip
    return (name, form, kind, label, choices, valid, low, high, identifier, shown, required)


def _date(name: str, form: str, label: str, shown: str = "", required: str = "") -> Line:
    return _line(name, form, "text", label, "", _DATE, *_DAY_BOUNDS, "", shown, required)


def _number(
    name: str, form: str, label: str, low: str, high: str, valid: str = "number", shown: str = "", required: str = ""
) -> Line:  # fmt: skip
    return _line(name, form, "text", label, "", valid, low, high, "", shown, required)


def _numbered(words: tuple[str, ...]) -> str:
    return " | ".join(f"{number}, {word}" for number, word in enumerate(words, start=1))


LINES: tuple[Line, ...] = (
    _line("record_id", "enrolment", "text", "Study number"),
    _line("hospital_no", "enrolment", "text", "Hospital number", identifier="y"),
    _line("birth_date", "enrolment", "text", "Date of birth", "", _DATE, "1910-01-01", "2010-12-31", required="y"),
    _line("sex", "enrolment", "radio", "Sex", "1, Female | 2, Male", required="y"),
    _line("district", "enrolment", "text", "District of residence", required="y"),
    _line("consent", "enrolment", "yesno", "Consent given"),
    _date("consent_date", "enrolment", "Day of consent", "[consent]='1'"),
    _date("dx_date", "tumour", "Date of diagnosis", required="y"),
    _line("dx_age", "tumour", "calc", "Age at diagnosis (years)",
          "rounddown(datediff([birth_date],[dx_date],'y'),0)"),
    _line("topography", "tumour", "dropdown", "Topography (ICD-O-3)",
          "0, C53.0 | 1, C53.1 | 8, C53.8 | 9, C53.9"),
    _line("morphology", "tumour", "text", "Morphology (ICD-O-3)"),
    _line("histology", "tumour", "radio", "Histology",
          "1, Squamous cell carcinoma | 2, Adenocarcinoma | 3, Adenosquamous carcinoma | 4, Other"),
    _line("grade", "tumour", "radio", "Grade", "1, Well | 2, Moderately | 3, Poorly | 4, Undifferentiated | 9, Unknown"),
    _line("basis", "tumour", "radio", "Basis of diagnosis", "2, Clinical investigation | 7, Histology of the primary"),
    _line("figo", "tumour", "dropdown", "FIGO stage", _numbered(STAGES)),
    _line("figo_year", "tumour", "radio", "Edition of FIGO", "1994, 1994 | 2009, 2009 | 2018, 2018"),
    _line("figo_by", "tumour", "radio", "Stage by", "1, Clinic | 2, Imaging | 3, Pathology"),
    _number("size_cm", "tumour", "Greatest diameter (cm)", "0.1", "15"),
    _line("pelvic_nodes", "tumour", "radio", "Pelvic nodes", NODES),
    _line("paraaortic_nodes", "tumour", "radio", "Para-aortic nodes", NODES),
    _number("scc_ag", "tumour", "SCC antigen (ng/mL)", "0", "500"),
    _line("rx_kind", "primary_therapy", "radio", "Treatment of the primary",
          "1, Radical surgery | 2, Chemoradiotherapy", required="y"),
    _date("rx_start", "primary_therapy", "First day", required="y"),
    _date("rx_end", "primary_therapy", "Last day"),
    _number("rx_dose", "primary_therapy", "Dose (Gy)", "1", "100", shown="[rx_kind]='2'"),
    _number("rx_fractions", "primary_therapy", "Fractions", "1", "45", "integer", shown="[rx_kind]='2'"),
    _line("agents", "primary_therapy", "checkbox", "Concurrent agents",
          "1, cisplatin | 2, carboplatin | 3, paclitaxel", shown="[rx_kind]='2'"),
    _date("omd_date", "episode", "Oligometastases diagnosed", required="y"),
    _number("omd_lesions", "episode", "Number of lesions", "1", "20", "integer", required="y"),
    _line("omd_site", "episode", "radio", "Leading site", "1, Supraclavicular node | 2, Lung | 3, Other"),
    _line("omd_class", "episode", "radio", "Class (ESTRO-EORTC)",
          "1, Synchronous | 2, Metachronous oligorecurrence | 3, Repeat oligorecurrence"),
    _line("omd_index", "episode", "yesno", "Episode of the study"),
    _line("primary_state", "episode", "radio", "Primary tumour", "1, Controlled | 2, Residual"),
    _line("on_systemic", "episode", "radio", "Under systemic therapy", YES_NO),
    _line("before_omd", "episode", "radio", "Earlier oligometastases", YES_NO),
    _line("before_poly", "episode", "radio", "Earlier polymetastases", YES_NO),
    _number("ecog", "episode", "ECOG", "0", "4", "integer"),
    _number("omd_scc_ag", "episode", "SCC antigen (ng/mL)", "0", "500"),
    _line("regional", "episode", "yesno", "Concurrent regional recurrence"),
    _line("regional_site", "episode", "radio", "Regional site", "1, Pelvic | 2, Para-aortic | 3, Vaginal",
          shown="[regional]='1'"),
    _date("regional_date", "episode", "Regional recurrence diagnosed", shown="[regional]='1'"),
    _line("regional_rx", "episode", "text", "Its treatment", shown="[regional]='1'"),
    _number("lesion_episode", "lesion", "Episode", "1", "9", "integer", required="y"),
    _line("lesion_site", "lesion", "dropdown", "Site", SITES, required="y"),
    _line("lesion_side", "lesion", "radio", "Side", SIDES),
    _line("lesion_icd10", "lesion", "text", "ICD-10"),
    _date("lesion_date", "lesion", "Detected", required="y"),
    _date("lesion_negative", "lesion", "Last negative examination of the region"),
    _line("lesion_biopsy", "lesion", "yesno", "Biopsy"),
    _line("lesion_status", "lesion", "radio", "Status", "1, Index | 2, New"),
    _line("lesion_treated", "lesion", "yesno", "Treated locally"),
    _line("lesion_untreated", "lesion", "text", "Why not", shown="[lesion_treated]='0'"),
    _line("exam_no", "imaging", "text", "Number of the examination", required="y"),
    _date("exam_date", "imaging", "Day", required="y"),
    _line("exam_kind", "imaging", "radio", "Modality", "1, CT | 2, PET-CT | 3, MRI"),
    _number("exam_slice", "imaging", "Slice (mm)", "0.1", "20"),
    _line("exam_contrast", "imaging", "yesno", "Contrast agent"),
    *(_line(f"exam_{region}", "imaging", "radio", region.capitalize(), IMPRESSIONS) for region in REGIONS),
    _line("size_exam", "measurement", "text", "Number of the examination", required="y"),
    _number("size_lesion", "measurement", "Lesion", "1", "9", "integer", required="y"),
    _line("size_text", "measurement", "text", "Size as reported", required="y"),
    _line("size_time", "measurement", "radio", "Time", "1, Detection | 2, Before therapy | 3, After therapy"),
    _number("lrt_episode", "local_therapy", "Episode", "1", "9", "integer", required="y"),
    _line("lrt_kind", "local_therapy", "radio", "Modality", "1, Radiotherapy | 2, Surgery | 3, Ablation", required="y"),
    _line("lrt_how", "local_therapy", "dropdown", "Technique",
          "1, SBRT | 2, IMRT | 3, 3D conformal | 4, Thoracoscopic resection | 5, Open resection"
          " | 6, Microwave ablation | 7, Radiofrequency ablation"),
    _line("lrt_intent", "local_therapy", "radio", "Intent", "1, Definitive | 2, Palliative"),
    _date("lrt_start", "local_therapy", "First day", required="y"),
    _date("lrt_end", "local_therapy", "Last day"),
    _number("lrt_planned", "local_therapy", "Fractions planned", "1", "45", "integer", "[lrt_kind]='1'"),
    _number("lrt_given", "local_therapy", "Fractions given", "1", "45", "integer", "[lrt_kind]='1'"),
    _number("lrt_fraction", "local_therapy", "Dose per fraction (Gy)", "0.5", "34", shown="[lrt_kind]='1'"),
    _line("lrt_total", "local_therapy", "calc", "Total dose (Gy)", "round([lrt_given]*[lrt_fraction],2)"),
    _line("lrt_bed10", "local_therapy", "calc", "BED10 (Gy)",
          "round([lrt_given]*[lrt_fraction]*(1+[lrt_fraction]/10),2)"),
    _line("lrt_days", "local_therapy", "calc", "Days from the first to the last", "datediff([lrt_start],[lrt_end],'d')+1"),
    _line("lrt_margin", "local_therapy", "radio", "Margin", "0, R0 | 1, R1 | 9, RX", shown="[lrt_kind]='2'"),
    _line("lrt_targets", "local_therapy", "checkbox", "Lesions treated",
          " | ".join(f"{number}, Lesion {number}" for number in LESIONS), required="y"),
    _line("event_kind", "recurrence", "radio", "Event", "1, Local recurrence | 2, New oligometastasis", required="y"),
    _date("event_date", "recurrence", "Day", required="y"),
    _number("event_lesion", "recurrence", "Lesion", "1", "9", "integer", "[event_kind]='1'"),
    _number("event_new", "recurrence", "New lesions", "1", "20", "integer", "[event_kind]='2'"),
    _number("tox_course", "toxicity", "Course", "1", "9", "integer", required="y"),
    _line("tox_term", "toxicity", "text", "Term (CTCAE)", required="y"),
    _number("tox_grade", "toxicity", "Grade", "1", "5", "integer", required="y"),
    _date("tox_onset", "toxicity", "Onset"),
    _date("visit_date", "visit", "Day of contact", required="y"),
    _line("visit_kind", "visit", "radio", "Contact", "1, Visit | 2, Telephone"),
    _line("visit_alive", "visit", "yesno", "Alive"),
    _line("visit_state", "visit", "radio", "Disease", "1, None | 2, Present | 9, Unknown", shown="[visit_alive]='1'"),
    _date("death_date", "death", "Date of death", required="y"),
    _line("death_cause", "death", "radio", "Cause", "1, Cancer | 2, Treatment | 3, Other | 9, Unknown"),
)  # fmt: skip
FORMS = tuple(dict.fromkeys(line[1] for line in LINES))


def dictionary_page() -> Page:
    """The dictionary's 18 columns."""
    page = Page("OligoRegistry_DataDictionary", "", DICTIONARY_HEADERS)
    places = (0, 1, 3, 4, 5, 7, 8, 9, 10, 11, 12)
    for line in LINES:
        row: Row = {DICTIONARY_HEADERS[at]: cell for at, cell in zip(places, line, strict=True)}
        page.rows.append(row)
    return page


def export_columns(with_identifiers: bool = False) -> tuple[str, ...]:
    """The columns of an export of raw values, in REDCap's order."""
    result = ["record_id", "redcap_event_name", "redcap_repeat_instrument", "redcap_repeat_instance"]
    for form in FORMS:
        for name, own, kind, _, choices, *_, identifier, _, _ in LINES:
            if own != form or name == "record_id" or (identifier and not with_identifiers):
                continue
            codes = [part.split(",")[0].strip() for part in choices.split("|")] if kind == "checkbox" else []
            result += [f"{name}___{code}" for code in codes] or [name]
        result.append(f"{form}_complete")
    return tuple(result)
