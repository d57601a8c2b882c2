"""A small study made by a seed, as the mart tables that the result builders read.

Belongs here: the frames. Does not belong here: what is expected of them.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from registry_pipeline.core.settings import Study
from registry_pipeline.study.analysis import Inputs, Tables
from registry_pipeline.study.estimates import Progress, Stored, batches, run_analyses
from registry_pipeline.study.marts import MART_TABLES, Marts
from registry_pipeline.study.scenarios import Scenario

DAY = pd.Timestamp("2020-01-01")


def drawn_marts(n: int = 48, seed: int = 5) -> Marts:
    """Marts of n patients: larger lesions die sooner; two lesions each; some recur."""
    rng = np.random.default_rng(seed)
    ids = [f"P{i:03d}" for i in range(n)]
    size = rng.integers(6, 45, n).astype(float)
    cohort = pd.DataFrame(
        {
            "patient_id": ids,
            "lesion_site_group": rng.choice(["scf", "lung", "other"], n, p=[0.35, 0.5, 0.15]),
            "n_lesions": rng.integers(1, 4, n),
            "max_diameter_mm": size,
            "is_small": size <= 15,
            "size_group": np.where(size <= 15, "small", "large"),
            "age_years": rng.integers(35, 80, n).astype(float),
            "age_group": "50-64",
            "facility_id": np.resize(["north", "south", "west"], n),
            "figo_stage": "IIB",
            "figo_group": rng.choice(["I", "II", "III"], n),
            "histology_group": rng.choice(["scc", "adeno"], n),
            "lrt_modality": "rt",
            "bed10_gy": np.where(rng.random(n) < 0.3, np.nan, 72.0),
            "months_primary_to_omd": rng.uniform(3, 60, n),
            "has_concurrent_regional": rng.random(n) < 0.2,
            "omd_class": "metachronous_oligorecurrence",
            "omd_dx_date": DAY,
            "lrt_start_date": DAY + pd.to_timedelta(rng.integers(0, 40, n), unit="D"),
        }
    )
    cohort["scf_vs_other"] = np.where(cohort["lesion_site_group"] == "scf", "scf", "non_scf")
    times = _times(rng, cohort)
    recurrence = pd.DataFrame(
        {
            "patient_id": ids[: n // 4],
            "event_type": rng.choice(["new_oligomet", "polymet", "local_recurrence"], n // 4),
            "days_since_lrt": rng.integers(60, 400, n // 4),
            "is_first": True,
        }
    )
    return Marts(
        cohort=cohort,
        registry_patient=cohort,
        survival_time=times,
        lesion_growth=_growth(rng, cohort),
        recurrence=recurrence,
        attrition=pd.DataFrame({"n_before": [n], "n_after": [n]}),
        lesion_control=_lesions(rng, cohort),
        lesion_size=_sizes(rng, cohort),
        vital_status=_vital(times),
    )


def without_rows(marts: Marts) -> Marts:
    """The same tables without a row."""
    return Marts(**{name: getattr(marts, name).iloc[:0] for name in MART_TABLES})


def _times(rng: Any, cohort: pd.DataFrame) -> pd.DataFrame:
    n = len(cohort)
    death = rng.exponential(900, n) / np.exp(0.03 * (cohort["max_diameter_mm"] - 20))
    watched = rng.uniform(300, 2200, n)
    parts = []
    for origin in ("lrt_start", "omd_dx"):
        wait = (cohort["lrt_start_date"] - DAY).dt.days if origin == "omd_dx" else 0
        days = np.maximum(np.minimum(death, watched), 1).astype(int) + wait
        for endpoint in ("os", "lrfs", "local_control", "pfs", "new_oligomet"):
            event = (death <= watched).astype(int)
            if endpoint in ("local_control", "new_oligomet"):
                event = np.where(event == 1, rng.choice([1, 2], n, p=[0.3, 0.7]), 0)
            parts.append(
                pd.DataFrame(
                    {
                        "patient_id": cohort["patient_id"],
                        "endpoint": endpoint,
                        "origin": origin,
                        "duration_days": days,
                        "event": event,
                    }
                )
            )
    return pd.concat(parts, ignore_index=True)


def _growth(rng: Any, cohort: pd.DataFrame) -> pd.DataFrame:
    ids = np.repeat(cohort["patient_id"].to_numpy(), 2)
    months = rng.uniform(2, 16, len(ids))
    return pd.DataFrame(
        {
            "lesion_id": [f"{one}-L{i % 2}" for i, one in enumerate(ids)],
            "patient_id": ids,
            "lesion_site": rng.choice(["scf", "lung"], len(ids)),
            "months_since_negative_ct": months,
            "is_within_6_months": months <= 6,
            "diameter_mm": 6 * np.exp(0.12 * months) * rng.lognormal(0, 0.25, len(ids)),
            "is_included": True,
        }
    )


def _lesions(rng: Any, cohort: pd.DataFrame) -> pd.DataFrame:
    ids = np.repeat(cohort["patient_id"].to_numpy(), 2)
    size = rng.integers(5, 40, len(ids)).astype(float)
    return pd.DataFrame(
        {
            "lesion_id": [f"{one}-L{i % 2}" for i, one in enumerate(ids)],
            "patient_id": ids,
            "lesion_site_group": np.repeat(cohort["lesion_site_group"].to_numpy(), 2),
            "diameter_mm": size,
            "is_small": size <= 15,
            "size_group": np.where(size <= 15, "small", "large"),
            "duration_days": rng.integers(30, 1500, len(ids)),
            "event": rng.choice([0, 1, 2], len(ids), p=[0.5, 0.2, 0.3]),
            "is_attributed": True,
        }
    )


def _sizes(rng: Any, cohort: pd.DataFrame) -> pd.DataFrame:
    rows = []
    for i, patient in enumerate(cohort["patient_id"][:12]):
        rate = float(rng.normal(0.12, 0.03))
        for months in (0.0, 2.0, 4.0):
            size = float(8 * np.exp(rate * months + rng.normal(0, 0.04)))
            rows.append((f"{patient}-L0", patient, int(30 * months), months, size + i * 0.1))
    return pd.DataFrame(rows, columns=["lesion_id", "patient_id", "days", "months", "diameter_mm"])


def _vital(times: pd.DataFrame) -> pd.DataFrame:
    own = times[(times["endpoint"] == "os") & (times["origin"] == "lrt_start")]
    end = DAY + pd.to_timedelta(own["duration_days"], unit="D")
    return pd.DataFrame(
        {
            "patient_id": own["patient_id"],
            "is_dead": own["event"] == 1,
            "last_alive_date": end,
            "end_date": end,
        }
    )


def result_tables(
    marts: Marts,
    study: Study,
    progress: Progress = lambda _: None,
    scenarios: Iterable[Scenario] = (),
    stored: Stored | None = None,
) -> Tables:
    """Every table of the result layer: ``km_curve`` -> rows; arguments as of ``run_analyses``."""
    tables: Tables = {}
    for batch in batches():
        inputs = Inputs(marts, study, tables, scenarios)
        for result in run_analyses(batch, inputs, progress, stored).values():
            tables |= result.tables
    return tables
