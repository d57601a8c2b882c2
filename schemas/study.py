"""What this study asks, as objects: endpoints, origins of time, groupings and covariates.

Belongs here: every name that a mart, an estimate or a page knows an endpoint, an origin or a variable by, with its
label, unit, levels and role. A new one is entered here and in the SQL of its mart.
Does not belong here: columns and types (``mart/``), estimates, any sentence of a page.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from schemas import codes
from schemas.code_list import CodeList


@dataclass(frozen=True)
class Endpoint:
    """What is waited for.

    Attributes:
        name: its code in ``mart.survival_time``.
        label: as a page says it, of those who are free of it.
        event: what happens then.
        meaning: whose share a curve of it shows.
        last_seen: until when somebody without the event is watched.
        competing_event: what keeps it from happening and is counted as event 2; empty where nothing does.
    """

    name: str
    label: str
    event: str
    meaning: str
    last_seen: str = "last disease assessment"
    competing_event: str = ""


@dataclass(frozen=True)
class Origin:
    """Where the clock starts.

    Attributes:
        name: its code in ``mart.survival_time``.
        label: as a page says it after "from".
        date_column: column of ``mart.cohort`` that holds the day.
        is_registry: of everybody on record, not of the cohort.
    """

    name: str
    label: str
    date_column: str
    is_registry: bool = False


@dataclass(frozen=True)
class Variable:
    """A variable of a patient: a grouping by which curves are drawn, a covariate of a model, or both.

    Attributes:
        name: its column in ``mart.cohort``.
        label: as a page says it.
        unit: of a measured variable.
        codes: the code list of its levels.
        levels: labels of levels that no code list holds; ``{cutpoint}`` is the release's.
        phrase: a level as a phrase that stands alone; ``{level}`` is its label.
        phrases: the same for labels that need their own.
        is_covariate: whether a Cox model may hold it.
    """

    name: str
    label: str
    unit: str = ""
    codes: CodeList | None = None
    levels: Mapping[str, str] = field(default_factory=dict)
    phrase: str = "{level}"
    phrases: Mapping[str, str] = field(default_factory=dict)
    is_covariate: bool = True

    def level(self, code: str, cutpoint_mm: float) -> str:
        """Label of a level; a truth value without labels of its own is yes or no."""
        if code in self.levels:
            return self.levels[code].format(cutpoint=f"{cutpoint_mm:g}")
        if code.lower() in ("true", "false"):
            return "yes" if code.lower() == "true" else "no"
        return self.codes.labels.get(code, code) if self.codes is not None else code

    def group(self, code: str, cutpoint_mm: float) -> str:
        """A level as a phrase that stands alone: "largest diameter ≤ 15 mm", "FIGO stage III"."""
        level = self.level(code, cutpoint_mm)
        return self.phrases.get(level, self.phrase.format(level=level))


OS = Endpoint(
    "os",
    "Overall survival",
    "death of any cause",
    "estimated to be alive at each time, had all been watched that long",
    "last known alive",
)
LRFS = Endpoint(
    "lrfs",
    "Local recurrence-free survival",
    "local recurrence or death",
    "estimated to be alive without recurrence in a treated lesion",
)
LOCAL_CONTROL = Endpoint(
    "local_control",
    "Freedom from local recurrence",
    "recurrence in a treated lesion",
    "estimated to be free of recurrence in a treated lesion if nobody died before it",
    competing_event="death",
)
PFS = Endpoint(
    "pfs",
    "Progression-free survival",
    "any progression or death",
    "estimated to be alive without any progression",
)
NEW_OLIGOMET = Endpoint(
    "new_oligomet",
    "Freedom from new oligometastasis",
    "new oligometastasis as the first recurrence",
    "estimated to be free of a new oligometastasis if nothing else came before it",
    competing_event="death or other progression",
)
ENDPOINTS = {endpoint.name: endpoint for endpoint in (OS, LRFS, LOCAL_CONTROL, PFS, NEW_OLIGOMET)}
COMPETING = tuple(name for name, endpoint in ENDPOINTS.items() if endpoint.competing_event)

LRT_START = Origin("lrt_start", "start of local therapy", "lrt_start_date")
OMD_DX = Origin("omd_dx", "diagnosis of the oligometastases", "omd_dx_date")
PRIMARY_DX = Origin("primary_dx", "diagnosis of the primary", "primary_dx_date", is_registry=True)
ORIGINS = {origin.name: origin for origin in (LRT_START, OMD_DX, PRIMARY_DX)}
COHORT_ORIGINS = tuple(name for name, origin in ORIGINS.items() if not origin.is_registry)

_AT_MOST, _ABOVE = "≤ {cutpoint} mm", "> {cutpoint} mm"
OVERALL = Variable("overall", "All patients", levels={"all": "All patients"}, is_covariate=False)
SITE = Variable("lesion_site_group", "Site", codes=codes.LESION_SITE_GROUP)
LESION_AT_SITE = Variable("is_scf", "Supraclavicular vs other sites")
"""Whether a lesion lies at the site of interest: a factor of models of lesions, no column of the cohort."""
SITE_TWO = Variable(
    "scf_vs_other",
    "Site, two groups",
    levels={"scf": "supraclavicular fossa", "non_scf": "other sites than supraclavicular"},
)
SIZE_GROUP = Variable(
    "size_group",
    "Largest diameter",
    levels={"small": _AT_MOST, "large": _ABOVE},
    phrase="largest diameter {level}",
)
IS_SMALL = Variable(
    "is_small",
    "Largest diameter, two groups",
    levels={"True": _AT_MOST, "False": _ABOVE},
    phrase="largest diameter {level}",
)
MAX_DIAMETER = Variable("max_diameter_mm", "Largest diameter", "mm")
SUM_OF_SIZES = Variable("sum_diameter_mm", "Sum of diameters", "mm")
AGE_GROUP = Variable("age_group", "Age group", phrase="age {level} years")
AGE = Variable("age_years", "Age at diagnosis of the primary", "year")
STAGE = Variable("figo_stage", "FIGO stage as recorded", codes=codes.FIGO_STAGE, is_covariate=False)
STAGE_GROUP = Variable(
    "figo_group", "FIGO stage of the primary", codes=codes.FIGO_GROUP, phrase="FIGO {level}"
)
HISTOLOGY = Variable("histology_group", "Histology", codes=codes.HISTOLOGY_GROUP)
MODALITY = Variable("lrt_modality", "Local therapy", codes=codes.LRT_MODALITY)
REGIONAL = Variable(
    "has_concurrent_regional",
    "Concurrent pelvic or para-aortic recurrence",
    phrases={
        "yes": "with concurrent pelvic or para-aortic recurrence",
        "no": "without concurrent pelvic or para-aortic recurrence",
    },
)
N_LESIONS = Variable("n_lesions", "Number of lesions", "lesion")
INTERVAL = Variable("months_primary_to_omd", "Interval from primary to oligometastases", "month")
OMD_CLASS = Variable("omd_class", "Class of oligometastatic disease (ESTRO-EORTC)", codes=codes.OMD_CLASS)
BED = Variable("bed10_gy", "Highest biologically effective dose (BED)", "Gy")
DX_YEAR = Variable("dx_year", "Year of diagnosis of the primary", is_covariate=False)
LESION_SITE = Variable("lesion_site", "Site of the lesion", codes=codes.LESION_SITE, is_covariate=False)
FACILITY = Variable("facility_id", "Facility", is_covariate=False)
IS_DEAD = Variable("is_dead", "Vital status", levels={"True": "dead", "False": "alive"}, is_covariate=False)
IS_IN_COHORT = Variable(
    "is_in_cohort",
    "In the study",
    levels={"True": "in the study", "False": "not in the study"},
    is_covariate=False,
)
VARIABLES = {
    variable.name: variable
    for variable in (
        *(OVERALL, SITE, SITE_TWO, SIZE_GROUP, IS_SMALL, MAX_DIAMETER, SUM_OF_SIZES, AGE_GROUP, AGE, STAGE, STAGE_GROUP),
        *(HISTOLOGY, MODALITY, REGIONAL, N_LESIONS, INTERVAL, OMD_CLASS, BED, DX_YEAR, LESION_SITE, FACILITY),
        *(IS_DEAD, IS_IN_COHORT),
    )
}  # fmt: skip
COVARIATES = tuple(name for name, variable in VARIABLES.items() if variable.is_covariate)
"""Columns of the cohort that a Cox model may hold."""


def names(*of: Variable | Endpoint) -> tuple[str, ...]:
    """Names of variables or endpoints, in the order given."""
    return tuple(item.name for item in of)


COHORT_GROUPINGS = names(
    SITE, SITE_TWO, SIZE_GROUP, AGE_GROUP, STAGE_GROUP, HISTOLOGY, MODALITY, REGIONAL, FACILITY
)  # fmt: skip
"""By what curves of the cohort are drawn."""
REGISTRY_GROUPINGS = names(STAGE_GROUP, AGE_GROUP, HISTOLOGY, FACILITY)
"""By what curves of everybody on record are drawn."""
REGISTRY_COVARIATES = names(AGE, STAGE_GROUP, HISTOLOGY)
MAIN_GROUPINGS = names(SIZE_GROUP, SITE_TWO)
"""The two questions of the study: tests and differences beyond the plain one are made of these."""
PRIMARY_COMPARISONS = names(SIZE_GROUP, STAGE_GROUP)
"""The primary comparison of an endpoint: the first of these that it is compared by; the others are exploratory."""
MAIN_COVARIATES = names(SITE_TWO, IS_SMALL)
"""The same as covariates, for endpoints with too few events for more."""
UNIVARIABLE = names(
    IS_SMALL, MAX_DIAMETER, SITE, AGE, STAGE_GROUP, HISTOLOGY, N_LESIONS, MODALITY, INTERVAL, REGIONAL
)
MULTIVARIABLE = names(IS_SMALL, SITE, AGE, HISTOLOGY, N_LESIONS)
DESCRIBED = names(
    AGE, STAGE, HISTOLOGY, SITE, N_LESIONS, MAX_DIAMETER, MODALITY, BED, INTERVAL, REGIONAL, OMD_CLASS
)  # fmt: skip
"""What the cohort is described by, and looked through for missing values."""
SIZE_TERMS = names(SIZE_GROUP, IS_SMALL, MAX_DIAMETER)
"""Each of these in a model stands for tumour size; the first two divide it at the cutpoint."""

GROWTH_FORMS = {
    "exponential": "exponential",
    "power": "power",
    "linear": "linear",
    "gompertz": "Gompertz",
    "logistic": "logistic",
    "von_bertalanffy": "von Bertalanffy",
}
ONSET_MODEL = "exponential_interval_onset"
GROWTH_MODELS = {**GROWTH_FORMS, ONSET_MODEL: "exponential, interval-censored onset"}
GROWTH_ERRORS = {"additive": "additive error", "log": "error on the log scale"}
RECURRENCE_PATTERNS = {
    "local_recurrence": "Recurrence in a treated lesion",
    "regional": "Regional recurrence (pelvic, vaginal, para-aortic)",
    "new_oligomet": "New oligometastasis",
    "polymet": "Polymetastatic progression",
    "biochemical": "Biochemical progression",
    "any": "Any recurrence",
}


@dataclass(frozen=True)
class Measure:
    """A number of the study that findings are ranked by.

    Attributes:
        name: its code.
        label: as a page says it; ``{cutpoint}`` is the release's.
        unit: of its values; empty where it has none.
        is_ratio: whether shifts are compared on the scale of the logarithm.
    """

    name: str
    label: str
    unit: str = ""
    is_ratio: bool = False


HORIZON_MONTHS = 36
OS_36_MONTHS = Measure(
    f"os_{HORIZON_MONTHS}_months", f"Overall survival {HORIZON_MONTHS} months after local therapy", "share"
)
OS_36_MONTHS_REGISTRY = Measure(
    f"os_{HORIZON_MONTHS}_months_registry",
    f"Overall survival of the whole registry {HORIZON_MONTHS} months after diagnosis",
    "share",
)
HAZARD_RATIO_SIZE = Measure("hazard_ratio_size", "Hazard ratio of size, other factors held", is_ratio=True)
MONTHS_TO_CUTPOINT = Measure("months_to_cutpoint", "Months from a negative CT to {cutpoint}", "months")
MEASURES = {
    measure.name: measure
    for measure in (OS_36_MONTHS, OS_36_MONTHS_REGISTRY, HAZARD_RATIO_SIZE, MONTHS_TO_CUTPOINT)
}
"""The numbers that findings are ranked by, by name; that of the whole registry only where there is no cohort."""
