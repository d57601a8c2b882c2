"""The commands that are killed: how each is called, how its effect is seen, what is run afterwards."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from registry_pipeline.core.home import Home
from registry_pipeline.intake.landing.ledger import read_ledger
from registry_pipeline.operations.backup import back_up
from registry_pipeline.pipeline import registry as estimation
from registry_pipeline.pipeline import release as publication
from registry_pipeline.pipeline.context import read_context
from registry_pipeline.pipeline.refresh import refresh
from registry_pipeline.pipeline.step_keys import outdated_facilities
from registry_pipeline.stewardship.findings import Filters, select_findings, take_snapshot
from registry_pipeline.stewardship.queries.export import write_queries
from registry_pipeline.stewardship.queries.layout import WORDS
from registry_pipeline.store.releases import current_release
from registry_pipeline.validation.decisions.ledger import read_decisions
from tests.support.desk import save_workbook, workbook_rows
from tests.support.registry_home import (
    HOSPITAL,
    N_PATIENTS,
    good_files,
    patient_row,
    patients_csv,
    send,
    send_all,
    small_home,
)

N_MEN = 4


@dataclass(frozen=True)
class Place:
    """The folder of one trial.

    Attributes:
        folder: holds the home and what commands read and write beside it.
    """

    folder: Path

    @property
    def home(self) -> Home:
        return Home(self.folder / "home")

    @property
    def restored(self) -> Home:
        return Home(self.folder / "restored")

    @property
    def exports(self) -> Path:
        return self.folder / "exports"

    @property
    def answers(self) -> Path:
        return self.folder / "answers.xlsx"

    @property
    def finding(self) -> str:
        return (self.folder / "finding.txt").read_text()

    @property
    def first(self) -> str:
        return (self.folder / "first.txt").read_text()

    @property
    def backup(self) -> Path:
        return next((self.folder / "backup").glob("registry-backup-*Z"))

    @property
    def n_decisions(self) -> int:
        return len(read_decisions(self.home.decisions, self.home.key()))


def leave_out_pages(has_estimates: bool) -> None:
    """In this process refreshes make no pages, and estimates only where they are asked for: both take longer than the rest."""
    publication.write_reports = lambda *_, **__: None
    if not has_estimates:
        estimation.analyse = lambda *_: {}


def prepare(place: Place) -> None:
    """A released home with men in quarantine, a second submission that waits, answers, exports and a backup."""
    leave_out_pages(has_estimates=False)
    home = small_home(place.home.root)
    send_all(home, good_files())
    rows = [patient_row(n, sex="male" if n < N_MEN else "female") for n in range(N_PATIENTS)]
    send(home, "patients_1.csv", patients_csv(rows))
    refresh(home)
    snapshot = take_snapshot(home)
    errors = select_findings(snapshot, Filters(facility=(HOSPITAL,), severity=("error",)))
    queries = workbook_rows(write_queries(home, HOSPITAL, errors, place.folder, "en"))
    for row in queries[1:]:
        row["answer"] = WORDS["en"]["confirmed"]
    save_workbook(place.answers, queries)
    (place.folder / "finding.txt").write_text(queries[0]["finding"])
    (place.folder / "first.txt").write_text(current_release(home) or "")
    place.exports.mkdir()
    for name, text in good_files().items():
        (place.exports / name).write_text(text)
    back_up(home, place.folder / "backup")
    shutil.copyfile(home.key_file, place.folder / "kept.key")
    send(home, "patients_2.csv", patients_csv([*rows, patient_row(90, sex="male")]))


@dataclass(frozen=True)
class Victim:
    """A command that is killed.

    Attributes:
        weight: how often it is chosen.
        arguments: the command line, without ``--home``.
        is_done: whether its effect is there.
        works_on: the home that it changes.
        has_estimates: whether its refreshes make estimates.
    """

    weight: int
    arguments: Callable[[Place], list[str]]
    is_done: Callable[[Place], bool]
    works_on: Callable[[Place], Home] = lambda place: place.home
    has_estimates: bool = False


def _is_refreshed(place: Place) -> bool:
    return current_release(place.home) != place.first


def _is_screened(place: Place) -> bool:
    has_landed = any(landed.source_file == "patients_2.csv" for landed in read_ledger(place.home, HOSPITAL))
    return has_landed and not outdated_facilities(read_context(place.home))


def _is_decided(place: Place) -> bool:
    return place.n_decisions == 1


def _is_imported(place: Place) -> bool:
    n = place.n_decisions
    assert n in (0, N_MEN - 1), "a part of the answers"
    return n > 0


def _is_drafted(place: Place) -> bool:
    path = place.home.facilities / "east.toml"
    return path.is_file() and path.read_text().rstrip() != ""


def _is_backed_up(place: Place) -> bool:
    return len(list((place.folder / "backup").glob("registry-backup-*Z"))) == 2


def _is_withdrawn(place: Place) -> bool:
    return any(landed.is_withdrawn for landed in read_ledger(place.home, HOSPITAL))


_STEWARD = ("--by", "A. Steward")
VICTIMS = {
    "refresh": Victim(30, lambda _: ["refresh", "--plain"], _is_refreshed),
    "refresh, estimates": Victim(5, lambda _: ["refresh", "--plain"], _is_refreshed, has_estimates=True),
    "refresh --force": Victim(5, lambda _: ["refresh", "--plain", "--force"], _is_refreshed),
    "refresh (Dagster)": Victim(5, lambda _: ["refresh"], _is_refreshed),
    "screen": Victim(10, lambda _: ["screen"], _is_screened),
    "decide": Victim(
        15,
        lambda place: ["decide", place.finding, "--as", "waived", "--reason", "seen", *_STEWARD],
        _is_decided,
    ),
    "queries import": Victim(
        10, lambda place: ["queries", "import", str(place.answers), *_STEWARD], _is_imported
    ),
    "facility new": Victim(
        10, lambda place: ["facility", "new", "east", "--from", str(place.exports)], _is_drafted
    ),
    "backup": Victim(10, lambda place: ["backup", str(place.folder / "backup")], _is_backed_up),
    "restore": Victim(
        10,
        lambda place: [
            "restore", str(place.backup), str(place.restored.root), "--key", str(place.folder / "kept.key"),
        ],
        lambda place: place.restored.root.is_dir() and place.restored.settings_file.is_file(),
        lambda place: place.restored,
    ),
    "landing withdraw": Victim(
        5,
        lambda _: ["landing", "withdraw", HOSPITAL, "deaths_1.csv", "--reason", "a mistake", *_STEWARD],
        _is_withdrawn,
    ),
}  # fmt: skip
