"""mart.lesion_growth: the last negative CT of the region, strictly before detection (study.md 1.4, 1.5)."""

from pathlib import Path

import pytest

from tests.sql.drawn import ELIGIBLE
from tests.support.ascii_table import Mart

LESION_COLUMNS = (
    "lesion_id | episode_id | patient_id | lesion_site | detection_date | last_negative_date"
    " | last_negative_date_lower | last_negative_date_upper\n"
)
BASELINE = "XB | P1 | 2020-01-01 | ct\n"


def grown(
    tmp_path: Path,
    site: str = "lung",
    exams: tuple[str, ...] = (),
    stated: str = "",
    size: str = "12 |",
    detected: str = "2020-01-01",
    stated_bounds: str = " | ",
) -> tuple[object, ...]:
    """The one row of the growth table for a lesion of P1; an exam is ``date | modality | region | impression``."""
    parts = [[cell.strip() for cell in one.split("|")] for one in exams]
    drawn = {
        "lesion": LESION_COLUMNS + f"L1 | E1 | P1 | {site} | {detected} | {stated} | {stated_bounds}",
        "imaging_exam": "exam_id | patient_id | exam_date | imaging_modality\n"
        + BASELINE
        + "\n".join(f"X{n} | P1 | {part[0]} | {part[1]}" for n, part in enumerate(parts)),
        "imaging_region": "exam_id | patient_id | body_region | impression\n"
        + "\n".join(f"X{n} | P1 | {part[2]} | {part[3]}" for n, part in enumerate(parts)),
        "measurement": "measurement_id | exam_id | lesion_id | patient_id | series_role | long_axis_mm | size_qualifier\n"
        + f"M1 | XB | L1 | P1 | baseline | {size}",
    }
    mart = Mart(tmp_path, {**ELIGIBLE, **drawn})
    (row,) = mart.rows(
        "lesion_growth", "negative_ct_basis", "days_since_negative_ct", "is_within_6_months", "is_included",
        "exclusion_reason",
    )  # fmt: skip
    return row


NONE = (None, None, None, False, "no negative CT of the region before detection")


@pytest.mark.parametrize(
    ("site", "exam", "is_found"),
    [
        ("lung", "2019-10-01 | ct | chest | neg", True),
        ("lung", "2019-10-01 | petct | whole_body | neg", True),
        ("mediastinal_ln", "2019-10-01 | ct | chest | neg", True),
        ("scf", "2019-10-01 | ct | neck | neg", True),
        ("liver", "2019-10-01 | ct | abdomen | neg", True),
        ("adrenal", "2019-10-01 | ct | abdomen | neg", True),
        ("bone", "2019-10-01 | ct | pelvis | neg", True),
        ("other", "2019-10-01 | petct | whole_body | neg", True),
        ("lung", "2019-10-01 | ct | abdomen | neg", False),
        ("scf", "2019-10-01 | ct | chest | neg", False),
        ("other", "2019-10-01 | ct | chest | neg", False),
        ("lung", "2019-10-01 | mri | chest | neg", False),
        ("lung", "2019-10-01 | cxr | chest | neg", False),
        ("lung", "2019-10-01 | ct | chest | equivocal", False),
        ("lung", "2019-10-01 | ct | chest | pos", False),
        ("lung", "2020-01-01 | ct | chest | neg", False),
        ("lung", "2020-01-02 | ct | chest | neg", False),
    ],
)
def test_which_examination_speaks_of_the_lesion(site: str, exam: str, is_found: bool, tmp_path: Path) -> None:
    row = grown(tmp_path, site, (exam,))
    assert row == (("exam", 92, True, True, None) if is_found else NONE)


def test_the_last_one_counts_and_goes_before_what_is_stated(tmp_path: Path) -> None:
    exams = (
        "2019-01-01 | ct | chest | neg",
        "2019-12-02 | ct | chest | neg",
        "2019-12-20 | ct | chest | pos",
    )
    assert grown(tmp_path, exams=exams, stated="2019-11-01")[:2] == ("exam", 30)


def test_what_is_stated_counts_where_there_is_no_examination(tmp_path: Path) -> None:
    assert grown(tmp_path / "a", stated="2019-11-01") == ("stated", 61, True, True, None)
    assert grown(tmp_path / "b", stated="2020-01-01") == NONE


@pytest.mark.parametrize(
    ("negative", "detected", "is_within"),
    [
        ("2019-08-31", "2020-02-29", True),  # six calendar months end on the last day of a leap February
        ("2019-08-31", "2020-03-01", False),
        ("2019-07-01", "2020-01-01", True),  # inclusive, 184 days
        ("2019-07-01", "2020-01-02", False),
        ("2018-08-31", "2019-02-28", True),
    ],
)
def test_six_calendar_months(negative: str, detected: str, is_within: bool, tmp_path: Path) -> None:
    row = grown(tmp_path, stated=negative, detected=detected)
    assert row[2] is is_within


@pytest.mark.parametrize(
    ("size", "reason"),
    [
        ("|", "no size at detection"),
        ("0 |", "size is not positive"),
        ("5 | <", "size is a bound only"),
        ("30 | >", "size is a bound only"),
        ("12 | ~", None),
        ("12 | range", None),
    ],
)
def test_sizes_that_cannot_be_used(size: str, reason: str | None, tmp_path: Path) -> None:
    row = grown(tmp_path, stated="2019-11-01", size=size)
    assert row[3:] == (reason is None, reason)


def test_an_interval_known_to_the_month_is_used_and_to_the_year_is_not(tmp_path: Path) -> None:
    month = grown(tmp_path / "a", stated="2019-06-15", stated_bounds="2019-06-01 | 2019-06-30")
    assert month[3:] == (True, None)
    year = grown(tmp_path / "b", stated="2019-07-01", stated_bounds="2019-01-01 | 2019-12-31")
    assert year[3:] == (False, "interval not known to the month")


def test_months_are_of_30_4375_days(tmp_path: Path) -> None:
    grown(tmp_path, stated="2019-11-01")
    import polars as pl

    made = pl.read_parquet(tmp_path / "mart" / "lesion_growth.parquet")
    assert made["months_since_negative_ct"].to_list() == pytest.approx([61 / 30.4375])
