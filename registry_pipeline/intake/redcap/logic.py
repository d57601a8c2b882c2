"""REDCap's expressions (branching logic, calculated fields) as a tree: read, never executed as code.

Belongs here: words and grammar, which fields an expression names. Does not belong here: values
(``intake/redcap/evaluate.py``), where fields stand (``intake/redcap/values.py``).

Grammar, loosest first: ``or``, ``and``, ``not``, comparison, ``+ -``, ``* / %``, sign, ``^``; a term is a number, a
quoted text, ``[field]``, ``[field(code)]``, ``[event][field]``, a function call or brackets. Source: REDCap's help
on branching logic and calculations.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache

MAX_CHARS = 10_000
MAX_DEPTH = 60
FUNCTIONS: dict[str, tuple[int, int]] = {
    "if": (3, 3), "round": (1, 2), "roundup": (1, 2), "rounddown": (1, 2), "sqrt": (1, 1), "abs": (1, 1),
    "min": (1, 99), "max": (1, 99), "mean": (1, 99), "median": (1, 99), "sum": (1, 99), "stdev": (1, 99),
    "log": (1, 2), "exp": (1, 1), "mod": (2, 2), "datediff": (3, 5), "year": (1, 1), "month": (1, 1),
    "day": (1, 1), "isnumber": (1, 1), "isinteger": (1, 1), "length": (1, 1), "concat": (1, 99),
    "contains": (2, 2), "not_contain": (2, 2), "starts_with": (2, 2), "ends_with": (2, 2), "isblank": (1, 1),
}  # fmt: skip
"""Function -> least and greatest number of arguments."""

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<number>\d+(?:\.\d*)?|\.\d+)
    | (?P<text>"[^"]*"|'[^']*')
    | (?P<bracket>\[[^\[\]]*\])
    | (?P<word>[A-Za-z_][A-Za-z0-9_]*)
    | (?P<mark><>|!=|<=|>=|==|&&|\|\||[=<>+\-*/^%!(),])
    )""",
    re.VERBOSE,
)
_FIELD = re.compile(r"\[\s*([a-z][a-z0-9_]*)\s*(?:\(\s*([^()\[\]]+?)\s*\))?\s*\]", re.IGNORECASE)
_EVENT = re.compile(r"\[\s*([a-z0-9][a-z0-9_]*_arm_[0-9]+[a-z]?)\s*\]", re.IGNORECASE)
_COMPARE = {"=": "=", "==": "=", "<>": "<>", "!=": "<>", "<": "<", "<=": "<=", ">": ">", ">=": ">="}


class LogicError(ValueError):
    """An expression that cannot be read; the message says what stands in the way."""


@dataclass(frozen=True)
class Reference:
    """A field that an expression names.

    Attributes:
        event: unique name of another event, or None for the row's own.
        field: variable name.
        code: the code of a checkbox, or None.
    """

    event: str | None
    field: str
    code: str | None


@dataclass(frozen=True)
class Node:
    """A node of the tree.

    Attributes:
        kind: number, text, field, call, not, minus, or an operator (``or and = <> < <= > >= + - * / % ^``).
        value: the number, the text, the :class:`Reference` or the function's name.
        parts: operands, in order.
    """

    kind: str
    value: float | str | Reference | None = None
    parts: tuple[Node, ...] = ()

    def references(self) -> Iterator[Reference]:
        """Every field that is named, in order and possibly repeated."""
        if isinstance(self.value, Reference):
            yield self.value
        for part in self.parts:
            yield from part.references()


@lru_cache(maxsize=4096)
def parse_logic(text: str) -> Node:
    """The tree of an expression.

    Raises:
        LogicError: it is too long, nested too deep, or holds something this reader does not know.
    """
    if len(text) > MAX_CHARS:
        raise LogicError("the expression is too long")
    parser = _Parser(list(_tokens(_without_comments(text))))
    node = parser.either(0)
    if parser.peek() is not None:
        raise LogicError("something stands behind its end")
    return node


def _without_comments(text: str) -> str:
    lines = text.replace("\r", "\n").split("\n")
    return "\n".join(line for line in lines if not line.lstrip().startswith(("//", "#")))


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    position, text = 0, text.rstrip()
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None or match.lastgroup is None:
            raise LogicError(f"there is a mark that is not known at character {position + 1}")
        yield match.lastgroup, match.group(match.lastgroup)
        position = match.end()


