"""Words of records stand where records may stand and nowhere else, after a refresh that fails in many ways."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

import duckdb
import pytest

from registry_pipeline.core.home import Home, make_home
from registry_pipeline.store.releases import current_release, release_folder
from tests.support import broken
from tests.support.canaries import CANARY, columns_read, files, holds, mapping, tagged_words
from tests.support.registry_home import QUICK_SETTINGS, ROOT, ask, let_analysts_in

pytestmark = pytest.mark.slow
FACILITY = "north"
MAY_HOLD = {
    "home/landing/*": "bytes as received, for the stewards' account alone (0700)",
    "home/store/raw/*": "working files: rows as read (0700)",
    "home/store/staged/*": "working files: typed rows (0700)",
    "home/store/screened/*": "working files: judged rows, findings (0700)",
    "home/store/curated/*": "working files: records (0700)",
    "home/store/quality/*": "working files: findings (0700)",
    "home/store/errors/*.txt": "details of bugs, which the message calls private (0600)",
    "home/releases/*/registry.duckdb": "the stewards' database (home 0700)",
    "out/findings.*": "a data manager's export of findings with their values, asked for",
    "out/queries_*.xlsx": "the questions to a facility with its own values, asked for",
    "out/trace.json": "a record's cells as received, asked for",
}
"""Files that may hold a word of a record, and why; all others may not."""


@dataclass(frozen=True)
class Searched:
    """A home after everything was tried: what was said, and the files with words in them."""

    home: Home
    root: Path
    codes: dict[str, int]
    said: str
    searched: list[str]
    holding: list[str]


def run(root: Path, *words: str, places: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.support.broken", *places, "--", "--home", str(root / "home"), *words],
        cwd=ROOT, capture_output=True, text=True, timeout=600, check=False,
        env={**os.environ, "TMPDIR": str(root / "temporary"), "COLUMNS": "250"},
    )  # fmt: skip


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Searched:
    """Files with seven sorts of mistake, bugs in five places, a blocked release; then what users ask for."""
    root = tmp_path_factory.mktemp("canaries")
    home = make_home(root / "home")
    for name in ("temporary", "out"):
        (root / name).mkdir()
    settings = QUICK_SETTINGS.format(refresh="") + "[limits]\nmax_cell_bytes = 1000\n"
    home.settings_file.write_text(settings, encoding="utf-8")
    let_analysts_in(home)
    (home.facilities / f"{FACILITY}.toml").write_text(f'id = "{FACILITY}"\n{mapping()}', encoding="utf-8")
    (home.inbox / FACILITY).mkdir()
    for name, content in files().items():
        (home.inbox / FACILITY / name).write_bytes(content)
    out = root / "out"
    runs = {
        "stage": run(root, "refresh", places=("stage",)),
        "screen": run(root, "refresh", places=("screen",)),
        "disk": run(root, "refresh", "--plain", places=("disk",)),
        "bugs in pages": run(root, "refresh", places=("page", "analyst")),
        "again": run(root, "refresh", "--force", "--plain"),
        "findings": run(root, "findings", "--format", "csv", "--out", str(out / "findings.csv")),
        "workbook": run(root, "queries", "export", "--facility", FACILITY, "--out", str(out)),
        "decide": run(
            root,
            "decide",
            "--rule",
            "S05",
            "--as",
            "waived",
            "--yes",
            "--reason",
            "seen",
            "--by",
            "A. Steward",
        ),
        "approve": run(root, "releases", "approve", "--by", "C. Keeper"),
        "backup": run(root, "backup", str(root / "backup")),
    }
    contact = ask(home, "SELECT followup_id FROM curated.followup ORDER BY 1 LIMIT 1").item()
    (out / "trace.json").write_text(
        run(root, "trace", "curated.followup", contact, "--json").stdout, encoding="utf-8"
    )
    home.settings_file.write_text(
        home.settings_file.read_text().replace("[analyst]", 'blocking_rules = ["S05"]\n[analyst]'),
        encoding="utf-8",
    )
    runs["blocked"] = run(root, "refresh", "--plain", "--force")
    every = [path for path in sorted(root.rglob("*")) if path.is_file() and not path.is_symlink()]
    names = [path.relative_to(root).as_posix() for path in every]
    holding = [name for path, name in zip(every, names, strict=True) if holds(path)]
    codes = {name: done.returncode for name, done in runs.items()}
    return Searched(
        home, root, codes, "".join(done.stdout + done.stderr for done in runs.values()), names, holding
    )


def test_the_refreshes_failed_as_they_should_and_ended_in_a_release(searched: Searched) -> None:
    failing = {"stage": 3, "screen": 3, "disk": 1, "blocked": 1}
    expected = {name: failing.get(name, 0) for name in searched.codes}
    assert searched.codes == expected, searched.said[-3000:]
    rules = set(ask(searched.home, "SELECT DISTINCT rule_id FROM quality.finding")["rule_id"])
    assert len(rules) > 10, "many sorts of findings"
    accepted = ask(searched.home, "SELECT count(*) FROM curated.followup").item()
    assert accepted > 10, "good records were accepted"


def test_nothing_that_was_said_holds_a_word(searched: Searched) -> None:
    assert CANARY.search(searched.said.encode()) is None, re.findall(
        rf".*{CANARY.pattern.decode()}.*", searched.said
    )[:5]


def test_no_file_holds_a_word_but_those_that_may(
    searched: Searched, record_property: pytest.RecordProperty
) -> None:
    def may_hold(name: str) -> bool:
        own = re.sub(r"^backup/[^/]+/", "home/", name)
        return own.startswith("home/inbox/") or any(fnmatch(own, pattern) for pattern in MAY_HOLD)

    record_property("words", len(tagged_words()))
    record_property("files searched", len(searched.searched))
    assert len(tagged_words()) > 25 and len(searched.searched) > 150
    assert [name for name in searched.holding if not may_hold(name)] == []
    kinds = ("home/dagster/*", "home/audit.jsonl", "home/releases/*/reports/*.html", "home/analysts/*.duckdb",
             "home/releases/*/analyst.duckdb", "home/store/*.json", "out/*.xlsx", "backup/*")  # fmt: skip
    for kind in kinds:
        assert any(fnmatch(name, kind) for name in searched.searched), kind


def test_every_word_came_to_rest_in_the_stewards_store(searched: Searched) -> None:
    """A word that was read nowhere could not be missed: each one is in a working file."""
    found: set[str] = set()
    for path in [*searched.home.store.rglob("*.parquet")]:
        rows = duckdb.execute(f"SELECT CAST(t AS VARCHAR) FROM (FROM '{path}') AS t").fetchall()
        found |= set(re.findall(CANARY.pattern.decode(), "\n".join(str(row) for (row,) in rows)))
    assert tagged_words() <= found, sorted(tagged_words() - found)
    assert sum(map(len, columns_read().values())) > 100


def test_every_permission_is_needed(searched: Searched) -> None:
    """A pattern that no file needs would hide one that should not hold a word."""
    unused = [pattern for pattern in MAY_HOLD if not any(fnmatch(name, pattern) for name in searched.holding)]
    assert unused == []


def test_details_of_bugs_lie_in_private_files(searched: Searched) -> None:
    details = list((searched.home.store / "errors").glob("*.txt"))
    assert len(details) >= 4 and all(path.stat().st_mode & 0o077 == 0 for path in details)
    assert sum(broken.CANARY in path.read_text(encoding="utf-8") for path in details) >= 4
    assert current_release(searched.home) is not None
    assert release_folder(searched.home, str(current_release(searched.home))).is_dir()
