"""What pages and estimates say and ask of this disease beyond its code lists.

Belongs here: the name of the disease, the sites that the study asks for, short forms of its labels.
Does not belong here: codes (``code_lists.py``), endpoints and variables (``schemas/study/``).
"""

DISEASE = "oligometastatic cervical cancer"
PRIMARY = "cervical cancer"
CBIOPORTAL_CANCER, CBIOPORTAL_CANCER_TYPE = "cesc", "Cervical Cancer"
"""OncoTree's code and main type, by which cBioPortal files a study."""

SITE_OF_INTEREST, OTHER_SITES = "scf", "non_scf"
"""The two groups of sites that the study compares: codes of ``mart.cohort.scf_vs_other``."""
MAIN_SITES = ("scf", "lung")
"""Sites whose lesions are plotted apart; all others together."""
NODAL_SITES = ("scf", "mediastinal_ln", "paraaortic")
"""Sites of lesions that are lymph nodes, of which RECIST 1.1 measures the short axis."""
LEVEL_ORDER = ("scf", "non_scf", "lung", "other", "small", "large", "I", "II", "III", "IV")
"""Codes of groups in the order of tables; others follow by their text."""

SHORT_LEVELS = {
    "scf_vs_other": {"scf": "SCF", "non_scf": "Other"},
    "lesion_site_group": {"scf": "SCF", "lung": "Lung", "other": "Other"},
}
"""Levels in legends of curves, by variable."""
_SHORT_LABELS = {
    "squamous cell carcinoma": "squamous cell",
    "carcinoma": "ca.",
    "Concurrent pelvic or para-aortic recurrence": "Concurrent regional recurrence",
    "Interval from primary to oligometastases": "Interval primary to metastases",
}
RULE_SOURCES = """F: FIGO; X: RECIST 1.1; G: ESTRO-EORTC and ESTRO-ASTRO consensus on oligometastatic
disease"""
"""Sources of the rules of this disease, by the letter of their identifiers."""
SITE_DEFINITION = (
    "Supraclavicular nodes are distant disease; para-aortic and pelvic recurrence treated at the same time is regional and "
    "is not counted as a lesion."
)


def short_label(label: str) -> str:
    """A label as a drawing has room for it; long parts give way one after the other."""
    for part, short in _SHORT_LABELS.items():
        label = label.replace(part, short)
    return label
