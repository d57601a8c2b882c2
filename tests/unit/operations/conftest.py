"""A release with rows in every kind of table, made once for all tests that hand it on."""

from __future__ import annotations

import pytest

from registry_pipeline.core.home import Home
from tests.sql.drawn import TUMOURS
from tests.support.small_release import small_release

DRAWN = {
    "patient": """
        patient_id | sex | birth_date | birth_date_precision | birth_date_lower | birth_date_upper | has_consent
        P1         | F   | 1970-03-15 | month                | 1970-03-01       | 1970-03-31       | yes
        P2         | F   | 1960-07-01 | year                 | 1960-01-01       | 1960-12-31       |
        P3         | F   | 1950-01-01 | day                  | 1950-01-01       | 1950-01-01       | no
        P4         | F   |            |                      |                  |                  | yes
        """,
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
        event_id | patient_id | lesion_id | event_type       | event_date | event_date_precision | event_date_lower | event_date_upper
        V1       | P1         | L1        | local_recurrence | 2020-12-01 | year                 | 2020-06-02       | 2021-06-01
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
