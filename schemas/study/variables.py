"""Variables of a patient: groupings by which curves are drawn, covariates of models, their columns."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from schemas import codes, columns
from schemas.code_list import CodeList
from schemas.columns import Column, boolean, coded, count, elapsed, integer, real, text
from schemas.study.endpoints import Endpoint


@dataclass(frozen=True)
class Variable:
    """A variable of a patient: a grouping by which curves are drawn, a covariate of a model, or both.

    Attributes:
        column: as the tables that hold it declare it.
        label: as a page says it.
        unit: of one step of a measured variable, as a page says it after "per".
        levels: labels of levels that no code list holds; ``{cutpoint}`` is the release's.
        phrase: a level as a phrase that stands alone; ``{level}`` is its label.
        phrases: the same for labels that need their own.
        is_covariate: whether a Cox model may hold it.
    """

    column: Column
    label: str
    unit: str = ""
    levels: Mapping[str, str] = field(default_factory=dict)
    phrase: str = "{level}"
    phrases: Mapping[str, str] = field(default_factory=dict)
    is_covariate: bool = True

    @property
    def name(self) -> str:
        """The column's name."""
        return self.column.name

    @property
    def codes(self) -> CodeList | None:
        """The code list of its levels."""
        return self.column.codes

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


_AT_MOST, _ABOVE = "≤ {cutpoint} mm", "> {cutpoint} mm"
OVERALL = Variable(
    text("overall", "Everybody"), "All patients", levels={"all": "All patients"}, is_covariate=False
)
LESION_AT_SITE = Variable(
    boolean("is_scf", "The lesion lies at the site of interest"), "Supraclavicular vs other sites"
)
"""A factor of models of lesions, no column of the cohort."""
SITE = Variable(
    coded("lesion_site_group", codes.LESION_SITE_GROUP, "Site group of the index lesions", is_required=True),
    "Site",
)
SITE_TWO = Variable(
    text("scf_vs_other", "scf or non_scf"),
    "Site, two groups",
    levels={"scf": "supraclavicular fossa", "non_scf": "other sites than supraclavicular"},
)
N_LESIONS = Variable(
    count("n_lesions", "Index lesions", is_required=True),
    "Number of lesions",
    "lesion",
)
MAX_DIAMETER = Variable(
    real("max_diameter_mm", "Largest long axis over the index lesions at detection", "mm", minimum=0),
    "Largest diameter",
    "mm",
)
SUM_OF_SIZES = Variable(
    real("sum_diameter_mm", "Sum over the index lesions, where all of them were measured", "mm", minimum=0),
    "Sum of diameters",
    "mm",
)
N_MEASURED = Variable(
    count("n_lesions_measured", "Index lesions with a size at detection", is_required=True),
    "Number of lesions with a size",
    is_covariate=False,
)
IS_SMALL = Variable(
    boolean("is_small", "max_diameter_mm is at most the cutpoint"),
    "Largest diameter, two groups",
    levels={"True": _AT_MOST, "False": _ABOVE},
    phrase="largest diameter {level}",
)
SIZE_GROUP = Variable(
    text("size_group", "small (at most the cutpoint) or large"),
    "Largest diameter",
    levels={"small": _AT_MOST, "large": _ABOVE},
    phrase="largest diameter {level}",
)
AGE = Variable(
    elapsed(
        "age_years",
        "Age at diagnosis of the primary tumour",
        "years",
        is_signed=True,
        is_quasi_identifier=True,
    ),
    "Age at diagnosis of the primary",
    "year",
)
AGE_GROUP = Variable(
    text("age_group", "Age at diagnosis: <50, 50-64, 65+", is_quasi_identifier=True),
    "Age group",
    phrase="age {level} years",
)
STAGE = Variable(
    coded("figo_stage", codes.FIGO_STAGE, "FIGO stage of the primary as recorded"),
    "FIGO stage as recorded",
    is_covariate=False,
)
STAGE_GROUP = Variable(
    coded("figo_group", codes.FIGO_GROUP, "FIGO stage I to IV"),
    "FIGO stage of the primary",
    phrase="FIGO {level}",
)
HISTOLOGY = Variable(coded("histology_group", codes.HISTOLOGY_GROUP, "Histology, grouped"), "Histology")
MODALITY = Variable(
    coded("lrt_modality", codes.LRT_MODALITY, "Modality of the first index course", is_required=True),
    "Local therapy",
)
INTERVAL = Variable(
    elapsed(
        "months_primary_to_omd",
        "From diagnosis of the primary to diagnosis of the episode",
        "months",
        is_signed=True,
    ),
    "Interval from primary to oligometastases",
    "month",
)
REGIONAL = Variable(
    boolean("has_concurrent_regional", "Pelvic or para-aortic recurrence treated at the same time"),
    "Concurrent pelvic or para-aortic recurrence",
    phrases={
        "yes": "with concurrent pelvic or para-aortic recurrence",
        "no": "without concurrent pelvic or para-aortic recurrence",
    },
)
OMD_CLASS = Variable(
    coded("omd_class", codes.OMD_CLASS, "ESTRO-EORTC class, recomputed"),
    "Class of oligometastatic disease (ESTRO-EORTC)",
)
BED = Variable(
    real(
        "bed10_gy",
        "Largest biologically effective dose of the index courses, recomputed",
        "Gy",
        minimum=0,
    ),
    "Highest biologically effective dose (BED)",
    "Gy",
)
DX_YEAR = Variable(
    integer(
        "dx_year",
        "Calendar year of diagnosis of the primary tumour",
        "years",
        minimum=1900,
        maximum=2100,
        is_quasi_identifier=True,
    ),
    "Year of diagnosis of the primary",
    is_covariate=False,
)
LESION_SITE = Variable(
    coded("lesion_site", codes.LESION_SITE, "Anatomical site of the lesion"),
    "Site of the lesion",
    is_covariate=False,
)
FACILITY = Variable(columns.facility_id.required(), "Facility", is_covariate=False)
IS_DEAD = Variable(
    boolean("is_dead", "A death is on record"),
    "Vital status",
    levels={"True": "dead", "False": "alive"},
    is_covariate=False,
)
IS_IN_COHORT = Variable(
    boolean("is_in_cohort", "Analysed in the study"),
    "In the study",
    levels={"True": "in the study", "False": "not in the study"},
    is_covariate=False,
)
OF_PRIMARY = (AGE, AGE_GROUP, STAGE, STAGE_GROUP, HISTOLOGY)
"""Columns of everybody on record, and of the cohort, in their order."""
OF_COHORT = (
    SITE, SITE_TWO, N_LESIONS, MAX_DIAMETER, SUM_OF_SIZES, N_MEASURED, IS_SMALL, SIZE_GROUP, *OF_PRIMARY, MODALITY,
    INTERVAL, REGIONAL, OMD_CLASS, BED,
)  # fmt: skip
"""Columns of the cohort, in their order."""
VARIABLES = {
    variable.name: variable
    for variable in (OVERALL, *OF_COHORT, DX_YEAR, LESION_SITE, FACILITY, IS_DEAD, IS_IN_COHORT)
}
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
SENSITIVE = names(IS_DEAD, STAGE_GROUP)
"""What nobody should learn of a patient from what else is known of her."""
SENSITIVE_CHOICES = (*SENSITIVE, *names(STAGE, HISTOLOGY))
