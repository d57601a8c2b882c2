"""``python -m tests.fault.kills --count N``: commands killed at random moments and before random changes of files.

Prints a table of victims, moments and outcomes, and each failure with the number from which it is made again
(``--seed NUMBER --count 1``, with the same ``--only``).
"""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tests.fault.kills.service import service_trial, undisturbed_service
from tests.fault.kills.trial import ENDED, Undisturbed, copy_of, must_succeed, tables_file, trial, undisturbed
from tests.fault.kills.victims import VICTIMS, Place, prepare


def main() -> int:
    """Exit code 1 where a trial failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.fault.kills", description=__doc__)
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1, help="number of the first trial")
    parser.add_argument("--only", choices=sorted(VICTIMS), action="append", help="this victim; repeatable")
    parser.add_argument("--services", type=int, default=20, help="so many trials of registry dev besides")
    parser.add_argument("--steady", action="store_true", help="kill before changes of files only")
    parser.add_argument("--minutes", type=float, default=600, help="no further trial after so many")
    given = parser.parse_args()
    until = time.monotonic() + 60 * given.minutes
    names = given.only or list(VICTIMS)
    outcomes: Counter[tuple[str, str]] = Counter()
    with tempfile.TemporaryDirectory(prefix="kills-") as folder:
        template, runs = _prepared(Path(folder)), {}
        number = given.seed
        while _n_kills(outcomes) < given.count and time.monotonic() < until:
            rng = random.Random(number)
            name = rng.choices(names, [VICTIMS[name].weight for name in names])[0]
            if name not in runs:
                runs[name] = undisturbed(name, template, Path(folder) / name.replace(" ", "_"))
            for outcome in _outcomes(number, name, runs[name], template, Path(folder), rng, given.steady):
                outcomes[name, outcome] += 1
                print(f"{number} {name}: {outcome}", flush=True)
            number += 1
        services = _service_outcomes(given, template, Path(folder)) if given.services else ()
        for outcome in services:
            outcomes["registry dev", outcome] += 1
    for (name, outcome), n in sorted(outcomes.items()):
        print(f"{name:<20} {outcome:<60} {n:>5}")
    n_failed = sum(n for (_, outcome), n in outcomes.items() if outcome.startswith("FAILED"))
    print(f"{_n_kills(outcomes)} kills in trials {given.seed} to {number - 1}: {n_failed} trials failed")
    return bool(n_failed)


def _n_kills(outcomes: Counter[tuple[str, str]]) -> int:
    """How many processes were killed while they ran."""
    is_none = ("FAILED", ENDED)
    return sum(n for (_, outcome), n in outcomes.items() if not any(word in outcome for word in is_none))


def _prepared(folder: Path) -> Path:
    template = folder / "template"
    template.mkdir()
    must_succeed(lambda: prepare(Place(template)) or 0, folder / "out")
    return template


def _outcomes(
    number: int,
    name: str,
    expected: Undisturbed,
    template: Path,
    folder: Path,
    rng: random.Random,
    is_steady: bool,
) -> Iterator[str]:
    place = copy_of(template, folder / "trial")
    begin = time.monotonic()
    try:
        yield from trial(name, expected, tables_file(folder / name.replace(" ", "_")), place, rng, is_steady)
    except AssertionError as problem:
        print(f"{number} {name} after {time.monotonic() - begin:.0f} s: {problem}", flush=True)
        yield f"FAILED: {str(problem).splitlines()[0][:60]}"
    finally:
        shutil.rmtree(place.folder, ignore_errors=True)


def _service_outcomes(given: argparse.Namespace, template: Path, folder: Path) -> Iterator[str]:
    expected = undisturbed_service(template, folder / "service")
    for number in range(given.seed, given.seed + given.services):
        place = copy_of(template, folder / "trial")
        try:
            yield from service_trial(
                expected, tables_file(folder / "service"), place, random.Random(f"service {number}")
            )
        except AssertionError as problem:
            print(f"{number} registry dev: {problem}", flush=True)
            yield f"FAILED: {str(problem).splitlines()[0][:60]}"
        finally:
            shutil.rmtree(place.folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
