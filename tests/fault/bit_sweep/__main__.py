"""``python -m tests.fault.bit_sweep``: the first bytes and random places of every kind of file in a home.

Every flip is read by the registry's own readers; one flip of each reading, and some more for control, are tried with the
commands (``status --verify``, ``refresh``, ``sql``), and their outcome is that of all of the reading. Prints a line for
each trial, a table of kinds and outcomes, and each failure with the number from which it is made again. Kinds are tried
in turn, so that a run that is ended by ``--minutes`` has looked at all kinds alike.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import zip_longest
from pathlib import Path

from registry_pipeline.core.home import Home
from tests.fault.bit_sweep.kinds import KINDS, files_of, prepare
from tests.fault.bit_sweep.readings import reading_of
from tests.fault.bit_sweep.trial import flip, judge, keep_tables
from tests.support.forked import Command, start

PATIENCE = 300.0
UNTRIED = "not tried: no time, or too many readings"


@dataclass(frozen=True)
class Flip:
    """A bit that is turned over.

    Attributes:
        number: from which it is drawn.
        path: of the file within the home.
        at: which byte.
        bit: which bit of it.
    """

    number: int
    path: str
    at: int
    bit: int


@dataclass
class Group:
    """Flips of one file of which the readers say the same.

    Attributes:
        kind: name of the kind.
        flips: in the order of their numbers.
        n_tried: how many were tried with the commands.
        outcome: of the first one.
    """

    kind: str
    flips: list[Flip] = field(default_factory=list)
    n_tried: int = 0
    outcome: str = UNTRIED


def main() -> int:
    """Exit code 1 where a trial failed."""
    given = _arguments()
    until = time.monotonic() + 60 * given.minutes
    with tempfile.TemporaryDirectory(prefix="bits-") as folder:
        template, expected = _prepared(Path(folder))
        groups = [group for name in KINDS if given.only in name for group in _groups(name, template, given)]
        failures: Counter[tuple[str, str]] = Counter()
        for group, number in _in_turn(groups, given):
            if time.monotonic() > until:
                break
            outcome = _outcome(group.flips[number], group.kind, template, expected)
            group.n_tried += 1
            print(
                f"{group.kind} {group.flips[number].number} of {len(group.flips)} alike: {outcome}",
                flush=True,
            )
            if group.outcome == UNTRIED:
                group.outcome = outcome
            elif outcome != group.outcome:
                failures[group.kind, f"FAILED: {outcome}, where its reading gave {group.outcome}"] += 1
    return _print_table(groups, failures)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fault.bit_sweep", description=__doc__)
    parser.add_argument("--first", type=int, default=200, help="bytes from the beginning, each")
    parser.add_argument("--random", type=int, default=200, help="places anywhere")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=600, help="no further trial after so many")
    parser.add_argument("--only", default="", help="kinds whose name contains this")
    parser.add_argument(
        "--sample", type=int, help="so many places of each kind, drawn from these, in place of all"
    )
    parser.add_argument("--most", type=int, default=200, help="readings of a kind that are tried")
    parser.add_argument(
        "--control", type=int, default=3, help="flips of a kind that are tried though their reading was"
    )
    return parser.parse_args()


def _print_table(groups: list[Group], failures: Counter[tuple[str, str]]) -> int:
    table: defaultdict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
    for group in groups:
        row = table[group.kind, group.outcome]
        row[0] += len(group.flips)
        row[1] += group.n_tried
    for (name, outcome), n in failures.items():
        table[name, outcome][0] += n
    print(f"{'kind':<26} {'outcome':<60} {'bits':>6} {'tried':>6}")
    for (name, outcome), (n_bits, n_tried) in sorted(table.items()):
        print(f"{name:<26} {outcome:<60} {n_bits:>6} {n_tried:>6}")
    n_failed = sum(n for (_, outcome), (n, _) in table.items() if outcome.startswith("FAILED"))
    n_untried = sum(n for (_, outcome), (n, _) in table.items() if outcome == UNTRIED)
    n_bits = sum(len(group.flips) for group in groups)
    print(f"{n_bits} bits, {sum(group.n_tried for group in groups)} of them with the commands: "
          f"{n_failed} failed, {n_untried} not tried")  # fmt: skip
    return bool(n_failed)


def _in_turn(groups: list[Group], given: argparse.Namespace) -> Iterator[tuple[Group, int]]:
    """What is tried: of every kind the first flip of each reading and then some others, kind by kind in turn."""
    by_kind: defaultdict[str, list[tuple[Group, int]]] = defaultdict(list)
    for group in groups:
        by_kind[group.kind].append((group, 0))
    for name, trials in by_kind.items():
        rng = random.Random(f"{name} {given.seed}")
        trials.sort(key=lambda trial: -len(trial[0].flips))  # what stands for most flips first
        del trials[given.most :]
        others = [(group, number) for group, _ in trials for number in range(1, len(group.flips))]
        trials += rng.sample(others, min(given.control, len(others)))
    for turn in zip_longest(*by_kind.values()):
        yield from (trial for trial in turn if trial is not None)


def _groups(name: str, template: Home, given: argparse.Namespace) -> list[Group]:
    """The flips of a kind by file and reading; read in a process of its own, on a copy of the home."""
    flips = [_flip(name, number, template, given.first) for number in _numbers(given)]
    folder = template.root.parent
    home = Home(folder / "read")
    shutil.rmtree(home.root, ignore_errors=True)
    shutil.copytree(template.root, home.root, symlinks=True)
    _must_succeed(
        start(partial(_read, home, name, flips, folder / "readings"), folder / "out"), folder / "out"
    )
    groups: dict[tuple[str, str], Group] = {}
    for flipped, reading in zip(flips, json.loads((folder / "readings").read_text()), strict=True):
        groups.setdefault((flipped.path, reading), Group(name)).flips.append(flipped)
    print(f"{name}: {len(flips)} bits, {len(groups)} readings", flush=True)
    return list(groups.values())


def _numbers(given: argparse.Namespace) -> list[int]:
    """Numbers below ``--first`` are the byte to change, the others are random places."""
    numbers = list(range(given.first + given.random))
    if given.sample is not None:
        random.Random(given.seed).shuffle(numbers)
    return numbers[: given.sample]


def _flip(name: str, number: int, template: Home, n_first: int) -> Flip:
    rng = random.Random(f"{name} {number}")
    path = rng.choice(files_of(template, KINDS[name]))
    size = path.stat().st_size
    at = number % size if number < n_first else rng.randrange(size)
    return Flip(number, path.relative_to(template.root).as_posix(), at, rng.randrange(8))


def _read(home: Home, name: str, flips: list[Flip], answer: Path) -> int:
    """What the readers say of each flip; every one is turned back."""
    said = []
    for flipped in flips:
        path = home.root / flipped.path
        content, mode = path.read_bytes(), path.stat().st_mode
        flip(path, flipped.at, flipped.bit)
        said.append(reading_of(KINDS[name].reading, home, path))
        path.unlink()
        path.write_bytes(content)
        path.chmod(mode)
    answer.write_text(json.dumps(said))
    return 0


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


def _outcome(flipped: Flip, name: str, template: Home, expected: Path) -> str:
    """Flip a bit in a copy, judge it in a process of its own."""
    folder = template.root.parent
    home = Home(folder / "trial")
    shutil.rmtree(home.root, ignore_errors=True)
    shutil.copytree(template.root, home.root, symlinks=True)
    flip(home.root / flipped.path, flipped.at, flipped.bit)
    outcome, output = folder / "outcome", folder / "out"
    outcome.unlink(missing_ok=True)
    process = start(partial(judge, home, KINDS[name], expected, outcome), output)
    try:
        code = process.wait(PATIENCE)
    except TimeoutError:
        process.kill("group")
        code = -1
    if code == 0 and outcome.is_file():
        return outcome.read_text()
    lines = output.read_text().strip().splitlines() or [f"exit {code}"]
    where = f"{flipped.path}, byte {flipped.at}, bit {flipped.bit}"
    print(f"{flipped.number} {name} ({where}): " + "\n".join(lines[-12:]), flush=True)
    return f"FAILED: {lines[-1][:90]}"


if __name__ == "__main__":
    sys.exit(main())
