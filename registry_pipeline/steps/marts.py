"""The mart tables as the analysis functions want them: one frame per endpoint and origin, with covariates.

Belongs here: joining times to covariates, naming strata.
Does not belong here: estimates (``analysis/``), SQL.
"""

from dataclasses import dataclass, field
from functools import cached_property

import pandas as pd

COHORT_STRATA = (
    "lesion_site_group",
    "scf_vs_other",
    "size_group",
    "age_group",
    "figo_group",
    "histology_group",
    "lrt_modality",
    "has_concurrent_regional",
)
REGISTRY_STRATA = ("figo_group", "age_group", "histology_group")
OVERALL = "overall"


@dataclass(frozen=True)
class Marts:
    """The mart tables, each a pandas frame.

    Attributes:
        cohort, registry_patient, survival_time, lesion_growth, recurrence, attrition, lesion_control,
            lesion_size, vital_status: the mart tables of the same names.
    """

    cohort: pd.DataFrame
    registry_patient: pd.DataFrame
    survival_time: pd.DataFrame
    lesion_growth: pd.DataFrame
    recurrence: pd.DataFrame
    attrition: pd.DataFrame
    lesion_control: pd.DataFrame = field(default_factory=pd.DataFrame)
    lesion_size: pd.DataFrame = field(default_factory=pd.DataFrame)
    vital_status: pd.DataFrame = field(default_factory=pd.DataFrame)

    def strata(self, origin: str) -> tuple[str, ...]:
        """The variables that curves are drawn by, for an origin."""
        return REGISTRY_STRATA if origin == "primary_dx" else COHORT_STRATA

    def times(self, endpoint: str, origin: str) -> pd.DataFrame:
        """Times of one endpoint from one origin with the patients' covariates.

        The column ``is_event`` is 1 for the event of interest and 0 otherwise: competing events are
        censored, which is the reading of the Kaplan-Meier and cause-specific Cox estimates.
        """
        chosen = self._by_pair.get((endpoint, origin), self.survival_time.iloc[:0])
        covariates = self.registry_patient if origin == "primary_dx" else self.cohort
        if not (chosen["patient_id"].is_unique and covariates["patient_id"].is_unique):
            raise ValueError(f"{endpoint} from {origin}: a patient has several rows")
        frame = chosen.merge(covariates, on="patient_id", how="left")
        return frame.assign(is_event=(frame["event"] == 1).astype(int), overall="all")

    def pairs(self) -> list[tuple[str, str]]:
        """The endpoints and origins that have times, in a stable order."""
        return sorted(self._by_pair)

    @cached_property
    def _by_pair(self) -> dict[tuple[str, str], pd.DataFrame]:
        """The times of every endpoint and origin."""
        pairs = self.survival_time.groupby(["endpoint", "origin"], sort=False, observed=True)
        return {(str(endpoint), str(origin)): rows for (endpoint, origin), rows in pairs}
