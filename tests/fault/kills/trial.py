"""One trial: a command is killed, then what is left is looked at, the command and a refresh are run, and all is compared."""

from __future__ import annotations

import os
import pickle
import random
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from registry_pipeline.cli.context import run
from registry_pipeline.cli.main import registry
from registry_pipeline.core.home import Home
from registry_pipeline.store.integrity import damaged_files
from registry_pipeline.store.releases import current_release, release_ids
from tests.fault.kills.victims import VICTIMS, Place, Victim, leave_out_pages
from tests.support.forked import Command, count_changes, start
from tests.support.registry_home import assert_same_tables, tables

KILLS_OF_A_TRIAL = 6
ENDED = "ended before"
"""No kill: the command was quicker, or what was to be killed was not there."""
PATIENCE = 180.0
DEATH_SECONDS = 15.0
LAYERS = ("curated", "mart", "result", "quality")
TIMES = (
    "first_seen_release",
    "last_seen_release",
    "closed_release",
    "decided_at",
    "entry_hash",
    "release_id",
)
_IDS = re.compile(r"\d{4}-\d\d-\d\dT\d{6}Z-[0-9a-f]{6}")
_BACKUP = re.compile(r"registry-backup-\w+Z")
# A backup that was killed after its last file is whole, and in no audit log.
_UNSTEADY = ("/dagster/", "/.lock", "seen.json", "/dev.log", "audit.jsonl", "audit.head")


@dataclass(frozen=True)
class Undisturbed:
    """What a victim does when nobody disturbs it.

    Attributes:
        n_changes: of files.
        seconds: that it takes.
        shape: of the folder afterwards.
    """

    n_changes: int
    seconds: float
    shape: set[str]


def command(victim: Victim, arguments: list[str], home: Home) -> int:
    """A command in this process, without pages."""
    leave_out_pages(victim.has_estimates)
    own = [] if arguments[0] == "restore" else ["--home", str(home.root)]
    return run(registry, [*own, *arguments])


def undisturbed(name: str, template: Path, folder: Path) -> Undisturbed:
    """Run a victim and what follows it in a copy of the template; the tables are kept in a file beside it."""
    place, victim = copy_of(template, folder), VICTIMS[name]
    run_it = partial(command, victim, victim.arguments(place), place.home)
    measured = count_changes(run_it, folder / "out", folder)
    settle(victim, place)
    must_succeed(partial(keep_tables, victim.works_on(place), tables_file(folder)), folder / "out")
    return Undisturbed(*measured, shape(place))


def tables_file(folder: Path) -> Path:
    """Where the tables of an undisturbed run lie."""
    return folder / "tables.pickle"


