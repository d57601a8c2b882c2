"""``python -m tests.mutation``: the mutation score of ``schemas/`` and ``sql/rules/``.

Belongs here: the command. Does not belong here: what a mutant is (``mutants.py``), how it is judged
(``runner.py``).
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from collections import Counter
from pathlib import Path

from tests.mutation.mutants import Mutant, python_mutants, sql_mutants
from tests.mutation.runner import copy_project, is_killed

ROOT = Path(__file__).resolve().parents[2]
MODULES = ("schemas/judge.py", "schemas/temporal.py", "schemas/generic_rules.py", "schemas/key_rules.py")
WIDER = ["tests/unit/validation", "tests/parity", "tests/unit/intake/test_stage_columns.py"]


def all_mutants(part: str) -> list[Mutant]:
    """Every mutant of ``schemas`` or ``sql`` (``all``: both), in the order of files and lines."""
    found: list[Mutant] = []
    if part in ("all", "schemas"):
        modules = [ROOT / name for name in MODULES] + sorted((ROOT / "schemas" / "curated").glob("*.py"))
        for path in modules:
            found += python_mutants(str(path.relative_to(ROOT)), path.read_text(encoding="utf-8"))
    if part in ("all", "sql"):
        for path in sorted((ROOT / "sql" / "rules").glob("*.sql")):
            found += sql_mutants(str(path.relative_to(ROOT)), path.read_text(encoding="utf-8"))
    return found


def main() -> int:
    """Print the score and the survivors; exit code 0 always: survivors are read, not counted."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("part", nargs="?", default="all", choices=("all", "schemas", "sql"))
    parser.add_argument("--sample", type=int, help="only that many, drawn with a fixed seed")
    parser.add_argument("--only", help="only files whose name contains this")
    given = parser.parse_args()
    chosen = [one for one in all_mutants(given.part) if not given.only or given.only in one.file]
    if given.sample and given.sample < len(chosen):
        chosen = random.Random(20230206).sample(chosen, given.sample)
    score: Counter[tuple[str, bool]] = Counter()
    import duckdb  # noqa: F401

    with tempfile.TemporaryDirectory() as folder:
        copy_project(ROOT, Path(folder))
        for number, mutant in enumerate(chosen, 1):
            wider = WIDER if mutant.file.startswith("schemas/") else []
            killed = is_killed(mutant, Path(folder), wider)
            score[mutant.file.split("/")[0], killed] += 1
            if not killed:
                print(
                    f"survived: {mutant.file}:{mutant.line} {mutant.rule_id or ''} {mutant.change}",
                    flush=True,
                )
            if number % 25 == 0:
                print(f"{number} of {len(chosen)} ...", file=sys.stderr, flush=True)
    for part in ("schemas", "sql"):
        n = score[part, True] + score[part, False]
        if n:
            print(f"{part}: {score[part, True]} of {n} mutants killed ({score[part, True] / n:.1%})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
