"""``python -m tests.fault.bit_sweep``: the first bytes and random places of every kind of file in a home.

Prints a table of kinds and outcomes, and each failure with the number from which it is made again. Places are taken
kind by kind in turn, so that a run that is ended by ``--minutes`` has looked at all kinds alike.
"""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from functools import partial
from pathlib import Path

from registry_pipeline.core.home import Home
from tests.fault.bit_sweep.kinds import KINDS, files_of, prepare
from tests.fault.bit_sweep.trial import flip, judge, keep_tables
from tests.support.forked import Command, start

PATIENCE = 300.0


def main() -> int:
    """Exit code 1 where a trial failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.fault.bit_sweep", description=__doc__)
    parser.add_argument("--first", type=int, default=200, help="bytes from the beginning, each")
    parser.add_argument("--random", type=int, default=200, help="places anywhere")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=600)
    parser.add_argument("--only", default="", help="kinds whose name contains this")
    parser.add_argument(
        "--sample", type=int, help="so many trials of each kind, drawn from these places, in place of all"
    )
    given = parser.parse_args()
    until = time.monotonic() + 60 * given.minutes
    outcomes: Counter[tuple[str, str]] = Counter()
    with tempfile.TemporaryDirectory(prefix="bits-") as folder:
        template, expected = _prepared(Path(folder))
        for number, name in _trials(given):
            if time.monotonic() > until:
                break
            outcomes[name, _outcome(number, name, template, expected, given.first)] += 1
    for (name, outcome), n in sorted(outcomes.items()):
        print(f"{name:<26} {outcome:<60} {n:>6}")
    n_failed = sum(n for (_, outcome), n in outcomes.items() if outcome.startswith("FAILED"))
    print(f"{outcomes.total()} bits: {n_failed} failed")
    return bool(n_failed)


def _trials(given: argparse.Namespace) -> list[tuple[int, str]]:
    """Numbers below ``--first`` are the byte to change, the others are random places."""
    names = [name for name in KINDS if given.only in name]
    places = list(range(given.first + given.random))
    if given.sample is not None or given.minutes < 600:
        random.Random(given.seed).shuffle(places)
    return [(number, name) for number in places[: given.sample] for name in names]


def _prepared(folder: Path) -> tuple[Home, Path]:
    template, undisturbed = Home(folder / "template"), Home(folder / "undisturbed")
    expected = folder / "expected.pickle"
    _must_succeed(start(partial(prepare, template.root), folder / "out"), folder / "out")
    shutil.copytree(template.root, undisturbed.root, symlinks=True)
    _must_succeed(start(partial(keep_tables, undisturbed, expected), folder / "out"), folder / "out")
    return template, expected


def _must_succeed(process: Command, output: Path) -> None:
    if process.wait(PATIENCE) != 0:
        raise RuntimeError(output.read_text())


def _outcome(number: int, name: str, template: Home, expected: Path, n_first: int) -> str:
    """Flip the bit of a number in a copy, judge it in a process of its own."""
    rng, folder = random.Random(f"{name} {number}"), template.root.parent
    home = Home(folder / "trial")
    shutil.rmtree(home.root, ignore_errors=True)
    shutil.copytree(template.root, home.root, symlinks=True)
    kind = KINDS[name]
    path = rng.choice(files_of(home, kind))
    size = path.stat().st_size
    at, bit = number % size if number < n_first else rng.randrange(size), rng.randrange(8)
    flip(path, at, bit)
    outcome, output = folder / "outcome", folder / "out"
    outcome.unlink(missing_ok=True)
    process = start(partial(judge, home, kind, expected, outcome), output)
    try:
        code = process.wait(PATIENCE)
    except TimeoutError:
        process.kill("group")
        code = -1
    if code == 0 and outcome.is_file():
        return outcome.read_text()
    lines = output.read_text().strip().splitlines() or [f"exit {code}"]
    where = f"{path.relative_to(home.root)}, byte {at}, bit {bit}"
    print(f"{number} {name} ({where}): " + "\n".join(lines[-12:]), flush=True)
    return f"FAILED: {lines[-1][:90]}"


if __name__ == "__main__":
    sys.exit(main())
