"""``python -m tests.mutation``: the mutation score of ``schemas/`` and ``sql/rules/``.

Belongs here: the command. Does not belong here: what a mutant is (``mutants.py``), how it is judged
(``runner.py``), which mutants nothing can tell from the rule (``equivalents.py``).
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from collections import Counter
from itertools import groupby
from pathlib import Path

from tests.mutation.equivalents import split
from tests.mutation.mutants import Mutant, python_mutants, rules_by_function, sql_mutants
from tests.mutation.runner import Verdict, by_own_examples, by_wider_tests, copy_project, require_untouched

ROOT = Path(__file__).resolve().parents[2]
JUDGING = ("schemas/disease/expressions.py", "schemas/disease/therapy_expressions.py")
MODULES = (*JUDGING, "schemas/rules/temporal.py")


def all_mutants(part: str) -> list[Mutant]:
    """Every mutant of ``schemas`` or ``sql`` (``all``: both), in the order of files."""
    found: list[Mutant] = []
    if part in ("all", "schemas"):
        tables = sorted((ROOT / "schemas" / "curated").glob("*.py"))
        texts = {
            path: path.read_text(encoding="utf-8") for path in [*(ROOT / one for one in MODULES), *tables]
        }
        rules = rules_by_function([texts[ROOT / one] for one in JUDGING], [texts[path] for path in tables])
        for path, text in texts.items():
            found += python_mutants(str(path.relative_to(ROOT)), text, rules)
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
    parser.add_argument("--near", action="store_true", help="only the rules' own examples, no wider tests")
    given = parser.parse_args()
    mutants, equivalent, stale = split(all_mutants("all"), ROOT)
    chosen = [one for one in mutants if _is_wanted(one, given.part, given.only)]
    left_out = Counter(_part(one) for one in equivalent if _is_wanted(one, given.part, given.only))
    if given.sample and given.sample < len(chosen):
        picked = set(random.Random(20230206).sample(range(len(chosen)), given.sample))
        chosen = [one for at, one in enumerate(chosen) if at in picked]
    for entry in stale:
        print(f"names no mutant (equivalent.toml): {entry.file}: {entry.change} in {entry.line}")
    _tell_score(_judged(chosen, not given.near), left_out)
    return 0


def _judged(chosen: list[Mutant], is_wide: bool) -> Counter[tuple[str, str]]:
    """How many mutants of each part met which end; survivors are printed as they are found."""
    import duckdb  # noqa: F401  (libraries are imported once, the project in every child)
    import pandera.polars  # noqa: F401
    import pytest  # noqa: F401

    score: Counter[tuple[str, str]] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        copy_project(ROOT, copy)
        for file, group in groupby(chosen, lambda one: one.file):
            mutants = list(group)
            rules = tuple(sorted({rule for one in mutants for rule in one.rule_ids}))
            require_untouched(file, (ROOT / file).read_text(encoding="utf-8"), rules, copy)
            print(f"{file}: {len(mutants)} mutants", file=sys.stderr, flush=True)
            for mutant, near in zip(mutants, by_own_examples(mutants, copy), strict=True):
                verdict: Verdict = by_wider_tests(mutant, copy) if near == "survived" and is_wide else near
                score[_part(mutant), verdict] += 1
                if verdict != "killed":
                    told = (
                        f"{verdict}: {mutant.file}:{mutant.line} {' '.join(mutant.rule_ids)} {mutant.change}"
                    )
                    print(f"{told}\n    {_context(mutant)}", flush=True)
    return score


def _is_wanted(mutant: Mutant, part: str, only: str | None) -> bool:
    return part in ("all", _part(mutant)) and (not only or only in mutant.file)


def _part(mutant: Mutant) -> str:
    return mutant.file.split("/")[0]


def _context(mutant: Mutant) -> str:
    """The line as it stands in the project, with a mark before the place."""
    text = (ROOT / mutant.file).read_text(encoding="utf-8")
    first, last = text.rfind("\n", 0, mutant.start) + 1, text.find("\n", mutant.start)
    return (text[first : mutant.start] + "»" + text[mutant.start : last]).strip()


def _tell_score(score: Counter[tuple[str, str]], left_out: Counter[str]) -> None:
    for part in ("schemas", "sql"):
        n = sum(score[part, verdict] for verdict in ("killed", "survived", "timeout"))
        if n:
            print(
                f"{part}: {score[part, 'killed']} of {n} mutants killed ({score[part, 'killed'] / n:.1%}); "
                f"{left_out[part]} declared equivalent, {score[part, 'broken']} that are no rule any more, "
                f"{score[part, 'timeout']} timed out (counted as not killed)"
            )


if __name__ == "__main__":
    sys.exit(main())
