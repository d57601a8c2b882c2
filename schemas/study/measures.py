"""Numbers of the study that findings are ranked by, and the curves of growth it fits."""

from dataclasses import dataclass

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