def copy_of(template: Path, folder: Path) -> Place:
    """A copy of the template for one trial."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(template, folder, symlinks=True)
    return Place(folder)


def trial(
    name: str,
    expected: Undisturbed,
    tables_of: Path,
    place: Place,
    rng: random.Random,
    is_steady: bool = False,
) -> Iterator[str]:
    """Kill a victim again and again until it has had its effect; gives moment and outcome of each kill.

    Args:
        is_steady: kill before changes of files only, which does not depend on how busy the machine is.

    Raises:
        AssertionError: something was lost, left behind or hangs; says what.
    """
    victim = VICTIMS[name]
    for _ in range(KILLS_OF_A_TRIAL):
        has_helper = name.startswith("refresh") and not is_steady
        target = rng.choice(("group", "group", "leader", *(("child",) if has_helper else ())))
        is_at_change = is_steady or (target != "child" and rng.random() < 0.5)
        kill = _at_a_change if is_at_change else _at_a_moment
        moment, process = kill(victim, expected, place, target, rng)
        code = _end(process)
        assert process.is_group_gone(DEATH_SECONDS), "a process outlives the one that was killed"
        said = process.output.read_text()
        assert code in (-9, 0, 1) or (code, target) == (2, "child"), f"exit code {code}: {said}"
        assert "Traceback" not in said, said
        outcome = ENDED if code == 0 else look(victim, place)
        yield f"{target}, {moment}: {outcome}"
        if victim.is_done(place):
            break
    settle(victim, place)
    must_succeed(partial(compare_tables, victim.works_on(place), tables_of), place.folder / "out")
    left = shape(place) ^ expected.shape
    assert not left, f"other files than of the undisturbed run: {sorted(left)[:6]}"


def _at_a_change(
    victim: Victim, expected: Undisturbed, place: Place, target: str, rng: random.Random
) -> tuple[str, Command]:
    die_before = (rng.randrange(1, expected.n_changes + 1), target, place.folder)
    run_it = partial(command, victim, victim.arguments(place), place.home)
    return "before a change", start(run_it, place.folder / "out", die_before)


def _at_a_moment(
    victim: Victim, expected: Undisturbed, place: Place, target: str, rng: random.Random
) -> tuple[str, Command]:
    process = start(partial(command, victim, victim.arguments(place), place.home), place.folder / "out")
    share = rng.random()
    try:
        process.wait(share * expected.seconds)
    except TimeoutError:
        process.kill(target)
    return f"in its {('first', 'second', 'last')[int(3 * share)]} third", process


def _end(process: Command) -> int:
    try:
        return process.wait(PATIENCE)
    except TimeoutError:
        process.kill("group")
        raise AssertionError("hangs after a kill") from None


def look(victim: Victim, place: Place) -> str:
    """What a reader sees right after the kill: a whole release, whole ledgers."""
    home = place.home
    served = current_release(home)
    assert served is not None and served in release_ids(home), "no release is served"
    assert damaged_files(home, served) == [], "a damaged release is served"
    assert place.first in release_ids(home), "the first release is gone"
    return "the effect is there" if victim.is_done(place) else "no effect"


def settle(victim: Victim, place: Place) -> None:
    """The command again where it had no effect, and a refresh."""
    if not victim.is_done(place):
        must_succeed(partial(command, victim, victim.arguments(place), place.home), place.folder / "out")
    home = victim.works_on(place)
    must_succeed(partial(command, victim, ["refresh", "--plain"], home), place.folder / "out")
    assert damaged_files(home, current_release(home) or "") == []


def must_succeed(run_it: Callable[[], int], output: Path) -> None:
    """Run something in a process of its own.

    Raises:
        AssertionError: it fails; with what it said.
    """
    assert _end(start(run_it, output)) == 0, f"a command fails after a kill: {output.read_text()[-2000:]}"


def keep_tables(home: Home, path: Path) -> int:
    """Keep the tables of the served release in a file."""
    path.write_bytes(pickle.dumps(tables(home, LAYERS, leave_out=TIMES)))
    return 0


def compare_tables(home: Home, path: Path) -> int:
    """Compare the tables of the served release with those in a file."""
    assert_same_tables(tables(home, LAYERS, leave_out=TIMES), pickle.loads(path.read_bytes()))
    return 0


def shape(place: Place) -> set[str]:
    """The files of a trial's folder by name; releases by their number, and the newest backup."""
    names = {path.relative_to(place.folder).as_posix() for path in _files(place.folder)}
    steady = {name for name in names if "/" in name and not any(part in f"/{name}" for part in _UNSTEADY)}
    steady = _numbered(steady)
    ids = sorted({match for name in steady for match in _IDS.findall(name)})
    numbers = {identity: f"no. {number}" for number, identity in enumerate(ids)}
    return {_IDS.sub(lambda match: numbers[match[0]], _BACKUP.sub("backup", name)) for name in steady}


def _numbered(names: set[str]) -> set[str]:
    """Drawings are named by a hash of what they show, which may be the name of a release: they are counted."""
    drawings = sorted(name for name in names if "/drawings/" in name)
    return names - set(drawings) | {f"drawing no. {number}" for number in range(len(drawings))}


def _files(folder: Path) -> list[Path]:
    return [Path(top) / name for top, _, files in os.walk(folder) for name in files]
