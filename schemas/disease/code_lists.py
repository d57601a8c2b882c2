"""Code lists of the patient, the primary tumour and the lesions.

Belongs here: lists that say what the disease is. Does not belong here: what was done and what came of it
(``schemas/disease/treatment_code_lists.py``). Read them as ``schemas.codes.NAME``.
"""

from schemas.code_list import code_list, code_map

SEX = code_list("sex", "NAACCR 220", F="female", M="male", U="unknown")
DATE_PRECISION = code_list(
    "date_precision",
    "NAACCR date rules; oBDS Datumsgenauigkeit",
    day="exact day",
    month="month known",
    year="year known",
)
DATE_REASON = code_map(
    "date_reason",
    "NAACCR date flags",
    {
        "10": "no information whether the event took place",
        "11": "there is no such date: the event did not take place",
        "12": "the event took place, its date is not known",
        "15": "the event has yet to take place",
    },
)
TOPOGRAPHY = code_map(
    "topography",
    "ICD-O-3",
    {
        "C53.0": "endocervix",
        "C53.1": "exocervix",
        "C53.8": "overlapping lesion of cervix uteri",
        "C53.9": "cervix uteri, not otherwise specified",
    },
)
HISTOLOGY_GROUP = code_list(
    "histology_group",
    "WHO 2020, grouped",
    scc="squamous cell carcinoma",
    adeno="adenocarcinoma",
    adsq="adenosquamous carcinoma",
    other="other histology",
)
GRADE = code_map(
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
DIAGNOSIS_BASIS = code_map(
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
FIGO_STAGE = code_map(
    "figo_stage", "FIGO 1994, 2009, 2018 cervix uteri", {code: f"FIGO stage {code}" for code in _FIGO}
)
FIGO_GROUP = code_list(
    "figo_group", "FIGO, grouped", I="stage I", II="stage II", III="stage III", IV="stage IV"
)
FIGO_EDITION = code_map(
    "figo_edition",
    "FIGO",
    {"1994": "FIGO 1994", "2009": "FIGO 2009", "2018": "FIGO 2018"},
)
FIGO_METHOD = code_list("figo_method", "FIGO 2018", c="clinical", r="imaging", p="pathology")
NODE_STATUS = code_list("node_status", "project", neg="negative", pos="positive", unk="unknown")
PRESENCE = code_list("presence", "project", yes="yes", no="no", unk="unknown")
PRIMARY_MODALITY = code_list(
    "primary_modality",
    "project",
    surgery="surgery",
    ebrt="external beam radiotherapy",
    brachy="brachytherapy",
    chemo="systemic therapy",
    ccrt="concurrent chemoradiotherapy",
)
INTENT = code_list(
    "intent",
    "mCODE",
    definitive="definitive (curative)",
    palliative="palliative",
    adjuvant="adjuvant",
    unk="unknown",
)
TREATMENT_OUTCOME = code_list(
    "treatment_outcome",
    "RECIST 1.1, abridged",
    cr="complete response",
    pr="partial response",
    sd="stable disease",
    pd="progressive disease",
    residual="residual disease",
    unk="unknown",
)
REGIONAL_SITE = code_list(
    "regional_site", "project", paraaortic="para-aortic nodes", pelvic="pelvis", vaginal="vagina"
)
LESION_SITE = code_list(
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
LESION_SITE_GROUP = code_list(
    "lesion_site_group", "study", scf="supraclavicular fossa", lung="lung", other="other sites"
)
LATERALITY = code_list("laterality", "NAACCR 410", L="left", R="right", mid="midline", na="not applicable")
LESION_STATUS = code_list(
    "lesion_status",
    "project",
    index="index lesion",
    new="new after the index episode",
    regional="regional disease",
)
OMD_CLASS = code_list(
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
PRIMARY_STATUS = code_list(
    "primary_status", "project", controlled="controlled", residual="residual", unk="unknown"
)
