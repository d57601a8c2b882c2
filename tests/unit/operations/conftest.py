"""A release with rows in every kind of table, made once for all tests that hand it on."""

from __future__ import annotations

import pytest

from registry_pipeline.core.home import Home
from tests.sql.drawn import PATIENTS, TUMOURS
from tests.support.small_release import small_release

DRAWN = {
    "patient": PATIENTS.replace("birth_date", "birth_date | birth_date_precision | has_consent")
    .replace("1970-03-10", "1970-03-10 | month | yes")
    .replace("1960-01-01", "1960-01-01 | year  |")
    + "P3 | F | 1950-01-01 | day | no\nP4 | F | | | yes\n",
    "primary_tumour": TUMOURS + "T3 | P3 | 2016-01-01 | IB1 | scc\nT4 | P4 | 2016-01-01 | IB1 | scc\n",
    "primary_treatment": """
        treatment_id | tumour_id | patient_id | primary_modality | start_date | n_fractions
        Q1           | T1        | P1         | ccrt             | 2018-04-01 | 25
        Q2           | T1        | P1         | chemo            | 2018-06-01 |
        Q3           | T2        | P2         | surgery          |            |
        """,
    "systemic_line": """
        line_id | patient_id | episode_id | line_number | agents                | start_date
        S1      | P1         | E1         | 1           | Cisplatin+paclitaxel  | 2020-03-01
        """,
    "toxicity": """
        toxicity_id | lrt_id | patient_id | ctcae_term  | grade | onset_date
        X1          | R1     | P1         | Pneumonitis | 2     | 2020-04-01
        """,
    "event": """
        event_id | patient_id | lesion_id | event_type       | event_date
        V1       | P1         | L1        | local_recurrence | 2020-12-01
        """,
    "death": """
        patient_id | death_date | death_cause
        P1         | 2021-03-01 | cancer
        """,
}


@pytest.fixture(scope="session")
def full_release(tmp_path_factory: pytest.TempPathFactory) -> tuple[Home, str]:
    """Home and id of the release; P3 refused consent, P4 has no birth date."""
    return small_release(tmp_path_factory.mktemp("full_release"), **DRAWN)
