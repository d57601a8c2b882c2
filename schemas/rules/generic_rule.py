"""How a rule of no particular table is declared, and what its examples are made of.

Belongs here: :class:`GenericRule` and small makers of examples.
Does not belong here: the rules (``generic_rules.py``, ``key_rules.py``).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from schemas.table import Severity

Example = Mapping[str, Any]


@dataclass(frozen=True)
class GenericRule:
    """A rule of no particular table.

    Attributes:
        rule_id, severity, message, category, source, suggestion, version: as of :class:`schemas.table.Rule`;
            the message may name ``{column}``, the item at fault.
        table_name: the table, where the rule has one after all.
        unit: what is counted as judged: ``file``, ``row``, ``record`` or ``value``.
        failing: what arrives (``tables``, ``issues``, ``file_issues``) and breaks the rule.
        passing: what arrives and does not.
        thresholds: settable numbers.
    """

    rule_id: str
    severity: Severity
    message: str
    category: str
    source: str
    unit: str
    failing: tuple[Example, ...]
    passing: tuple[Example, ...]
    suggestion: str | None = None
    table_name: str | None = None
    thresholds: Mapping[str, Any] = field(default_factory=dict)
    version: int = 1


WOMAN = {"patient_id": "P1", "facility_id": "x", "sex": "F", "birth_date": date(1960, 1, 1)}
FINE: tuple[Example, ...] = ({"tables": {"patient": [WOMAN]}},)


def of_file(rule_id: str, column: str | None = None, row: int | None = None) -> Example:
    """A finding of a file or of one of its rows."""
    issue = {"rule_id": rule_id, "column_name": column, "source_row": row, "reason": "an example of a reason"}
    return {"tables": {"patient": [WOMAN]}, "file_issues": [issue]}


def of_value(rule_id: str, column: str, text: str) -> Example:
    """A value of a patient that could not be read."""
    issue = {
        "table_name": "patient",
        "_row_id": 1,
        "column_name": column,
        "rule_id": rule_id,
        "value_text": text,
    }
    return {"tables": {"patient": [WOMAN | {"_row_id": 1}]}, "issues": [issue]}


def of_size(rule_id: str, text: str) -> Example:
    """A size text that could not be read."""
    issue = {
        "table_name": "measurement",
        "_row_id": 1,
        "column_name": "long_axis_mm",
        "rule_id": rule_id,
        "value_text": text,
    }
    row = {"measurement_id": "m1", "patient_id": "P1", "_row_id": 1}
    return {"tables": {"measurement": [row]}, "issues": [issue]}


def of_two_units(n_other: int = 6) -> Example:
    """A column of sizes in millimetres, of which some are in centimetres."""
    usual = [10.0 + number % 9 for number in range(60)]
    sizes = [*usual, *(1.4 for _ in range(n_other))]
    rows = [
        {"measurement_id": f"m{at}", "patient_id": "P1", "_row_id": at, "long_axis_mm": size}
        for at, size in enumerate(sizes, 1)
    ]
    return {"tables": {"measurement": rows}, "findings": n_other}


def of_two(table: str, first: Example, second: Example) -> Example:
    """Two rows of one table."""
    return {"tables": {table: [{"_row_id": 1, **first}, {"_row_id": 2, **second}]}}