class _Parser:
    """Recursive descent; every level is told how deep it stands."""

    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self.tokens, self.at = tokens, 0

    def peek(self) -> tuple[str, str] | None:
        return self.tokens[self.at] if self.at < len(self.tokens) else None

    def take(self, *tokens: str) -> str | None:
        """The next mark or word if it is one of those, whatever its case."""
        token = self.peek()
        if token is None or token[0] not in ("mark", "word") or token[1].lower() not in tokens:
            return None
        self.at += 1
        return token[1].lower()

    def either(self, depth: int) -> Node:
        self._check(depth)
        parts = [self._both(depth)]
        while self.take("or", "||"):
            parts.append(self._both(depth))
        return parts[0] if len(parts) == 1 else Node("or", None, tuple(parts))

    def _both(self, depth: int) -> Node:
        parts = [self._negated(depth)]
        while self.take("and", "&&"):
            parts.append(self._negated(depth))
        return parts[0] if len(parts) == 1 else Node("and", None, tuple(parts))

    def _check(self, depth: int) -> None:
        if depth > MAX_DEPTH:
            raise LogicError("the expression is nested too deep")

    def _chained(
        self, node: Node, marks: tuple[str, ...], following: Callable[[int], Node], depth: int
    ) -> Node:
        """Operators of one rank, from the left; a long chain is a deep tree."""
        n_links = 0
        while mark := self.take(*marks):
            self._check(n_links)
            node, n_links = Node(mark, None, (node, following(depth))), n_links + 1
        return node

    def _negated(self, depth: int) -> Node:
        n_times = 0
        while self.take("not", "!"):
            n_times += 1
        node = self._compared(depth)
        return Node("not", None, (node,)) if n_times % 2 else node

    def _compared(self, depth: int) -> Node:
        node = self._summed(depth)
        mark = self.take(*_COMPARE)
        return Node(_COMPARE[mark], None, (node, self._summed(depth))) if mark else node

    def _summed(self, depth: int) -> Node:
        return self._chained(self._multiplied(depth), ("+", "-"), self._multiplied, depth)

    def _multiplied(self, depth: int) -> Node:
        return self._chained(self._signed(depth), ("*", "/", "%"), self._signed, depth)

    def _signed(self, depth: int) -> Node:
        self._check(depth)
        is_negative = False
        while mark := self.take("-", "+"):
            is_negative ^= mark == "-"
        node = self._power(depth)
        return Node("minus", None, (node,)) if is_negative else node

    def _power(self, depth: int) -> Node:
        node = self._term(depth)
        return Node("^", None, (node, self._signed(depth + 1))) if self.take("^") else node

    def _term(self, depth: int) -> Node:
        token = self.peek()
        if token is None:
            raise LogicError("it ends where a value is expected")
        kind, text = token
        self.at += 1
        if kind == "number":
            return Node("number", float(text))
        if kind == "text":
            return Node("text", text[1:-1])
        if kind == "bracket":
            return self._field(text)
        if kind == "word":
            return self._call(text.lower(), depth)
        if text != "(":
            raise LogicError(f"'{text}' stands where a value is expected")
        node = self.either(depth + 1)
        self._close()
        return node

    def _close(self) -> None:
        if not self.take(")"):
            raise LogicError("a bracket is not closed")

    def _call(self, name: str, depth: int) -> Node:
        if name not in FUNCTIONS:
            raise LogicError(f"'{name}' is not known to this reader")
        if not self.take("("):
            raise LogicError(f"'{name}' needs brackets")
        parts = [self._argument(depth)]
        while self.take(","):
            parts.append(self._argument(depth))
        self._close()
        least, most = FUNCTIONS[name]
        if not least <= len(parts) <= most:
            raise LogicError(f"'{name}' has the wrong number of arguments")
        return Node("call", name, tuple(parts))

    def _argument(self, depth: int) -> Node:
        if word := self.take("true", "false"):
            return Node("text", word)
        return self.either(depth + 1)

    def _field(self, text: str) -> Node:
        event = None
        if match := _EVENT.fullmatch(text):
            token = self.peek()
            if token is None or token[0] != "bracket":
                raise LogicError("an event is named without a field")
            self.at += 1
            event, text = match.group(1).lower(), token[1]
        field = _FIELD.fullmatch(text)
        if field is None:
            raise LogicError("a smart variable or a name this reader does not know stands in brackets")
        token = self.peek()
        if token is not None and token[0] == "bracket":
            raise LogicError(
                "a field of another instance or event is asked for in a way this reader does not know"
            )
        return Node("field", Reference(event, field.group(1).lower(), field.group(2)))
