"""What a column demands of its values, written once: required, code list, smallest and largest value.

Belongs here: :class:`Constraint` and how it reads in pandera, polars, DuckDB and words.
Does not belong here: rules between columns, references between tables (``table.py``, ``derive.py``).

A constraint holds for NULL, except the one that a value is required.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from schemas.columns import Column

if TYPE_CHECKING:  # a name is quoted where no table is: pandera takes most of a second to import
    import pandera.polars as pa
    import polars as pl

Demand = Literal["required", "codes", "minimum", "maximum"]


def quote(identifier: str) -> str:
    """A DuckDB identifier in double quotes."""
    return '"' + identifier.replace('"', '""') + '"'


def literal(value: str) -> str:
    """A DuckDB string literal."""
    return "'" + value.replace("'", "''") + "'"


@dataclass(frozen=True)
class Constraint:
    """One demand of one column.

    Attributes:
        column: the column.
        demand: what is demanded.
    """

    column: Column
    demand: Demand

    @property
    def rule_id(self) -> str:
        """The rule that tells a data manager of a breach (S10 instead of S14 for partial dates)."""
        return {"required": "S14", "codes": "S05", "minimum": "S19", "maximum": "S19"}[self.demand]

    @property
    def expression(self) -> pl.Expr:
        """True: holds, False: broken, null: does not apply."""
        import polars as pl

        value, column = pl.col(self.column.name), self.column
        if self.demand == "required":
            return value.is_not_null()
        if self.demand == "codes":
            assert column.codes is not None
            return value.is_in(list(column.codes.codes))
        return value >= column.minimum if self.demand == "minimum" else value <= column.maximum

    @property
    def check(self) -> pa.Check | None:
        """The pandera check; None for a required value, which is pandera's ``nullable``."""
        import pandera.polars as pa

        column = self.column
        if self.demand == "codes":
            assert column.codes is not None
            return pa.Check.isin(list(column.codes.codes), name=self.rule_id)
        if self.demand == "minimum":
            return pa.Check.ge(column.minimum)
        return pa.Check.le(column.maximum) if self.demand == "maximum" else None

    @property
    def sql(self) -> str:
        """The DuckDB condition, as in a CHECK: true or NULL where it holds."""
        name, column = quote(self.column.name), self.column
        if self.demand == "required":
            return f"{name} IS NOT NULL"
        if self.demand == "codes":
            assert column.codes is not None
            return f"{name} IN ({', '.join(map(literal, column.codes.codes))})"
        return (
            f"{name} >= {column.minimum:g}" if self.demand == "minimum" else f"{name} <= {column.maximum:g}"
        )


def constraints_of(column: Column, is_key: bool = False) -> Iterator[Constraint]:
    """Everything that a column demands.

    Args:
        is_key: the column is a part of its table's key, and therefore required.
    """
    if column.is_required or is_key:
        yield Constraint(column, "required")
    if column.codes is not None:
        yield Constraint(column, "codes")
    if column.minimum is not None:
        yield Constraint(column, "minimum")
    if column.maximum is not None:
        yield Constraint(column, "maximum")


def possible_range(column: Column) -> str | None:
    """``0 to 300 mm`` of a bounded number, or None."""
    low, high, unit = column.minimum, column.maximum, f" {column.unit}" if column.unit else ""
    if low is None and high is None:
        return None
    if high is None:
        return f"{low:g}{unit} or more"
    return f"{high:g}{unit} or less" if low is None else f"{low:g} to {high:g}{unit}"
