"""The mart tables as the analysis functions want them: one frame per endpoint and origin, with covariates.

Belongs here: joining times to covariates, naming strata.
Does not belong here: estimates (``analysis/``), SQL.
"""

from dataclasses import dataclass

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
        cohort, registry_patient, survival_time, lesion_growth, recurrence, attrition: the mart tables
            of the same names.
    """

    cohort: pd.DataFrame
    registry_patient: pd.DataFrame
    survival_time: pd.DataFrame
    lesion_growth: pd.DataFrame
    recurrence: pd.DataFrame
    attrition: pd.DataFrame

    def strata(self, origin: str) -> tuple[str, ...]:
        """The variables that curves are drawn by, for an origin."""
        return REGISTRY_STRATA if origin == "primary_dx" else COHORT_STRATA

    def times(self, endpoint: str, origin: str) -> pd.DataFrame:
        """Times of one endpoint from one origin with the patients' covariates.

        The column ``is_event`` is 1 for the event of interest and 0 otherwise: competing events are
        censored, which is the reading of the Kaplan-Meier and cause-specific Cox estimates.
        """
        chosen = self.survival_time.query("endpoint == @endpoint and origin == @origin")
        covariates = self.registry_patient if origin == "primary_dx" else self.cohort
        frame = chosen.merge(covariates, on="patient_id", how="left", validate="one_to_one")
        return frame.assign(is_event=(frame["event"] == 1).astype(int), overall="all")

    def pairs(self) -> list[tuple[str, str]]:
        """The endpoints and origins that have times, in a stable order."""
        found = self.survival_time[["endpoint", "origin"]].drop_duplicates()
        return sorted(map(tuple, found.to_numpy().tolist()))
