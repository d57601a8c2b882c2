"""A common cause: one finding that is asked, with the rows hanging on it."""

from datetime import date

import duckdb
import polars as pl

from registry_pipeline.core.sql_files import SQL_FOLDER, read_sql
from registry_pipeline.validation.registry_wide.finding_history import merge_lifecycle
from registry_pipeline.validation.screening.screen import ScreenOptions
from registry_pipeline.validation.screening.screened import Screened
from tests.support.staged import screen, staged_of


def _screened(n: int, n_bad: int, share: float = 0.5, shift: int = 0) -> Screened:
    rows = [
        {
            "_row_id": at + shift,
            "patient_id": f"P{at}",
            "sex": "M" if at < n_bad else "F",
            "birth_date": date(1950, 1, 1 + at % 28),
        }
        for at in range(n)
    ]
    return screen(staged_of({"patient": rows}), options=ScreenOptions(systemic_share=share))


def _of_rule(done: Screened) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The cause and the rows of rule V02."""
    found = done.findings.filter(pl.col("rule_id") == "V02")
    is_cause = pl.col("record_key").str.starts_with("systemic")
    return found.filter(is_cause), found.filter(~is_cause)


def test_the_rows_hang_on_the_cause() -> None:
    cause, rows = _of_rule(_screened(60, 45))
    assert cause.height == 1 and rows.height == 45
    assert rows["systemic_finding_id"].unique().to_list() == cause["finding_id"].to_list()
    assert cause["systemic_finding_id"].to_list() == [None]


def test_every_rule_has_its_own_cause() -> None:
    done = _screened(60, 45).findings
    causes = dict(done.select("finding_id", "rule_id").iter_rows())
    attached = done.drop_nulls("systemic_finding_id").select("rule_id", "systemic_finding_id")
    assert len(set(attached["systemic_finding_id"])) > 1, "the rows break other rules too"
    assert all(causes[cause] == rule_id for rule_id, cause in attached.iter_rows())


def test_below_the_share_every_row_is_asked() -> None:
    cause, rows = _of_rule(_screened(60, 30))
    assert cause.is_empty() and rows["systemic_finding_id"].null_count() == 30
    cause, rows = _of_rule(_screened(60, 30, share=0.4))
    assert cause.height == 1 and rows["systemic_finding_id"].null_count() == 0


def test_ids_are_stable_whatever_the_rows_and_their_number() -> None:
    first, second = _of_rule(_screened(60, 45)), _of_rule(_screened(80, 70, shift=1000))
    assert first[0]["finding_id"].to_list() == second[0]["finding_id"].to_list()
    assert set(first[1]["finding_id"]) <= set(second[1]["finding_id"])


def test_what_is_open_counts_it_as_one() -> None:
    findings = merge_lifecycle(_screened(60, 45).findings, None, "r1")
    view = read_sql(SQL_FOLDER / "views" / "open_findings.sql")
    with duckdb.connect() as connection:
        connection.execute("CREATE SCHEMA quality")
        connection.register("_findings", findings.to_arrow())
        connection.execute("CREATE TABLE quality.finding AS FROM _findings")
        opened = connection.execute(
            f"SELECT rule_id, n_rows FROM ({view.query}) WHERE rule_id = 'V02'"
        ).fetchall()
    assert opened == [("V02", 45)]


def test_findings_of_an_earlier_release_without_the_column_live_on() -> None:
    now = _screened(60, 45).findings
    before = merge_lifecycle(now, None, "r1").drop("systemic_finding_id")
    merged = merge_lifecycle(now, before, "r2")
    assert set(merged["status"]) == {"open"}
    assert set(merged["first_seen_release"]) == {"r1"} and set(merged["last_seen_release"]) == {"r2"}
