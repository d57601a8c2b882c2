"""Every text of ours that can end up in a finding, read from the source code.

Belongs here: finding the English templates of reasons, details and suggestions by reading the modules' syntax.
Does not belong here: comparing them with the translations (``tests/unit/validation/test_messages.py``).
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
INTAKE = ROOT / "registry_pipeline" / "intake"
PLACE = "{}"
_CALLS = {"ReadError": 1, "Reject": 2, "Refused": 1, "NoDictionary": 0, "breach": 3}
"""What carries a text to a facility -> which argument holds it."""
_NAMED = {"message", "reason", "suggestion", "warning", "told", "problem"}
_MODULES = (
    "readers",
    "raw",
    "redcap",
    "submissions",
)
_SENTENCE = re.compile(r"[A-Za-z{].* .*", re.DOTALL)


def skeleton(template: str) -> str:
    """A template with all its places called alike."""
    return re.sub(r"\{[^{}]*\}", PLACE, template)


def intake_texts() -> dict[str, str]:
    """Skeleton -> where it stands (file and line) of every reason and suggestion of files, sheets and rows."""
    found: dict[str, str] = {}
    for path in _files():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            for text in _texts(node):
                if _SENTENCE.fullmatch(text) and "%" not in text:
                    found.setdefault(text, f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}")
    return found


def _files() -> Iterator[Path]:
    for name in _MODULES:
        path = INTAKE / name
        yield from sorted(path.rglob("*.py")) if path.is_dir() else sorted(INTAKE.glob(name))


def _texts(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Call):
        name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        if name in _CALLS and len(node.args) > _CALLS[name]:
            yield from _rendered(node.args[_CALLS[name]])
        for keyword in node.keywords:
            if keyword.arg in _NAMED:
                yield from _rendered(keyword.value)
    if isinstance(node, ast.Dict):
        for key, value in zip(node.keys, node.values, strict=True):
            if isinstance(key, ast.Constant) and key.value in _NAMED:
                yield from _rendered(value)
    if isinstance(node, ast.Assign) and any(
        isinstance(one, ast.Name) and one.id in _NAMED for one in node.targets
    ):
        yield from _rendered(node.value)


def _rendered(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.JoinedStr):
        yield "".join(str(part.value) if isinstance(part, ast.Constant) else PLACE for part in node.values)
    elif isinstance(node, ast.IfExp):
        yield from _rendered(node.body)
        yield from _rendered(node.orelse)
