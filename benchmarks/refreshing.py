"""A refresh from raw CSV to a sealed release, against read_csv → Parquet → table of the same bytes.

Belongs here: the simulated exports, the refresh step by step, of one facility and of many.
Does not belong here: the steps (``registry_pipeline/pipeline``), the exports (``registry_pipeline/simulate``), what a step
costs at least (``floors.py``).
"""

import shutil
import tempfile
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from benchmarks.floors import MOST_FLOORS, STEPS
from benchmarks.job import Work, cpu_seconds
from benchmarks.measuring import Figure, Measurement, alternate, figure, run_job

MOST_OF_ONE_FACILITY, NOTHING_SECONDS, MOST_MB = 1.3, 1.0, 2048.0
ERROR_RATE = 0.01


def benchmark(out: Path, patients: int = 100_000, facilities: int = 50, repeats: int = 1) -> list[Figure]:
    """The refresh of everything in one facility, its steps against floors of their own, the same in many, nothing new."""
    with tempfile.TemporaryDirectory(dir=out) as folder:
        homes = {count: Path(folder) / f"sent-{count}" for count in (1, facilities)}
        for count, sent in homes.items():
            run_job("refreshing.simulate", out, folder=str(sent), patients=patients, facilities=count)
        home, target = Path(folder) / "home", Path(folder) / "floor"

        def refreshed(count: int) -> Measurement:
            shutil.rmtree(home, ignore_errors=True)
            shutil.copytree(homes[count], home)
            return run_job("refreshing.refresh", out, folder=str(home))

        def floor(step: str) -> Measurement:
            shutil.rmtree(target, ignore_errors=True)
            target.mkdir()
            return run_job(f"floors.{step}", out, home=str(home), target=str(target))

        single, bytes_copied = alternate(lambda: refreshed(1), lambda: floor("whole"), repeats)
        steps = {step: floor(step) for step in STEPS}
        many = [refreshed(facilities) for _ in range(repeats)]
        # the first notes that the release is of this input, which the command notes at the end of a refresh
        _, again = (run_job("refreshing.refresh_again", out, folder=str(home)) for _ in range(2))
    name = f"raw CSV to release, {patients:,} patients"
    return [
        figure(name, single, bytes_copied, MOST_FLOORS, most_mb=MOST_MB),
        *(
            figure(
                f"its step {step}, against {STEPS[step]}", [_step(run, step) for run in single], [measured]
            )
            for step, measured in steps.items()
        ),
        figure(f"the same in {facilities} facilities, against one", many, single, MOST_OF_ONE_FACILITY),
        figure("refresh with nothing new", [again], target=NOTHING_SECONDS),
    ]


def _step(run: Measurement, step: str) -> Measurement:
    """A step of a refresh as a measurement; memory is that of the whole."""
    part = run.reported[step]
    return Measurement(part["wall"], part["cpu"], run.peak_mb)


def simulate(folder: str, patients: int, facilities: int) -> Work:
    """A registry home with the exports in its inbox; bootstraps are left out."""
    from registry_pipeline.core.home import make_home
    from registry_pipeline.simulate.population.write import write_simulation

    def work() -> dict[str, Any]:
        home = make_home(Path(folder))
        lines = (
            "[study]\nbootstrap_replicates = 0\n[refresh]\nsettle_seconds = 0\nextract_date = 2023-06-30\n"
        )
        home.settings_file.write_text(lines, encoding="utf-8")
        return {"rows": write_simulation(patients, facilities, 1, Path(folder), ERROR_RATE).n_rows}

    return work


def refresh(folder: str) -> Work:
    """Every step of a refresh without Dagster, each with its seconds and CPU seconds."""
    from registry_pipeline.core.helper_process import keeping_helper
    from registry_pipeline.core.home import Home
    from registry_pipeline.pipeline import refresh as whole
    from registry_pipeline.pipeline import registry
    from registry_pipeline.pipeline import release as publication
    from registry_pipeline.pipeline.context import read_context
    from registry_pipeline.pipeline.screening import screen_together
    from registry_pipeline.pipeline.staging import stage_together

    home = Home(Path(folder))
    steps: list[tuple[str, Callable[[], object]]] = [("land", lambda: whole.take_in(home))]
    context = cache(lambda: read_context(home))  # after landing
    steps.append(("stage", lambda: stage_together(context(), home.facility_ids())))
    steps.append(("screen", lambda: screen_together(context(), home.facility_ids())))
    of_registry = {"curate": registry.curate, "mart": registry.build_mart, "judge": registry.judge,
                   "analyse": registry.analyse, "publish": publication.publish}  # fmt: skip
    steps += [(name, lambda step=step: step(context())) for name, step in of_registry.items()]

    def work() -> dict[str, Any]:
        times: dict[str, dict[str, float]] = {}
        with keeping_helper():  # as the command does; its CPU time counts when it has ended
            for name, step in steps:
                started, used = time.perf_counter(), cpu_seconds()
                step()
                times[name] = {"wall": time.perf_counter() - started, "cpu": cpu_seconds() - used}
        return times

    return work


def refresh_again(folder: str) -> Work:
    """A refresh by the function that the command uses, when nothing changed."""
    from registry_pipeline.core.home import Home
    from registry_pipeline.pipeline.refresh import refresh as run

    def work() -> dict[str, Any]:
        if run(Home(Path(folder))).is_new:
            raise AssertionError("a refresh with nothing new made a release")
        return {}

    return work
