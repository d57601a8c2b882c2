"""Code lists with labels: every coded value of the registry, defined once.

Belongs here: lists of codes and what each code means, with the source of the list.
Does not belong here: which column uses a list (``columns.py``), how a facility's own words map to
codes (the facility's TOML).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from schemas.ctcae import CTCAE_TERMS


@dataclass(frozen=True)
class CodeList:
    """A closed list of codes.

    Attributes:
        name: what the list is called in ``meta.code`` and in the dictionary.
        labels: code -> label, in display order.
        source: the standard or document that the list is taken from.
    """

    name: str
    labels: Mapping[str, str]
    source: str

    def __deepcopy__(self, memo: object) -> "CodeList":
        return self  # immutable; pandera copies metadata deeply

    @property
    def codes(self) -> tuple[str, ...]:
        """The codes in display order."""
        return tuple(self.labels)


CODE_LISTS: dict[str, CodeList] = {}


def _codes(name: str, source: str, **labels: str) -> CodeList:
    return _code_map(name, source, labels)


def _code_map(name: str, source: str, labels: Mapping[str, str]) -> CodeList:
    made = CodeList(name, MappingProxyType(dict(labels)), source)
    CODE_LISTS[name] = made
    return made


SEX = _codes("sex", "NAACCR 220", F="female", M="male", U="unknown")
DATE_PRECISION = _codes(
    "date_precision",
    "NAACCR date rules; oBDS Datumsgenauigkeit",
    day="exact day",
    month="month known",
    year="year known",
)
DATE_REASON = _code_map(
    "date_reason",
    "NAACCR date flags",
    {
        "10": "no information whether the event took place",
        "11": "there is no such date: the event did not take place",
        "12": "the event took place, its date is not known",
        "15": "the event has yet to take place",
    },
)
TOPOGRAPHY = _code_map(
    "topography",
    "ICD-O-3",
    {
        "C53.0": "endocervix",
        "C53.1": "exocervix",
        "C53.8": "overlapping lesion of cervix uteri",
        "C53.9": "cervix uteri, not otherwise specified",
    },
)
HISTOLOGY_GROUP = _codes(
    "histology_group",
    "WHO 2020, grouped",
    scc="squamous cell carcinoma",
    adeno="adenocarcinoma",
    adsq="adenosquamous carcinoma",
    other="other histology",
)
GRADE = _code_map(
    "grade",
    "ICD-O-3 sixth digit",
    {
        "1": "well differentiated",
        "2": "moderately differentiated",
        "3": "poorly differentiated",
        "4": "undifferentiated",
        "5": "T-cell (lymphoid only)",
        "6": "B-cell (lymphoid only)",
        "7": "null cell (lymphoid only)",
        "8": "NK cell (lymphoid only)",
        "9": "unknown",
    },
)
DIAGNOSIS_BASIS = _code_map(
    "diagnosis_basis",
    "IARC/ENCR most valid basis of diagnosis",
    {
        "0": "death certificate only",
        "1": "clinical",
        "2": "clinical investigation",
        "4": "specific tumour markers",
        "5": "cytology",
        "6": "histology of a metastasis",
        "7": "histology of the primary tumour",
        "8": "histology, not specified",
        "9": "unknown",
    },
)
_FIGO = [
    "I",
    "IA",
    "IA1",
    "IA2",
    "IB",
    "IB1",
    "IB2",
    "IB3",
    "II",
    "IIA",
    "IIA1",
    "IIA2",
    "IIB",
    "III",
    "IIIA",
    "IIIB",
    "IIIC",
    "IIIC1",
    "IIIC1r",
    "IIIC1p",
    "IIIC2",
    "IIIC2r",
    "IIIC2p",
    "IV",
    "IVA",
    "IVB",
]
FIGO_STAGE = _code_map(
    "figo_stage", "FIGO 1994, 2009, 2018 cervix uteri", {code: f"FIGO stage {code}" for code in _FIGO}
)
FIGO_GROUP = _codes("figo_group", "FIGO, grouped", I="stage I", II="stage II", III="stage III", IV="stage IV")
FIGO_EDITION = _code_map(
    "figo_edition",
    "FIGO",
    {"1994": "FIGO 1994", "2009": "FIGO 2009", "2018": "FIGO 2018"},
)
FIGO_METHOD = _codes("figo_method", "FIGO 2018", c="clinical", r="imaging", p="pathology")
NODE_STATUS = _codes("node_status", "project", neg="negative", pos="positive", unk="unknown")
PRESENCE = _codes("presence", "project", yes="yes", no="no", unk="unknown")
PRIMARY_MODALITY = _codes(
    "primary_modality",
    "project",
    surgery="surgery",
    ebrt="external beam radiotherapy",
    brachy="brachytherapy",
    chemo="systemic therapy",
    ccrt="concurrent chemoradiotherapy",
)
INTENT = _codes(
    "intent",
    "mCODE",
    definitive="definitive (curative)",
    palliative="palliative",
    adjuvant="adjuvant",
    unk="unknown",
)
TREATMENT_OUTCOME = _codes(
    "treatment_outcome",
    "RECIST 1.1, abridged",
    cr="complete response",
    pr="partial response",
    sd="stable disease",
    pd="progressive disease",
    residual="residual disease",
    unk="unknown",
)
REGIONAL_SITE = _codes(
    "regional_site", "project", paraaortic="para-aortic nodes", pelvic="pelvis", vaginal="vagina"
)
LESION_SITE = _codes(
    "lesion_site",
    "project, after ICD-10 C77-C79",
    scf="supraclavicular fossa",
    lung="lung",
    mediastinal_ln="mediastinal lymph node",
    liver="liver",
    bone="bone",
    adrenal="adrenal gland",
    brain="brain or leptomeninges",
    paraaortic="para-aortic lymph node (regional)",
    other="other site",
)
LESION_SITE_GROUP = _codes(
    "lesion_site_group", "study", scf="supraclavicular fossa", lung="lung", other="other sites"
)
LATERALITY = _codes("laterality", "NAACCR 410", L="left", R="right", mid="midline", na="not applicable")
LESION_STATUS = _codes(
    "lesion_status",
    "project",
    index="index lesion",
    new="new after the index episode",
    regional="regional disease",
)
OMD_CLASS = _codes(
    "omd_class",
    "ESTRO-EORTC 2020; needs clinical sign-off",
    de_novo_synchronous="de novo synchronous",
    metachronous_oligorecurrence="de novo metachronous oligorecurrence",
    metachronous_oligoprogression="de novo metachronous oligoprogression",
    repeat_oligorecurrence="repeat oligorecurrence",
    repeat_oligoprogression="repeat oligoprogression",
    repeat_oligopersistence="repeat oligopersistence",
    induced_oligorecurrence="induced oligorecurrence",
    induced_oligoprogression="induced oligoprogression",
    induced_oligopersistence="induced oligopersistence",
)
PRIMARY_STATUS = _codes(
    "primary_status", "project", controlled="controlled", residual="residual", unk="unknown"
)
IMAGING_MODALITY = _codes(
    "imaging_modality", "project", ct="CT", petct="PET-CT", mri="MRI", us="ultrasound", cxr="chest radiograph"
)
BODY_REGION = _codes(
    "body_region",
    "project",
    neck="neck and supraclavicular fossa",
    chest="chest",
    abdomen="abdomen",
    pelvis="pelvis",
    head="head",
    whole_body="whole body",
)
IMPRESSION = _codes("impression", "project", neg="negative", pos="positive", equivocal="equivocal")
QUALIFIER = _code_map(
    "size_qualifier",
    "NAACCR tumour size codes, abridged",
    {"=": "exact", "<": "less than", ">": "more than", "~": "approximately", "range": "between the bounds"},
)
SIZE_AXIS = _codes("size_axis", "RECIST 1.1", long="long axis", short="short axis")
SERIES_ROLE = _codes(
    "series_role", "project", baseline="at detection", pre="before treatment", post="after treatment"
)
LRT_MODALITY = _codes(
    "lrt_modality",
    "study",
    rt="radiotherapy",
    surgery="surgery",
    ablation="ablation",
    systemic="systemic therapy only",
    none="no local treatment",
)
LRT_TECHNIQUE = _codes(
    "lrt_technique",
    "project",
    sbrt="stereotactic body radiotherapy",
    imrt="intensity-modulated radiotherapy",
    **{"3dcrt": "3D conformal radiotherapy"},
    brachy="brachytherapy",
    rfa="radiofrequency ablation",
    mwa="microwave ablation",
    cryo="cryoablation",
    vats="video-assisted thoracoscopic surgery",
    open="open surgery",
    other="other technique",
)
MARGIN = _codes(
    "margin",
    "AJCC residual tumour",
    R0="no residual tumour",
    R1="microscopic residual tumour",
    R2="macroscopic residual tumour",
    RX="not assessed",
)
TERMINATION = _codes(
    "termination_reason",
    "mCODE",
    completed="completed as planned",
    toxicity="toxicity",
    progression="progression",
    patient="patient's wish",
    death="death",
    other="other",
)
SYSTEMIC_SETTING = _codes(
    "systemic_setting",
    "project",
    neo="neoadjuvant",
    concurrent="concurrent with radiotherapy",
    adjuvant="adjuvant",
    maintenance="maintenance",
    post_progression="after progression",
)
FOLLOWUP_SOURCE = _codes(
    "followup_source",
    "project",
    visit="visit",
    phone="telephone",
    civil="civil register",
    imaging="imaging",
    form="registry form",
)
DISEASE_STATUS = _codes(
    "disease_status", "project", ned="no evidence of disease", awd="alive with disease", unk="unknown"
)
EVENT_TYPE = _codes(
    "event_type",
    "study, with the coarser types that other registries send",
    local_recurrence="recurrence in a treated lesion",
    new_oligomet="new oligometastasis (1-5 lesions)",
    polymet="polymetastatic progression",
    regional="regional recurrence (pelvic, vaginal, para-aortic)",
    biochemical="biochemical progression",
    locoregional="locoregional recurrence, not specified further",
    distant="distant metastasis, not specified further",
    new_primary="new primary tumour",
    unspecified="progression, not specified",
)
EVENT_EVIDENCE = _codes(
    "event_evidence", "project", imaging="imaging", path="pathology", clinical="clinical", unk="unknown"
)
ATTRIBUTION = _codes(
    "attribution",
    "CTCAE v5",
    definite="definite",
    probable="probable",
    possible="possible",
    unlikely="unlikely",
    unrelated="unrelated",
)
CTCAE_TERM = _code_map("ctcae_term", "CTCAE v5.0, the terms that concern these therapies", CTCAE_TERMS)
DEATH_CAUSE = _codes(
    "death_cause",
    "project",
    cancer="cervical cancer",
    treatment="treatment",
    other="other cause",
    unk="unknown",
)
DEATH_SOURCE = _codes(
    "death_source",
    "project",
    emr="hospital system",
    civil="civil register",
    family="family",
    form="registry form",
)
MATCH_METHOD = _codes(
    "match_method", "project", exact="facility key", prob="probabilistic", manual="steward's decision"
)
SEVERITY = _codes(
    "severity",
    "project",
    error="record is quarantined",
    warning="a query, record is kept",
    info="for information",
)
RULE_STATUS = _code_map(
    "rule_status",
    "OHDSI Data Quality Dashboard",
    {
        "pass": "judged, none violated",
        "findings": "judged, some violated",
        "not_applicable": "nothing to judge",
        "failed_to_run": "the rule itself failed",
    },
)
FINDING_STATUS = _codes(
    "finding_status",
    "REDCap Data Resolution Workflow, adapted",
    open="open",
    answered="answered by the facility",
    confirmed="value confirmed as correct",
    waived="waived with a reason",
    closed="no longer violated",
    reopened="violated again",
    same_person="two patients are one person: merged",
    different_persons="two patients are two persons: kept apart",
)
DECISION_STATE = _codes(
    "decision_state",
    "project",
    confirmed="the value is correct as it is",
    waived="set aside with a reason; an error no longer keeps its record out",
    answered="answered by the facility, the correction is under way",
    same_person="two patients are one person: merged",
    different_persons="two patients are two persons: kept apart",
    reopened="waits for somebody again",
    withdrawn="the decision before no longer holds",
)
AGREEMENT = _codes(
    "agreement",
    "project",
    equal="the same",
    close="close: a slip of one part of a date, 31 days, or the sound of a name",
    possible="possible: partial dates that fit, or within a year",
    different="different",
    unknown="unknown of one of them",
)
FIT_STATUS = _codes(
    "fit_status",
    "project",
    ok="certified",
    not_estimable="the data cannot support the estimate",
    not_converged="no certified solution was found",
)
ENDPOINT = _codes(
    "endpoint",
    "study; DATECAN",
    os="overall survival: death of any cause",
    lrfs="local recurrence-free survival: local recurrence or death",
    local_control="time to local recurrence, death competing",
    pfs="progression-free survival: any progression or death",
    new_oligomet="time to new oligometastasis, other progression and death competing",
)
ORIGIN = _codes(
    "origin",
    "study",
    lrt_start="start of locoregional therapy",
    omd_dx="diagnosis of oligometastatic disease",
    primary_dx="diagnosis of the primary tumour",
)
