"""Running the tests of a rule against mutants of it.

Belongs here: forked children (in which alone anything of the project is imported), the rule's own examples, the
copy of the project in which wider tests run. Does not belong here: making mutants (``mutants.py``).

The parent imports libraries only and runs nothing: a fork of a process in which polars has started its threads
would hang.
"""

from __future__ import annotations

import os
import pickle
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

from tests.mutation.mutants import Mutant

Verdict = Literal["killed", "survived", "broken", "timeout"]
"""``broken``: the change is no rule any more (it does not parse, bind or import) and counts as nothing."""
PARTS = ("schemas", "sql", "registry_pipeline", "tests", "pyproject.toml", "docs")
_TIMEOUT_S = 300.0
_OURS = ("tests", "schemas", "registry_pipeline")


def copy_project(root: Path, to: Path) -> None:
    """A copy of everything the tests of rules need; mutants are written there, never into the project."""
    for part in PARTS:
        source = root / part
        if source.is_dir():
            shutil.copytree(source, to / part, ignore=shutil.ignore_patterns("__pycache__", ".hypothesis"))
        else:
            shutil.copy(source, to / part)


def by_own_examples(mutants: Sequence[Mutant], copy: Path) -> list[Verdict]:
    """What the rules' own examples say of mutants of one file.

    Mutants of SQL are judged in one child, those of a module in a child each, since it has to be imported anew.
    """
    if mutants[0].file.endswith(".sql"):
        found = _in_child(lambda: [_sql_verdict(one) for one in mutants], copy)
        return found if isinstance(found, list) else [found] * len(mutants)
    return [_with_text(one, copy, lambda one=one: _module_verdict(one)) for one in mutants]  # type: ignore[misc]


def require_untouched(file: str, text: str, rule_ids: tuple[str, ...], copy: Path) -> None:
    """The examples pass on the file as it stands: else every mutant would look killed.

    Raises:
        SystemExit: they do not.
    """
    whole = Mutant(file, 0, 1, "nothing changed", rule_ids, text)
    if by_own_examples([whole], copy) != ["survived"]:
        raise SystemExit(f"{file}: its own examples fail without any change")


def by_wider_tests(mutant: Mutant, copy: Path) -> Verdict:
    """What tests beyond the examples say of a mutant: brute force over dates, second formulations, staging."""
    wanted = " or ".join(mutant.rule_ids)
    if mutant.file.endswith(".sql"):
        runs = [["tests/parity/test_partial_dates.py", "-k", wanted]]
    else:
        selected = ["-k", wanted] if wanted else []
        runs = [["tests/parity", *selected], ["tests/unit/validation"]]
    verdicts = (_with_text(mutant, copy, lambda run=run: _pytest_verdict(run)) for run in runs)  # type: ignore[misc]
    return next((one for one in verdicts if one != "survived"), "survived")


def _with_text(mutant: Mutant, copy: Path, judge: Callable[[], Verdict]) -> Verdict:
    """A verdict with the mutant written into the copy; the original text is put back."""
    target = copy / mutant.file
    original = target.read_text(encoding="utf-8")
    target.write_text(mutant.text, encoding="utf-8")
    try:
        found: Verdict = _in_child(judge, copy)
        return found
    finally:
        target.write_text(original, encoding="utf-8")


def _in_child(work: Callable[[], Any], copy: Path) -> Any:
    """What ``work`` returns in a fork that imports the project from ``copy``; "timeout" or, after a crash, "killed"."""
    told, tell = os.pipe()
    child = os.fork()
    if child == 0:
        _live_in(copy)
        with os.fdopen(tell, "wb") as pipe:
            pickle.dump(work(), pipe)
        os._exit(0)
    os.close(tell)
    deadline = time.monotonic() + _TIMEOUT_S
    while not os.waitpid(child, os.WNOHANG)[0]:
        if time.monotonic() > deadline:
            os.kill(child, 9)
            os.waitpid(child, 0)
            return "timeout"
        time.sleep(0.01)
    with os.fdopen(told, "rb") as pipe:
        said = pipe.read()
    return pickle.loads(said) if said else "killed"


def _live_in(copy: Path) -> None:
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)
    os.chdir(copy)
    sys.path.insert(0, str(copy))
    sys.dont_write_bytecode = True
    for name in [one for one in sys.modules if one.split(".")[0] in _OURS and "mutation" not in one]:
        del sys.modules[name]


def _sql_verdict(mutant: Mutant) -> Verdict:
    """All examples of the rule with its query replaced."""
    import duckdb

    from registry_pipeline.core.sql_files import SqlFile
    from tests.sql import test_registry_rules, test_rules_sql

    (name,) = mutant.rule_ids
    module: ModuleType = test_rules_sql if name in test_rules_sql.RULES else test_registry_rules
    entry = module.RULES[name]
    assert isinstance(entry.judged_by, SqlFile)
    query = mutant.text[mutant.text.index("*/") + 2 :].strip().rstrip(";")
    module.RULES[name] = replace(entry, judged_by=replace(entry.judged_by, query=query))
    fixture = module.empty if module is test_rules_sql else module.registry
    opened = fixture.__wrapped__()
    try:
        connection = next(opened)
        run = module._judged if module is test_rules_sql else module._run
        try:
            run(connection, name, {})
        except (duckdb.ParserException, duckdb.BinderException):
            return "broken"
        for case in [one for one in module.CASES if one[0] == name]:
            module.test_examples(connection, *case)
    except Exception:
        return "killed"
    finally:
        module.RULES[name] = entry
        opened.close()
    return "survived"


def _module_verdict(mutant: Mutant) -> Verdict:
    """All examples of the rules that rest on a mutated module, and the rules' second formulations."""
    try:
        import schemas

        schemas.tables()
    except Exception:
        return "broken"
    return "killed" if any(_raises(check) for check in _checks(mutant.rule_ids)) else "survived"


def _checks(rule_ids: tuple[str, ...]) -> list[Callable[[], None]]:
    """What the tests of rules within a table say of some rules; of none in particular: every rule's examples."""
    from tests.parity import test_rule_twins as twins
    from tests.unit.validation import test_table_rules as within

    chosen = [(name, rule) for name, rule in within.RULES if not rule_ids or rule.rule_id in rule_ids]
    checks = [partial(within.test_examples, name, rule) for name, rule in chosen]
    told = [one for one in within.ADVICE if one[0] in rule_ids]
    limits = [one for one in within.LIMITS if one[0] in rule_ids]
    return [
        *checks,
        *(partial(within.test_what_to_write_instead_is_computed, *one) for one in told),
        *(partial(within.test_a_value_on_the_limit_passes, *one) for one in limits),
        *(partial(_twins_agree, twins, rule_id) for rule_id in rule_ids),
    ]


def _twins_agree(twins: ModuleType, rule_id: str) -> None:
    name = twins.RULES[rule_id][0]
    twins.test_expression_pandera_and_sql_agree({name: twins.records_drawn(name)}, rule_id)


def _raises(check: Callable[[], None]) -> bool:
    try:
        check()
    except Exception:
        return True
    return False


def _pytest_verdict(arguments: list[str]) -> Verdict:
    import pytest

    code = int(pytest.main(["-q", "-x", "-n", "0", "-p", "no:cacheprovider", "--no-header", *arguments]))
    return "survived" if code in (0, 5) else "killed"  # 5: no test was selected
