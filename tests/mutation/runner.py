"""Running the tests of a rule against a mutant of it.

Belongs here: the copy of the project that is changed, the tests that judge a mutant, forked children.
Does not belong here: making mutants (``mutants.py``).
"""

from __future__ import annotations

import os
import shutil
import sys
import time
from pathlib import Path

from tests.mutation.mutants import Mutant

PARTS = ("schemas", "sql", "registry_pipeline", "tests", "pyproject.toml", "docs")
_TIMEOUT_S = 120.0


def copy_project(root: Path, to: Path) -> None:
    """A copy of everything the tests of rules need; mutants are written there, never into the project."""
    for part in PARTS:
        source = root / part
        if source.is_dir():
            shutil.copytree(source, to / part, ignore=shutil.ignore_patterns("__pycache__", ".hypothesis"))
        else:
            shutil.copy(source, to / part)


def stages_of(mutant: Mutant, changed: list[str]) -> list[list[str]]:
    """pytest arguments in the order in which they are tried: a rule's own examples, then all tests of rules."""
    sql = ["tests/sql/test_rules_sql.py", "tests/sql/test_registry_rules.py"]
    within = ["tests/unit/validation/test_table_rules.py", "tests/unit/validation/test_generic_examples.py"]
    files = sql if mutant.file.startswith("sql/") else within
    near = [*files, "-k", mutant.rule_id] if mutant.rule_id else files
    return [near, changed]


def is_killed(mutant: Mutant, copy: Path, wider: list[str]) -> bool:
    """Whether some test fails with the mutant in place; the original text is put back."""
    target = copy / mutant.file
    original = target.read_text(encoding="utf-8")
    target.write_text(mutant.text, encoding="utf-8")
    try:
        return any(_fails(copy, arguments) for arguments in stages_of(mutant, wider) if arguments)
    finally:
        target.write_text(original, encoding="utf-8")


def _fails(copy: Path, arguments: list[str]) -> bool:
    """Whether pytest fails; run in a fork, so that the libraries are imported once for all mutants."""
    child = os.fork()
    if child == 0:
        os._exit(_run_tests(copy, arguments))
    deadline = time.monotonic() + _TIMEOUT_S
    while time.monotonic() < deadline:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status) not in (0, 5)  # 5: no test was selected
        time.sleep(0.02)
    os.kill(child, 9)
    os.waitpid(child, 0)
    return True


def _run_tests(copy: Path, arguments: list[str]) -> int:
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)
    os.chdir(copy)
    sys.path.insert(0, str(copy))
    sys.dont_write_bytecode = True
    for name in [
        one for one in sys.modules if one.split(".")[0] in ("tests", "schemas", "registry_pipeline")
    ]:
        del sys.modules[name]
    import pytest

    options = ["-q", "-x", "-n", "0", "-p", "no:cacheprovider", "--no-header", f"--rootdir={copy}"]
    return int(pytest.main([*options, *arguments]))
