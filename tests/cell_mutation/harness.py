"""Rounds of changes: an export as it is, and with some cells changed, judged side by side.

Belongs here: the order of the work. Does not belong here: the changes, the verdicts.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from registry_pipeline.core.home import Home
from tests.cell_mutation.exports import DemoExport, Export, SimulatedExport, mutate_export
from tests.cell_mutation.mapped import mapped
from tests.cell_mutation.mutations import Mutation
from tests.cell_mutation.verdict import judge, verdict

KEY = "ab" * 32
PER_ROUND = 60


def run(folder: Path, changes: int, seed: int, per_round: int = PER_ROUND) -> Iterator[tuple[Mutation, str]]:
    """Each change and what became of it; the demonstration's hospital and simulated facilities take turns."""
    rng = random.Random(seed)
    makers: list[Callable[[], Export]] = [DemoExport, *(_simulated(folder, number) for number in (1, 2, 3))]
    baselines: dict[int, Any] = {}
    n = 0
    for round_no in range(changes):
        place = round_no % len(makers)
        if place not in baselines:
            export = makers[place]()
            home = _keyed(export.write(folder / f"before-{place}"))
            baselines[place] = (
                judge(home, export.facility_id),
                mapped(home.facilities / f"{export.facility_id}.toml"),
            )
        before, mapping = baselines[place]
        export = makers[place]()
        mutations = mutate_export(export, rng, min(per_round, changes - n))
        root = folder / f"after-{round_no}"
        after = judge(_keyed(export.write(root)), export.facility_id)
        for mutation in mutations:
            yield mutation, verdict(mutation, before, after, mapping)
        shutil.rmtree(root)
        n += len(mutations)
        if n >= changes:
            return


def _simulated(folder: Path, number: int) -> Callable[[], Export]:
    return lambda: SimulatedExport(folder / f"exports-{number}", number)


def _keyed(home: Home) -> Home:
    home.key_file.write_text(KEY, encoding="utf-8")
    home.write_key_check()
    return home
