"""How a table is declared: columns, key and rules become one pandera model.

Belongs here: :func:`table`, :class:`Rule` and what reads a model's metadata back.
Does not belong here: any particular table, DDL and dictionary (``derive.py``).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import pandera.polars as pa
import polars as pl

from schemas.columns import Column
from schemas.constraints import constraints_of

Severity = Literal["error", "warning", "info"]
Parameters = Mapping[str, Any]
Judgement = Callable[[Parameters], pl.Expr]
Example = Mapping[str, Any]


@dataclass(frozen=True)
class Rule:
    """A rule within one table, written once: what is checked, said and shown.

    Attributes:
        rule_id: identifier in the catalogue (``V02``).
        severity: what a record becomes that breaks ``check``: ``error`` quarantines it.
        items: columns to highlight.
        message: plain words with the expected form; may name ``{thresholds}``.
        check: parameters -> boolean expression. True passes, False breaks the rule, null means that
            the rule does not apply to the record.
        warning: a second, stricter expression whose failures are warnings where ``check`` passes
            (thresholds in two steps; temporal rules broken for some completions of partial dates).
        category: Kahn category, ``conformance/value`` or ``plausibility/temporal``.
        source: where the rule comes from (letters of the catalogue, numbers of standards).
        suggestion: what to write instead, where it can be said.
        suggest: what to write instead as a text expression over the record, where it can be computed; null
            where it cannot. It goes before ``suggestion``.
        thresholds: the rule's own settable numbers with their defaults.
        passing: at least one record that passes (missing columns are NULL).
        failing: at least one record that fails ``check`` (or ``warning`` if the record says so by
            the pseudo-column ``_severity``).
        version: raised when the judgement changes.
    """

    rule_id: str
    severity: Severity
    items: tuple[str, ...]
    message: str
    check: Judgement
    category: str
    source: str
    passing: tuple[Example, ...]
    failing: tuple[Example, ...]
    warning: Judgement | None = None
    suggestion: str | None = None
    suggest: Judgement | None = None
    thresholds: Mapping[str, Any] = field(default_factory=dict)
    version: int = 1

    def __deepcopy__(self, memo: object) -> "Rule":
        return self  # immutable; pandera copies metadata deeply

    def __post_init__(self) -> None:
        if not (self.message and self.passing and self.failing and self.items):
            raise ValueError(f"rule {self.rule_id} needs a message, items, a passing and a failing row")


def table(
    name: str,
    grain: str,
    key: Sequence[str],
    columns: Sequence[Column],
    rules: Sequence[Rule] = (),
    is_key_declared: bool = True,
) -> pa.DataFrameSchema:
    """A pandera (polars) model from columns, key and rules.

    Args:
        name: ``layer.table``; also the asset key and the DuckDB name.
        grain: what one row is, in a sentence.
        key: columns that identify a row; empty for tables without one.
        columns: in the order in which they are stored.
        rules: rules within the table.
        is_key_declared: False for tables too large to pay for a declared key (it is proved by query).

    Raises:
        ValueError: a key, rule item or column is declared twice or does not exist.
    """
    names = [column.name for column in columns]
    _refuse_impossible(name, names, key, rules)
    return pa.DataFrameSchema(
        columns={column.name: _pandera_column(column, column.name in key) for column in columns},
        name=name,
        description=grain,
        unique=list(key) or None,
        strict=False,
        metadata={"key": tuple(key), "rules": tuple(rules), "is_key_declared": is_key_declared},
    )


def _refuse_impossible(name: str, columns: list[str], key: Sequence[str], rules: Sequence[Rule]) -> None:
    if len(set(columns)) != len(columns):
        raise ValueError(f"{name}: a column is declared twice")
    used = set(key) | {item for rule in rules for item in rule.items}
    if missing := sorted(used - set(columns)):
        raise ValueError(f"{name}: key or rule items that are no columns: {missing}")
    if len({rule.rule_id for rule in rules}) != len(rules):
        raise ValueError(f"{name}: a rule id is declared twice")


def _pandera_column(column: Column, is_key: bool) -> pa.Column:
    checks = [
        constraint.check for constraint in constraints_of(column, is_key) if constraint.check is not None
    ]
    return pa.Column(
        column.polars_type,
        checks=checks,
        nullable=not (column.is_required or is_key),
        description=column.description,
        metadata={"column": column},
    )


def columns_of(model: pa.DataFrameSchema) -> list[Column]:
    """The :class:`Column` objects of a model, in order."""
    return [column.metadata["column"] for column in model.columns.values()]


def key_of(model: pa.DataFrameSchema) -> tuple[str, ...]:
    """The columns that identify a row."""
    return tuple((model.metadata or {})["key"])


def rules_of(model: pa.DataFrameSchema) -> tuple[Rule, ...]:
    """The rules declared within the table."""
    return tuple((model.metadata or {})["rules"])


def is_key_declared(model: pa.DataFrameSchema) -> bool:
    """Whether the release declares the key (else it is proved by query only)."""
    return bool((model.metadata or {})["is_key_declared"])
