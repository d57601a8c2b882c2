"""What a refresh costs when one facility of many sends one change, against the full refresh in the same run.

Belongs here: a registry of many facilities, the changes, the days between them.
Does not belong here: the steps (``registry_pipeline/pipeline``), the full refresh against its floor (``refreshing.py``).
"""

import tempfile
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.job import Work
from benchmarks.measuring import Figure, figure, run_job

MART_TARGET, OTHER_TARGET, NOTHING_SECONDS = 0.10, 0.05, 1.0
DAYS_AGO = {"full": 3, "contact": 2, "toxicity": 1, "nothing": 0}
"""The end of observation is not set: it is the day of the newest file, and every change arrives a day later."""


def benchmark(out: Path, patients: int = 100_000, facilities: int = 50) -> list[Figure]:
    """The full refresh, one contact less, one toxicity less (in no mart table), and nothing new."""
    with tempfile.TemporaryDirectory(dir=out) as folder:
        run_job("changing.simulate", out, folder=folder, patients=patients, facilities=facilities)
        run = {what: run_job("changing.refresh_after", out, folder=folder, what=what) for what in DAYS_AGO}
    name = f"of {patients:,} patients of {facilities} facilities"
    full = [run["full"]]
    return [
        figure(f"full refresh {name}", full),
        figure(f"a day later, one contact less {name}", [run["contact"]], full, MART_TARGET),
        figure(f"a day later, one toxicity less {name}", [run["toxicity"]], full, OTHER_TARGET),
        figure(f"nothing new {name}", [run["nothing"]], target=NOTHING_SECONDS),
    ]


def simulate(folder: str, patients: int, facilities: int) -> Work:
    """A registry home with the exports in its inbox; default settings, but no wait for files to settle."""
    from registry_pipeline.core.home import make_home
    from registry_pipeline.simulate.population.write import write_simulation

    def work() -> dict[str, Any]:
        home = make_home(Path(folder))
        rows = write_simulation(patients, facilities, 1, Path(folder), 0.01).n_rows
        home.settings_file.write_text("[refresh]\nsettle_seconds = 0\n", encoding="utf-8")
        return {"rows": rows}

    return work


def refresh_after(folder: str, what: str) -> Work:
    """The refresh after a change, in a process of its own as the command is."""
    from registry_pipeline.core.helper_process import keeping_helper
    from registry_pipeline.core.home import Home
    from registry_pipeline.intake.landing.land import land_inbox
    from registry_pipeline.pipeline import refresh as steps

    home = Home(Path(folder))
    if what in ("contact", "toxicity"):
        send_shorter(home.inbox / home.facility_ids()[-1], {"contact": "contacts"}.get(what, what))
    day = datetime.now(UTC) - timedelta(days=DAYS_AGO[what])
    steps.land_inbox = partial(land_inbox, now=day)  # type: ignore[attr-defined]

    def work() -> dict[str, Any]:
        with keeping_helper():  # as the command does; its CPU time counts when it has ended
            report = steps.refresh(home)
        if report.is_new == (what == "nothing"):
            raise AssertionError(f"{what}: is_new is {report.is_new}")
        return {}

    return work


def send_shorter(inbox: Path, stem: str) -> None:
    """The facility's newest file of a kind again, without its last row."""
    lines = sorted(inbox.glob(f"{stem}_2*.csv"))[-1].read_text(encoding="utf-8").splitlines(keepends=True)
    (inbox / f"{stem}_2024-01-01.csv").write_text("".join(lines[:-1]), encoding="utf-8")
