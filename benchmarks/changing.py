"""What a refresh costs when one facility of many sends one change, against the full refresh in the same run.

Belongs here: a registry of many facilities, the changes, the days between them.
Does not belong here: the steps (``registry_pipeline/pipeline``), the full refresh against its floor (``refreshing.py``).
"""

import re
import tempfile
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.job import Work
from benchmarks.measuring import Figure, figure, run_job

MART_TARGET, OTHER_TARGET, NOTHING_SECONDS = 0.10, 0.05, 1.0
SENT = {"contact": "contacts", "toxicity": "toxicity"}
"""Kind of file that a change is sent in."""
SET = {"landmark": "[study]\nlandmark_months = [12, 24, 48]\n", "rule": '[rules.G08]\nseverity = "info"\n'}
"""Kind of change -> what is set otherwise: times of survival that curves are read at, a rule over the registry."""
DAYS_AGO = {"full": 3, "contact": 2, "toxicity": 1, "landmark": 1, "rule": 1, "nothing": 0}
"""The end of observation is not set: it is the day of the newest file, and every change arrives a day later."""


def benchmark(out: Path, patients: int = 100_000, facilities: int = 50) -> list[Figure]:
    """The full refresh, one contact less, one toxicity less (in no mart table), two settings, and nothing new."""
    with tempfile.TemporaryDirectory(dir=out) as folder:
        run_job("changing.simulate", out, folder=folder, patients=patients, facilities=facilities)
        run = {what: run_job("changing.refresh_after", out, folder=folder, what=what) for what in DAYS_AGO}
    name = f"of {patients:,} patients of {facilities} facilities"
    full = [run["full"]]
    return [
        figure(f"full refresh {name}", full),
        figure(f"a day later, one contact less {name}", [run["contact"]], full, MART_TARGET),
        figure(f"a day later, one toxicity less {name}", [run["toxicity"]], full, OTHER_TARGET),
        figure(f"other landmarks of survival {name}", [run["landmark"]], full),
        figure(f"another severity of a rule over the registry {name}", [run["rule"]], full),
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
    from registry_pipeline.store.refill import contents_of
    from registry_pipeline.store.releases import current_release

    home = Home(Path(folder))
    if what in SENT:
        send_shorter(home.inbox / home.facility_ids()[-1], SENT[what])
    if what in SET:
        home.settings_file.write_text(home.settings_file.read_text(encoding="utf-8") + SET[what], "utf-8")
    served = current_release(home)
    before = None if served is None else contents_of(home, served)
    day = datetime.now(UTC) - timedelta(days=DAYS_AGO[what])
    steps.land_inbox = partial(land_inbox, now=day)  # type: ignore[attr-defined]

    def work() -> dict[str, Any]:
        with keeping_helper():  # as the command does; its CPU time counts when it has ended
            report = steps.refresh(home)
        if report.is_new == (what == "nothing"):
            raise AssertionError(f"{what}: is_new is {report.is_new}")
        after = contents_of(home, report.release_id)
        if what in SENT and before is not None and after is not None:
            names = {name for name in after.tables if after.tables[name] != before.tables.get(name)}
            if (what == "contact") != any(name.startswith("mart.") for name in names):
                raise AssertionError(f"{what}: changed {', '.join(sorted(names))}")
        return {}

    return work


def send_shorter(inbox: Path, stem: str) -> None:
    """The facility's newest file of a kind again, without the last row of a woman who lives and has an earlier one.

    A contact of somebody whose death is on record says nothing that a mart holds.
    """
    lines = newest(inbox, stem)
    dead = {patient_of(line) for line in newest(inbox, "deaths")}
    patients = [patient_of(line) for line in lines]
    living = [
        number
        for number in range(2, len(lines))
        if patients[number] not in dead and patients[number] == patients[number - 1]
    ]
    at = living[-1] if living else len(lines) - 1
    (inbox / f"{stem}_2024-01-01.csv").write_text("".join(lines[:at] + lines[at + 1 :]), encoding="utf-8")


def newest(inbox: Path, stem: str) -> list[str]:
    """Lines of the newest file of a kind."""
    return sorted(inbox.glob(f"{stem}_2*.csv"))[-1].read_text(encoding="utf-8").splitlines(keepends=True)


def patient_of(line: str) -> str:
    """The patient of a row: the first column of every simulated file of these kinds, whatever divides the columns."""
    return re.split(r"[^\w-]", line, maxsplit=1)[0]
