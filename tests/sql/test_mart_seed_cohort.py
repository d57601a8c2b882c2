"""The synthetic cohort that fits every published number goes through sql/mart and comes out with them."""

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from registry_pipeline.core.settings import Study
from registry_pipeline.store.layers import build_mart
from registry_pipeline.store.parquet import read_parquet, write_parquet
from registry_pipeline.store.sql import study_parameters
from tests.support.shared import SHARED, whole_module_needs_shared

SITE = {"supraclavicular": "scf", "lung": "lung", "other": "bone"}
MODALITY = {"radiotherapy": "rt", "surgery": "surgery", "ablation": "ablation"}
whole_module_needs_shared(__name__)


def curated_tables(patients: pl.DataFrame, lesions: pl.DataFrame) -> dict[str, pl.DataFrame]:
    who = pl.col("patient_id")
    one = patients.with_columns(
        facility_id=pl.lit("seed"), episode_id=who + "-E", exam_id=who + "-X", lrt_id=who + "-R"
    )
    each = lesions.join(one, on="patient_id").with_columns(
        lesion_id=who + "-" + pl.col("lesion").cast(pl.String),
        last_negative_date=pl.col("oligomet_dx_date")
        - pl.duration(days=(pl.col("months_since_last_negative_ct") * 30.4375).round().cast(pl.Int64)),
    )
    ids = ["patient_id", "facility_id"]
    local = one.filter(pl.col("local_recurrence") == 1).select(
        *ids, event_id=who + "-L", event_type=pl.lit("local_recurrence"), event_date="local_recurrence_date"
    )
    new = one.filter(pl.col("new_oligomet") == 1).select(
        *ids, event_id=who + "-N", event_type=pl.lit("new_oligomet"), event_date="new_oligomet_date"
    )
    return {
        "patient": one.select(*ids, sex=pl.lit("F")),
        "primary_tumour": one.select(
            *ids, tumour_id=who + "-T", dx_date="cervical_dx_date", age_at_diagnosis_years="age"
        ),
        "omd_episode": one.select(
            *ids,
            "episode_id",
            is_index=True,
            omd_dx_date="oligomet_dx_date",
            has_concurrent_regional=pl.col("concurrent_regional") == 1,
        ),
        "lesion": each.select(
            *ids,
            "lesion_id",
            "episode_id",
            "last_negative_date",
            lesion_site=pl.col("site").replace_strict(SITE, default="other"),
            detection_date="oligomet_dx_date",
            lesion_status=pl.lit("index"),
        ),
        "imaging_exam": one.select(*ids, "exam_id", exam_date="oligomet_dx_date"),
        "measurement": each.select(
            *ids,
            "exam_id",
            "lesion_id",
            measurement_id="lesion_id",
            long_axis_mm="diameter_mm",
            series_role=pl.lit("baseline"),
        ),
        "lrt_course": one.select(
            *ids,
            "lrt_id",
            "episode_id",
            lrt_modality=pl.col("treatment").replace_strict(MODALITY),
            intent=pl.lit("definitive"),
            start_date="treatment_date",
        ),
        "followup": one.filter(pl.col("death") == 0).select(
            *ids,
            followup_id=who + "-F",
            contact_date="last_followup_date",
            followup_source=pl.lit("visit"),
            is_alive=True,
            disease_status=pl.lit("ned"),
        ),
        "death": one.filter(pl.col("death") == 1).select(*ids, death_date="last_followup_date"),
        "event": pl.concat([local, new]),
    }


@pytest.fixture(scope="module")
def mart(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("seed")
    patients = pl.read_csv(SHARED / "cohort" / "synthetic_seed_cohort.csv", try_parse_dates=True)
    lesions = pl.read_csv(SHARED / "cohort" / "synthetic_seed_lesions.csv")
    for name, frame in curated_tables(patients, lesions).items():
        write_parquet(frame, folder / "curated" / f"{name}.parquet")
    build_mart(folder / "curated", [], folder / "mart", study_parameters(Study(), date(2024, 1, 1)))
    return folder / "mart"


def test_the_cohort(mart: Path) -> None:
    cohort = read_parquet(mart / "cohort.parquet")
    assert cohort.height == 56
    groups = dict(cohort.group_by("lesion_site_group").len().iter_rows())
    assert groups == {"scf": 19, "lung": 33, "other": 4}
    months = cohort["months_primary_to_omd"]
    assert [int((months <= 12 * year).sum()) for year in (1, 2, 3, 4)] == [30, 41, 47, 52]
    assert cohort["has_concurrent_regional"].sum() == 7
    assert cohort["is_small"].sum() == 24
    assert cohort["n_lesions"].sum() == 83
    assert read_parquet(mart / "attrition.parquet")["n_excluded"].sum() == 0


def test_the_times(mart: Path) -> None:
    patients = pl.read_csv(SHARED / "cohort" / "synthetic_seed_cohort.csv", try_parse_dates=True)
    times = read_parquet(mart / "survival_time.parquet").filter(pl.col("origin") == "lrt_start")
    wide = times.pivot("endpoint", index="patient_id", values=["duration_days", "event"]).join(
        patients, on="patient_id"
    )
    days = pl.col("last_followup_date") - pl.col("treatment_date")
    assert wide.filter(pl.col("duration_days_os") != days.dt.total_days()).height == 0
    assert wide.filter(pl.col("event_os") != pl.col("death")).height == 0
    assert wide["event_os"].sum() == 31
    assert (wide["event_local_control"] == 1).sum() == 2
    assert (wide["event_new_oligomet"] == 1).sum() == 10
    assert wide.filter((pl.col("event_new_oligomet") == 1) & (pl.col("new_oligomet") != 1)).height == 0
    published = [4, 8, 14]
    found = wide.filter(pl.col("event_new_oligomet") == 1)["duration_days_new_oligomet"] / 30.4375
    assert [round(float(one)) for one in (found.min(), found.median(), found.max())] == published


def test_the_lesions(mart: Path) -> None:
    growth = read_parquet(mart / "lesion_growth.parquet")
    assert growth.height == 83
    assert growth["is_included"].all()
    short = growth.filter(pl.col("is_within_6_months"))
    assert (short.height, int((short["diameter_mm"] <= 15).sum())) == (22, 19)
