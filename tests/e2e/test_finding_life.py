"""Findings from release to release: corrected here and at the source, gone, compared, decided in bulk, refused ledgers.

One tiny hospital through four refreshes; estimates and reports are left out, for no table that is looked at has any.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field

import polars as pl
import pytest

from registry_pipeline.core.files import StoreError
from registry_pipeline.core.home import Home
from registry_pipeline.pipeline.refresh import refresh
from registry_pipeline.stewardship.decide import DecisionRefused, Order, closed_findings, decide, pending
from registry_pipeline.stewardship.findings import Filters, Snapshot, select_findings, take_snapshot
from registry_pipeline.stewardship.queries.export import write_queries
from registry_pipeline.stewardship.queries.layout import CORRECTIONS
from registry_pipeline.stewardship.records import finding_details
from registry_pipeline.stewardship.released import ReleaseReader
from registry_pipeline.stewardship.timeline import timeline
from registry_pipeline.stewardship.trace.cells import trace_record
from registry_pipeline.store.releases import open_release, release_ids
from tests.support.desk import send_patients
from tests.support.registry_home import (
    HOSPITAL,
    N_PATIENTS,
    ask,
    good_files,
    send_all,
    small_home,
    tables,
    without_estimates,
)

pytestmark = pytest.mark.slow
STEWARD = "A. Steward"
PLACES = (
    "SELECT rule_id, items, source_file, source_row, source_column, old_value, new_value FROM quality.finding"
    " WHERE rule_id IN ('G03', 'G04') ORDER BY rule_id, items"
)


@dataclass
class Story:
    """A home and what its findings were after each refresh."""

    home: Home
    states: list[dict[tuple[str, str], str]] = field(default_factory=list)
    curated: list[pl.DataFrame] = field(default_factory=list)
    notes: dict[str, object] = field(default_factory=dict)

    def refresh(self) -> None:
        """One more release, and what it holds."""
        refresh(self.home)
        rows = ask(self.home, "SELECT rule_id, source_row, items, status FROM quality.finding")
        self.states.append({(rule, f"row {row}"): status for rule, row, _, status in rows.iter_rows()})
        patients = "SELECT source_patient_id, sex, birth_date::VARCHAR AS born FROM curated.patient"
        self.curated.append(ask(self.home, patients).sort("source_patient_id"))

    def snapshot(self) -> Snapshot:
        """What a data manager sees now."""
        return take_snapshot(self.home)

    def finding(self, rule: str, row: int) -> pl.DataFrame:
        """The finding of a rule in a row (the header is row 1)."""
        chosen = (pl.col("rule_id") == rule) & (pl.col("source_row") == row)
        found = self.snapshot().findings.filter(chosen)
        assert found.height == 1, self.snapshot().findings.select("rule_id", "source_row").rows()
        return found

    def compared(self) -> pl.DataFrame:
        """The finding that the date of birth of patient 9 changed."""
        items = (pl.col("rule_id").is_in(["G03", "G04"])) & (pl.col("items") == "birth_date")
        return self.snapshot().findings.filter(items)

    def corrections(self) -> list[tuple[object, ...]]:
        """The corrections that the release holds."""
        names = (
            "table_name, column_name, source_row, value_received, value_used, decision_no, reason, decided_by"
        )
        return ask(self.home, f"SELECT {names} FROM quality.correction ORDER BY decision_no").rows()

    def corrected_items(self) -> dict[str, str | None]:
        """What the pages of the corrected findings, and of their patients, say was received."""
        shown: dict[str, str | None] = {}
        released = ReleaseReader(self.home)
        for finding in self.snapshot().findings.filter(pl.col("status") == "corrected_here").to_dicts():
            behind = finding_details(self.home, released, finding)
            shown |= {item.name: item.correction.value_received for item in behind.items if item.correction}
            entries = timeline(self.home, str(finding["patient_id"]), [HOSPITAL])
            assert any(finding["items"] in entry.corrected for entry in entries)
        released.close()
        return shown

    def traced_corrections(self) -> dict[str, tuple[object, object]]:
        """What the trace of every corrected record says: the value that counts, and the decision that it rests on."""
        traced: dict[str, tuple[object, object]] = {}
        with open_release(self.home) as connection:
            keys = connection.execute("SELECT table_name, record_key FROM quality.correction").fetchall()
            for table, key in keys:
                for item in trace_record(self.home, connection, table, key).items:
                    if item.correction is not None:
                        value = (str(item.value), item.correction["decision_no"])
                        traced[f"{item.column_name}, received {item.cells[0].text}"] = value
        return traced

    def order(self, state: str, findings: pl.DataFrame, **more: str) -> None:
        """One decision on findings."""
        decide(self.home, findings, Order(state, "the charts say so", STEWARD, **more))


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    made = Story(small_home(tmp_path_factory.mktemp("life") / "home"))
    send_all(made.home, good_files())
    male, bad_date = {"sex": "male"}, {"born": "1956-13-45"}
    with without_estimates():
        send_patients(made.home, "patients_1.csv", p4=male, p5=male, p6=bad_date, p7=male)
        made.refresh()
        made.notes["first"] = made.snapshot()
        made.order("correction", made.finding("V02", 7), new_value="F")
        made.order("correction", made.finding("S09", 8), new_value="1956-03-14")
        made.order("remark", made.finding("V02", 6), assigned_to="B. Clerk", due_date="2999-01-31")
        made.notes["pending"] = [(entry.state, entry.decision_no) for entry in pending(made.home)]
        send_patients(
            made.home,
            "patients_2.csv",
            (7, N_PATIENTS - 1),
            p4=male,
            p5=male,
            p6=bad_date,
            p9={"born": "1961-07-01"},
        )
        made.refresh()
        made.notes["pending after"] = pending(made.home)
        made.notes["second"] = made.snapshot()
        made.notes["places"] = ask(made.home, PLACES).rows()
        made.notes["corrections"] = made.corrections()
        made.notes["corrected records"] = made.corrected_items()
        made.notes["traced"] = made.traced_corrections()
        path = write_queries(made.home, HOSPITAL, made.snapshot().waiting, made.home.root)
        made.notes["sheet"] = pl.read_excel(path, sheet_name=CORRECTIONS).rows()
        send_patients(
            made.home, "patients_3.csv", (7,), p4=male, p6={"born": "1956-99-99"}, p9={"born": "1961-07-01"}
        )
        made.refresh()
        made.notes["corrections after"] = made.corrections()
        send_patients(made.home, "patients_4.csv", (7,), p4=male, p6={"born": "1956-99-99"})
        made.refresh()
        send_patients(
            made.home, "patients_5.csv", (7,), p4=male, p6={"born": "1956-99-99"}, p9={"born": "1971-01-01"}
        )
        made.refresh()
        made.order("confirmed", made.compared())
        send_patients(
            made.home, "patients_6.csv", (7,), p4=male, p6={"born": "1956-99-98"}, p9={"born": "1971-01-01"}
        )
        made.refresh()
        send_patients(
            made.home, "patients_7.csv", (7,), p4=male, p6={"born": "1956-99-98"}, p9={"born": "1981-01-01"}
        )
        made.refresh()
    yield made


def test_a_correction_stands_in_until_the_source_agrees(story: Story) -> None:
    assert story.states[0]["V02", "row 7"] == story.states[0]["S09", "row 8"] == "open"
    assert story.states[1]["V02", "row 7"] == story.states[1]["S09", "row 8"] == "corrected_here"
    her = story.curated[1].filter(pl.col("source_patient_id").is_in(["K0005", "K0006"]))
    assert her.rows() == [("K0005", "F", "1955-03-14"), ("K0006", "F", "1956-03-14")]
    assert story.states[2]["V02", "row 7"] == "corrected", "the source agrees"
    assert story.states[2]["S09", "row 8"] == "reopened", "another wrong value came"


def test_a_correction_is_shown_as_such_wherever_the_value_is(story: Story) -> None:
    why = ("the charts say so", STEWARD)
    assert story.notes["corrections"] == [
        ("patient", "sex", 7, "male", "F", 1, *why),
        ("patient", "birth_date", 8, "1956-13-45", "1956-03-14", 2, *why),
    ]
    assert story.notes["corrected records"] == {"sex": "male", "birth_date": "1956-13-45"}
    assert story.notes["traced"] == {
        "sex, received male": ("F", 1),
        "birth_date, received 1956-13-45": ("1956-03-14", 2),
    }
    sheet = story.notes["sheet"]
    assert isinstance(sheet, list) and [row[5:] for row in sheet] == [
        ("male", "F", why[0]),
        ("1956-13-45", "1956-03-14", why[0]),
    ]
    assert story.notes["corrections after"] == [], "the source sends other values"


def test_what_is_no_longer_sent_is_gone_and_what_is_still_broken_waits(story: Story) -> None:
    assert story.states[1]["V02", "row 9"] == "gone"
    assert story.states[1]["V02", "row 6"] == "open"


def test_a_change_between_releases_waits_until_it_is_decided_or_the_value_is_restored(story: Story) -> None:
    states = [{status for (rule, _), status in state.items() if rule == "G03"} for state in story.states]
    assert states[0] == set()
    assert states[1] == states[2] == {"open"}, (
        "the next refresh finds nothing, which answers nobody's question"
    )
    assert states[3] == {"corrected"}, "the source sends the old value again"
    assert states[4] == {"reopened"}
    assert states[5] == {"confirmed"}, "decided; the next refresh changes nothing"
    assert states[6] == {"reopened"}, "a confirmed change says nothing of the next one"


def test_a_finding_between_releases_says_old_and_new_value_file_row_and_column(story: Story) -> None:
    places = story.notes["places"]
    assert isinstance(places, list)
    changed = [row for row in places if row[1] == "birth_date"]
    assert {row[2:5] for row in changed} == {("patients_2.csv", 10, "born")}, places
    assert changed[0][-1] == "1961-07-01" and changed[0][-2] not in (None, "1961-07-01")
    gone = [row[:4] for row in places if row[0] == "G04"]
    assert ("G04", "patient_id", "patients_1.csv", N_PATIENTS + 1) in gone, (
        "where a patient was sent last who is gone"
    )


def test_who_looks_after_it_and_what_was_said_is_kept(story: Story) -> None:
    second = story.notes["second"]
    assert isinstance(second, Snapshot)
    mine = select_findings(second, Filters(assigned=("B. Clerk",)))
    assert mine["rule_id"].to_list() == ["V02"] and str(mine["due_date"][0]) == "2999-01-31"


def test_decisions_are_pending_until_a_release_holds_them(story: Story) -> None:
    assert story.notes["pending"] == [("correction", 1), ("correction", 2), ("remark", 3)]
    assert story.notes["pending after"] == []


def test_the_snapshot_is_that_of_the_release_until_something_else_is_judged(story: Story) -> None:
    first = story.notes["first"]
    assert isinstance(first, Snapshot) and first.is_released
    assert set(first.findings["first_seen_release"]) == {first.release_id}
    assert select_findings(first, Filters(new=True)).height == select_findings(first, Filters()).height


@pytest.mark.parametrize(
    ("order", "message"),
    [
        (Order("correction", "r", STEWARD, new_value="X1"), "write one of"),
        (Order("correction", "r", STEWARD), "needs a value"),
        (Order("assigned", "r", STEWARD), "needs a name or a due date"),
        (Order("waived", " ", STEWARD), "reason must not be blank"),
        (Order("waived", "r", "\u202e"), "by must not be blank"),
        (Order("waived", "r", STEWARD, until="2001-01-01"), "has passed already"),
        (Order("same_person", "r", STEWARD), "pairs of patients"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_written(story: Story, order: Order, message: str) -> None:
    before = len(pending(story.home))
    with pytest.raises(DecisionRefused, match=message):
        decide(story.home, story.finding("V02", 6), order)
    assert len(pending(story.home)) == before


def test_many_findings_are_decided_at_once_and_closed_ones_are_named(story: Story) -> None:
    chosen = select_findings(story.snapshot(), Filters(rule=("V02",), status=("all",)))
    assert chosen.height == 3 and closed_findings(chosen).height == 2
    before = len(pending(story.home))
    story.order("remark", chosen)
    assert len(pending(story.home)) == before + 3


def test_a_ledger_that_lacks_what_a_release_holds_refuses_everything(story: Story) -> None:
    ledger = story.home.decisions
    kept, finding = ledger.read_bytes(), story.finding("V02", 6)
    try:
        with closing(sqlite3.connect(ledger)) as connection:
            connection.executescript("DROP TRIGGER no_delete; DELETE FROM decision WHERE decision_no > 1;")
        for broken in (True, False):
            if not broken:
                ledger.unlink()
            with pytest.raises(
                StoreError, match=r"(decision [12], which release .* holds,|entry \d of 8) is missing"
            ):
                refresh(story.home)
            with pytest.raises(StoreError, match=r"restore (the ledger|it and .*) from the backup"):
                story.order("waived", finding)
    finally:
        ledger.write_bytes(kept)


def test_ages_and_times_to_close_add_up(story: Story) -> None:
    ages = ask(story.home, "FROM finding_ageing")
    open_ones = ask(story.home, "SELECT count(*) FROM open_findings").item()
    every = ask(story.home, "SELECT count(*) FROM quality.finding WHERE systemic_finding_id IS NULL").item()
    assert ages["n_open"].sum() == open_ones and ages["n_open"].sum() + ages["n_closed"].sum() == every
    errors = ages.filter(pl.col("severity") == "error", pl.col("facility_id") == "north").row(0, named=True)
    assert errors["n_closed"] > 0 and errors["median_days_to_close"] == 0, "all releases are of one day"


def test_numbers_of_records_and_patients_stand_in_their_marked_columns_only(story: Story) -> None:
    """Every table of a release is searched for every number that the facility gave a contact or a patient."""
    frames = tables(story.home, ("curated", "mart", "result", "quality", "meta"))
    numbers = [
        *frames["curated.followup"]["source_record_id"], *frames["curated.patient_xref"]["source_patient_id"],
    ]  # fmt: skip
    assert len(numbers) > N_PATIENTS and None not in numbers
    holders = {
        f"{name}.{column.name}"
        for name, frame in frames.items()
        for column in frame.select(pl.col(pl.String)).iter_columns()
        if column.str.contains_any(numbers).any()
    }
    marked = ask(
        story.home,
        "SELECT concat_ws('.', schema_name, table_name, column_name) FROM meta.dictionary WHERE is_identifying",
    )
    assert holders <= set(marked.to_series())
    quoted = {"quality.finding.value_text", "quality.finding.message", "quality.finding.suggestion"}
    assert all(holder.split(".")[-1].startswith("source_") for holder in holders - quoted), holders


def test_a_record_keeps_its_key_from_release_to_release(story: Story) -> None:
    query = "SELECT source_record_id, followup_id FROM curated.followup"
    keys = [dict(ask(story.home, query, release_id).iter_rows()) for release_id in release_ids(story.home)]
    assert len(keys) > 1 and all(keys)
    pairs = {pair for keys_of_release in keys for pair in keys_of_release.items()}
    assert len(pairs) == len(dict(pairs)) == len({key for _, key in pairs})
