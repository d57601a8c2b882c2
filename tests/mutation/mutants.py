"""Small changes of a rule, one at a time.

Belongs here: making the mutants of a Python module of ``schemas/`` and of a file of ``sql/rules/``.
Does not belong here: running tests against them (``runner.py``).
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

_COMPARE: dict[type[ast.cmpop], str] = {
    ast.Lt: "<=",
    ast.LtE: "<",
    ast.Gt: ">=",
    ast.GtE: ">",
    ast.Eq: "!=",
    ast.NotEq: "==",
}
_SIGN: dict[type[ast.cmpop], str] = {
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Eq: "==",
    ast.NotEq: "!=",
}
_SQL_TOKENS = re.compile(
    r"'(?:[^']|'')*'|--[^\n]*|/\*.*?\*/|<=|>=|<>|!=|=>|->|:=|<|>|=|"
    r"\bIS\s+NOT\s+NULL\b|\bIS\s+NULL\b|\bNOT\s+IN\b|\bIN\b|\bNOT\s+BETWEEN\b|\bBETWEEN\b|\bAND\b|\bOR\b|\bEXISTS\b",
    re.IGNORECASE | re.DOTALL,
)
_SQL_SWAP = {
    "<": "<=",
    "<=": "<",
    ">": ">=",
    ">=": ">",
    "=": "<>",
    "<>": "=",
    "!=": "=",
    "IS NULL": "IS NOT NULL",
    "IS NOT NULL": "IS NULL",
    "IN": "NOT IN",
    "NOT IN": "IN",
    "BETWEEN": "NOT BETWEEN",
    "NOT BETWEEN": "BETWEEN",
    "AND": "OR",
    "OR": "AND",
    "EXISTS": "NOT EXISTS",
}


@dataclass(frozen=True)
class Mutant:
    """One change of one file.

    Attributes:
        file: path relative to the project.
        start: where in the file's text, in characters.
        line: where, 1-based.
        change: what was written and what stands there now.
        rule_ids: the rules that the place belongs to; none where every rule may rest on it.
        text: the file's whole text with the change.
    """

    file: str
    start: int
    line: int
    change: str
    rule_ids: tuple[str, ...]
    text: str


def python_mutants(
    file: str, text: str, rules_of: Mapping[str, tuple[str, ...]] | None = None
) -> Iterator[Mutant]:
    """Comparisons, ``&``/``|``, ``~``, ``is_between`` and ``is_in`` of a module, changed one at a time.

    Args:
        rules_of: rules that rest on a function of the module, by its name.
    """
    tree = ast.parse(text)
    owners = _rule_lines(tree) + _function_lines(tree, rules_of or {})
    for node in ast.walk(tree):
        for segment, new, change in _changes(node, text):
            start, end = segment
            line: int = node.lineno  # type: ignore[attr-defined]
            yield Mutant(
                file,
                start,
                text.count("\n", 0, start) + 1,
                change,
                next((rules for rules, first, last in owners if first <= line <= last), ()),
                text[:start] + new + text[end:],
            )


def _rule_lines(tree: ast.Module) -> list[tuple[tuple[str, ...], int, int]]:
    """(rule id, first line, last line) of every ``Rule(...)``."""
    return [((_id(node),), node.lineno, node.end_lineno or node.lineno) for node in _rule_calls(tree)]


def _rule_calls(tree: ast.Module) -> list[ast.Call]:
    return [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "Rule"
        and node.args
        and isinstance(node.args[0], ast.Constant)
    ]


def _id(call: ast.Call) -> str:
    first = call.args[0]
    return str(first.value) if isinstance(first, ast.Constant) else ""


def _function_lines(
    tree: ast.Module, rules_of: Mapping[str, tuple[str, ...]]
) -> list[tuple[tuple[str, ...], int, int]]:
    return [
        (rules_of[node.name], node.lineno, node.end_lineno or node.lineno)
        for node in tree.body
        if isinstance(node, ast.FunctionDef) and node.name in rules_of
    ]


def rules_by_function(judging: Iterable[str], declaring: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Which rules rest on which function, also through other functions.

    Args:
        judging: texts of the modules with the functions.
        declaring: texts of the modules that declare the rules.
    """
    calls = {
        node.name: _names(node)
        for text in judging
        for node in ast.parse(text).body
        if isinstance(node, ast.FunctionDef)
    }
    found: dict[str, set[str]] = {}
    for call in (call for text in declaring for call in _rule_calls(ast.parse(text))):
        waiting = [name for name in _names(call) if name in calls]
        reached: set[str] = set()
        while waiting:
            if (name := waiting.pop()) not in reached:
                reached.add(name)
                waiting += [one for one in calls[name] if one in calls]
        for name in reached:
            found.setdefault(name, set()).add(_id(call))
    return {name: tuple(sorted(rules)) for name, rules in found.items()}


def _names(tree: ast.AST) -> set[str]:
    return {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)} | {
        node.id for node in ast.walk(tree) if isinstance(node, ast.Name)
    }


def _changes(node: ast.AST, text: str) -> Iterator[tuple[tuple[int, int], str, str]]:
    if isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in _COMPARE:
        gap = (_end(node.left, text), _start(node.comparators[0], text))
        old, new = _SIGN[type(node.ops[0])], _COMPARE[type(node.ops[0])]
        yield gap, text[slice(*gap)].replace(old, new, 1), f"{old} -> {new}"
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitAnd | ast.BitOr):
        gap = (_end(node.left, text), _start(node.right, text))
        old, new = ("&", "|") if isinstance(node.op, ast.BitAnd) else ("|", "&")
        if old in text[slice(*gap)]:
            yield gap, text[slice(*gap)].replace(old, new, 1), f"{old} -> {new}"
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Invert):
        yield (_start(node, text), _start(node, text) + 1), "", "~ dropped"
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        where = (_start(node, text), _end(node, text))
        whole = text[slice(*where)]
        if node.func.attr == "is_between":
            yield where, whole[:-1].rstrip().rstrip(",") + ', closed="none")', "bounds left out"
        elif node.func.attr in ("is_in", "is_null", "is_not_null", "starts_with", "ends_with", "contains"):
            yield where, f"(~{whole})", f"{node.func.attr} negated"


def _start(node: ast.expr | ast.UnaryOp, text: str) -> int:
    return _offset(text, node.lineno, node.col_offset)


def _end(node: ast.expr, text: str) -> int:
    return _offset(text, node.end_lineno or node.lineno, node.end_col_offset or 0)


def _offset(text: str, line: int, column: int) -> int:
    lines = text.splitlines(keepends=True)
    return sum(map(len, lines[: line - 1])) + len(lines[line - 1].encode()[:column].decode())


def sql_mutants(file: str, text: str) -> Iterator[Mutant]:
    """Comparisons, AND/OR, IN, BETWEEN and NULL tests of a rule's SELECT, changed one at a time."""
    head = text.index("*/") + 2
    is_between_open = False
    for found in _SQL_TOKENS.finditer(text, head):
        word = re.sub(r"\s+", " ", found.group().upper())
        if word == "AND" and is_between_open:
            is_between_open = False
            continue
        if word in ("BETWEEN", "NOT BETWEEN"):
            is_between_open = True
        if word in _SQL_SWAP:
            yield Mutant(
                file,
                found.start(),
                text.count("\n", 0, found.start()) + 1,
                f"{word} -> {_SQL_SWAP[word]}",
                (file.rsplit("/", 1)[-1].removesuffix(".sql"),),
                text[: found.start()] + _SQL_SWAP[word] + text[found.end() :],
            )
