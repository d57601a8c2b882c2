"""One trial: a bit is turned over, then ``status --verify``, ``refresh`` and a query are run, and all is compared."""

from __future__ import annotations

import pickle
from pathlib import Path

import duckdb

from registry_pipeline.core import helper_process
from registry_pipeline.core.home import Home
from registry_pipeline.operations.verify import OF_HISTORY
from registry_pipeline.pipeline import release as publication
from registry_pipeline.store.integrity import damaged_files
from registry_pipeline.store.releases import DATABASE, current_release, release_ids
from tests.fault.bit_sweep.kinds import Kind, write_small_pages
from tests.support.registry_home import assert_same_tables, command, tables

LAYERS = ("curated", "mart", "result", "quality")
TIMES = (
    "first_seen_release", "last_seen_release", "closed_release", "release_id", "decided_at", "entry_hash",
)  # fmt: skip


def flip(path: Path, at: int, bit: int) -> None:
    """Turn one bit of a file over, whatever its mode."""
    mode, content = path.stat().st_mode, bytearray(path.read_bytes())
    content[at] ^= 1 << bit
    path.unlink()
    path.write_bytes(content)
    path.chmod(mode)


def keep_tables(home: Home, path: Path) -> int:
    """The tables that a refresh gives which nothing disturbs."""
    publication.write_reports = write_small_pages
    code, said = command(home, "refresh", "--plain")
    assert code == 0, said
    path.write_bytes(pickle.dumps((tables(home, LAYERS, leave_out=TIMES), _hashes(home))))
    return 0


def judge(home: Home, kind: Kind, expected: Path, outcome: Path) -> int:
    """What becomes of a home in which a bit was turned over, in a word."""
    publication.write_reports = write_small_pages
    # a second process takes longer to start than it saves on so small a home
    helper_process.has_second_core = lambda: False
    before = release_ids(home)
    told = _run(home, "status", "--verify")[0]
    refreshed, said = _run(home, "refresh", *([] if kind.by_dagster else ["--plain"]))
    asked, answer = _run(home, "sql", "SELECT count(*) FROM curated.patient")
    served = current_release(home)
    if served is not None:
        is_told = (
            kind.is_configuration and refreshed == 2
        )  # no command runs with settings that cannot be read
        assert asked == 0 or is_told, f"the release that is served cannot be asked: {answer}"
        assert damaged_files(home, served, only=DATABASE) == [], "a damaged release is served"
    outcome.write_text(_word(home, kind, expected, before, refreshed, said, told))
    return 0


def _word(
    home: Home, kind: Kind, expected: Path, before: list[str], refreshed: int, said: str, told: int
) -> str:
    served = current_release(home)
    if refreshed:
        assert served in before, "no earlier release is served"
        return "a line, the old release"
    undisturbed, hashes = pickle.loads(expected.read_bytes())
    refreshed_tables = tables(home, LAYERS, leave_out=TIMES)
    try:
        assert_same_tables(refreshed_tables, undisturbed)
    except AssertionError as difference:
        if kind.is_configuration and _hashes(home) != hashes:
            return "another configuration, by its hash"
        if f"compared with no release, for {before[0]} is damaged" not in said:
            raise AssertionError(f"other numbers and no word: {difference}; {said}") from None
        steady = {name for name in undisturbed if name not in OF_HISTORY}
        assert_same_tables(
            *({name: group[name] for name in steady} for group in (refreshed_tables, undisturbed))
        )
        return "a line, equal but for the comparison with what is damaged"
    return "told by --verify, equal" if told else "equal"


def _hashes(home: Home) -> list[object]:
    with duckdb.connect(str(home.current / DATABASE), read_only=True) as connection:
        return connection.execute("SELECT parameter_hash, input_hash FROM meta.release").fetchall()


def _run(home: Home, *arguments: str) -> tuple[int, str]:
    """Exit code and output.

    Raises:
        AssertionError: a bug, a traceback, or a failure that is not told in a line.
    """
    code, said = command(home, *arguments)
    assert code in (0, 1, 2), f"{arguments[0]}: exit {code}: {said}"
    assert "Traceback" not in said, said
    lines = [line for line in said.splitlines() if line.startswith("registry: ")]
    assert code == 0 or len(lines) == 1, f"{arguments[0]}: exit {code} without a line: {said}"
    return code, said
