"""A refresh from raw CSV to a sealed release, against read_csv → Parquet → table of the same bytes.

Belongs here: the simulated exports, the refresh step by step, the floor.
Does not belong here: the steps (``registry_pipeline/steps``), the exports (``registry_pipeline/simulate``).

The floor reads every cell as text and judges nothing: it is what moving the bytes alone costs.
"""

import shutil
import tempfile
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from benchmarks.job import Work, cpu_seconds
from benchmarks.measuring import Figure, Measurement, alternate, figure, run_job

TARGET, MOST_MB = 6.0, 2048.0
ERROR_RATE = 0.01


def benchmark(out: Path, patients: int = 100_000, facilities: int = 1, repeats: int = 3) -> list[Figure]:
    """The refresh of everything, and one of nothing new."""
    with tempfile.TemporaryDirectory(dir=out) as folder:
        sent = Path(folder) / "sent"
        run_job("refreshing.simulate", out, folder=str(sent), patients=patients, facilities=facilities)

        def ours() -> Measurement:
            home = Path(folder) / "home"
            shutil.rmtree(home, ignore_errors=True)
            shutil.copytree(sent, home)
            return run_job("refreshing.refresh", out, folder=str(home))

        def floor() -> Measurement:
            target = Path(folder) / "floor"
            shutil.rmtree(target, ignore_errors=True)
            target.mkdir()
            return run_job("refreshing.copy_bytes", out, inbox=str(sent / "inbox"), target=str(target))

        taken, copied = alternate(ours, floor, repeats)
        again = run_job("refreshing.refresh_again", out, folder=str(Path(folder) / "home"))
    name = f"raw CSV to release, {patients:,} patients"
    return [
        figure(name, taken, copied, TARGET, most_mb=MOST_MB),
        figure("refresh with nothing new", [again], target=3.0),
    ]


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
    from registry_pipeline.pipeline.judging import screen_together, stage_together

    home = Home(Path(folder))
    steps: list[tuple[str, Callable[[], object]]] = [("land", lambda: whole.take_in(home))]
    context = cache(lambda: read_context(home))  # after landing
    steps.append(("stage", lambda: stage_together(context(), home.facility_ids())))
    steps.append(("screen", lambda: screen_together(context(), home.facility_ids())))
    made = {"curate": registry.curate, "mart": registry.build_mart, "judge": registry.judge,
            "analyse": registry.analyse, "publish": publication.publish}  # fmt: skip
    steps += [(name, lambda step=step: step(context())) for name, step in made.items()]

    def work() -> dict[str, Any]:
        told: dict[str, dict[str, float]] = {}
        with keeping_helper():  # as the command does; its CPU time counts when it has ended
            for name, step in steps:
                part = told.setdefault(name, {"wall": 0.0, "cpu": 0.0})
                started, used = time.perf_counter(), cpu_seconds()
                step()
                part["wall"] += time.perf_counter() - started
                part["cpu"] += cpu_seconds() - used
        return told

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


def copy_bytes(inbox: str, target: str) -> Work:
    """Every file to Parquet as text, every Parquet file to a table of one database."""
    import duckdb

    files = sorted(path for path in Path(inbox).glob("*/*.csv") if path.stat().st_size)

    def work() -> dict[str, Any]:
        with duckdb.connect(f"{target}/floor.duckdb", config={"memory_limit": "1500MB"}) as connection:
            for number, path in enumerate(files):
                parquet = f"{target}/{number}.parquet"
                read = f"read_csv('{path}', all_varchar = true, ignore_errors = true)"
                connection.execute(f"COPY (SELECT * FROM {read}) TO '{parquet}' (FORMAT parquet)")
                connection.execute(f"CREATE TABLE t{number} AS SELECT * FROM read_parquet('{parquet}')")
            connection.execute("CHECKPOINT")
        return {"bytes": sum(path.stat().st_size for path in files)}

    return work
