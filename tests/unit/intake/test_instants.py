"""Midnight there is the day before in universal time: the zone is declared, or somebody is asked."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from registry_pipeline.core.toml_source import ConfigurationError
from registry_pipeline.intake.parsing.instants import as_local
from registry_pipeline.intake.readers.instants import midnights_elsewhere, offset_of
from tests.support.staging import source, stage_text, table

SHANGHAI, BERLIN = ZoneInfo("Asia/Shanghai"), ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    "text, zone, local",
    [
        ("2024-02-28T16:00:00Z", SHANGHAI, "2024-02-29"),
        ("2024-02-29T16:00:00.000+00:00", SHANGHAI, "2024-03-01"),
        ("1986-07-01 15:00:00Z", SHANGHAI, "1986-07-02"),  # China had summer time then
        ("2024-06-30 22:00:00Z", BERLIN, "2024-07-01"),
        ("2024-12-30 23:00 UTC", BERLIN, "2024-12-31"),
        ("2024-02-28 16:00:00+00", SHANGHAI, "2024-02-29"),
        ("2024-02-29T00:00:00+08:00", SHANGHAI, "2024-02-29"),
        ("2024-02-29T10:30:00Z", SHANGHAI, "2024-02-29 18:30:00"),
        ("2024-02-28 16:00:00", SHANGHAI, "2024-02-28 16:00:00"),
        ("2024-02-28", SHANGHAI, "2024-02-28"),
        ("2024-02-28T16:00:00Z", None, "2024-02-28T16:00:00Z"),
        ("9999-12-31T23:00:00Z", SHANGHAI, "9999-12-31T23:00:00Z"),
        ("2024-02-30T16:00:00Z", SHANGHAI, "2024-02-30T16:00:00Z"),
        (None, SHANGHAI, None),
    ],
)
def test_a_moment_is_the_day_of_the_facilitys_calendar(
    text: str | None, zone: ZoneInfo | None, local: str | None
) -> None:
    assert as_local(text, zone) == local


def test_moments_without_offset_are_universal_time_only_where_that_is_declared() -> None:
    assert as_local("2024-02-28 16:00:00", SHANGHAI, times_are_utc=True) == "2024-02-29"


@pytest.mark.parametrize(
    "clock, offset", [("16:00", "+08:00"), ("22:00", "+02:00"), ("05:00", "-05:00"), ("18:30", "+05:30")]
)
def test_an_hour_of_universal_time_is_midnight_at_an_offset(clock: str, offset: str) -> None:
    assert offset_of(clock) == offset


@pytest.mark.parametrize(
    "texts, found",
    [
        (["2024-02-28T16:00:00Z", None, "2024-02-29 16:00:00.000+00:00"], ("16:00", True)),
        (["2024-02-28T22:00Z", "2024-12-29T23:00Z"], ("22:00 and 23:00", True)),
        (["2024-02-28 16:00:00"] * 3, ("16:00", False)),
        (["2024-02-28 16:00:00"] * 2, None),
        (["2024-02-28 08:00:00"] * 9, None),  # a clinic's opening hour
        (["2024-02-28T00:00:00Z"] * 9, None),
        (["2024-02-28T16:00:00Z", "2024-02-28T10:12:00Z"], None),
        (["2024-02-28T16:00:00Z", "unknown"], None),
        (["2024-02-28"], None),
        ([None], None),
    ],
)
def test_a_column_that_is_one_midnight_is_found(
    texts: list[str | None], found: tuple[str, bool] | None
) -> None:
    frame = pl.DataFrame({"d": pl.Series(texts, dtype=pl.String)})
    assert midnights_elsewhere(frame).get("d") == found


TABLE = table("patient", 'patient_id = "no"', 'birth_date = "born"', 'sex = { value = "F" }')
TEXT = "no,born\nA,1960-01-01T16:00:00Z\nB,1961-02-01T16:00:00Z\n"


@pytest.mark.parametrize(
    "options, head", [(['timezone = "Asia/Shanghai"'], ""), ([], 'timezone = "Asia/Shanghai"\n')]
)
def test_a_zone_of_the_source_or_the_facility_gives_the_days(
    tmp_path: Path, options: list[str], head: str
) -> None:
    staged = stage_text(tmp_path, head + source(TABLE, *options), TEXT)
    assert staged.tables["patient"]["birth_date"].to_list() == [date(1960, 1, 2), date(1961, 2, 2)]
    assert staged.file_issues.is_empty()
    assert staged.coercions["value_after"].to_list() == ["1960-01-02", "1961-02-02"]


@pytest.mark.parametrize(
    "text, words", [(TEXT, "16:00 UTC"), (TEXT.replace("Z", "") + "C,1962-02-01T16:00:00\n", "utc_times")]
)
def test_without_a_zone_each_column_is_asked_about(tmp_path: Path, text: str, words: str) -> None:
    (issue,) = stage_text(tmp_path, source(TABLE), text).file_issues.to_dicts()
    assert (issue["rule_id"], issue["column_name"]) == ("S12", "born")
    assert words in f"{issue['reason']} {issue['suggestion']}"


def test_a_zone_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no time zone"):
        stage_text(tmp_path, source(TABLE, 'timezone = "China"'), TEXT)
