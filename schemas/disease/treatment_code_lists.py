"""Code lists of imaging, treatment, follow-up, events and death.

Belongs here: lists that say what was done and what came of it. Does not belong here: what the disease is
(``schemas/disease/code_lists.py``). Read them as ``schemas.codes.NAME``.
"""

from schemas.code_list import code_list, code_map
from schemas.disease.ctcae import CTCAE_TERMS

IMAGING_MODALITY = code_list(
    "imaging_modality", "project", ct="CT", petct="PET-CT", mri="MRI", us="ultrasound", cxr="chest radiograph"
)
BODY_REGION = code_list(
    "body_region",
    "project",
    neck="neck and supraclavicular fossa",
    chest="chest",
    abdomen="abdomen",
    pelvis="pelvis",
    head="head",
    whole_body="whole body",
)
IMPRESSION = code_list("impression", "project", neg="negative", pos="positive", equivocal="equivocal")
QUALIFIER = code_map(
    "size_qualifier",
    "NAACCR tumour size codes, abridged",
    {"=": "exact", "<": "less than", ">": "more than", "~": "approximately", "range": "between the bounds"},
)
SIZE_AXIS = code_list("size_axis", "RECIST 1.1", long="long axis", short="short axis")
SERIES_ROLE = code_list(
    "series_role", "project", baseline="at detection", pre="before treatment", post="after treatment"
)
LRT_MODALITY = code_list(
    "lrt_modality",
    "study",
    rt="radiotherapy",
    surgery="surgery",
    ablation="ablation",
    systemic="systemic therapy only",
    none="no local treatment",
)
LRT_TECHNIQUE = code_list(
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
MARGIN = code_list(
    "margin",
    "AJCC residual tumour",
    R0="no residual tumour",
    R1="microscopic residual tumour",
    R2="macroscopic residual tumour",
    RX="not assessed",
)
TERMINATION = code_list(
    "termination_reason",
    "mCODE",
    completed="completed as planned",
    toxicity="toxicity",
    progression="progression",
    patient="patient's wish",
    death="death",
    other="other",
)
SYSTEMIC_SETTING = code_list(
    "systemic_setting",
    "project",
    neo="neoadjuvant",
    concurrent="concurrent with radiotherapy",
    adjuvant="adjuvant",
    maintenance="maintenance",
    post_progression="after progression",
)
FOLLOWUP_SOURCE = code_list(
    "followup_source",
    "project",
    visit="visit",
    phone="telephone",
    civil="civil register",
    imaging="imaging",
    form="registry form",
)
DISEASE_STATUS = code_list(
    "disease_status", "project", ned="no evidence of disease", awd="alive with disease", unk="unknown"
)
EVENT_TYPE = code_list(
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
EVENT_EVIDENCE = code_list(
    "event_evidence", "project", imaging="imaging", path="pathology", clinical="clinical", unk="unknown"
)
ATTRIBUTION = code_list(
    "attribution",
    "CTCAE v5",
    definite="definite",
    probable="probable",
    possible="possible",
    unlikely="unlikely",
    unrelated="unrelated",
)
CTCAE_TERM = code_map("ctcae_term", "CTCAE v5.0, the terms that concern these therapies", CTCAE_TERMS)
DEATH_CAUSE = code_list(
    "death_cause",
    "project",
    cancer="cervical cancer",
    treatment="treatment",
    other="other cause",
    unk="unknown",
)
DEATH_SOURCE = code_list(
    "death_source",
    "project",
    emr="hospital system",
    civil="civil register",
    family="family",
    form="registry form",
)
