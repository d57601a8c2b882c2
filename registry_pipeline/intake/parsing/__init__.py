"""Text as a hospital wrote it to a typed value, by pure functions that never raise and never guess.

Belongs here: one parser per kind of value and the way to run it over a column.
Does not belong here: which column needs which parser (the facility's mapping), what is plausible (rules).
"""

from __future__ import annotations

from collections.abc import Callable

from registry_pipeline.intake.parsing.codes import BOOLEAN_CODES, make_code_parser, parse_boolean, parse_code
from registry_pipeline.intake.parsing.columns import Distinct, distinct_texts, parse_texts, parser_name
from registry_pipeline.intake.parsing.dates import parse_date
from registry_pipeline.intake.parsing.numbers import DOSE_UNITS, parse_dose, parse_integer, parse_number
from registry_pipeline.intake.parsing.result import (
    Parsed,
    ParsedBoolean,
    ParsedCode,
    ParsedDate,
    ParsedInteger,
    ParsedNumber,
    ParsedSize,
)
from registry_pipeline.intake.parsing.sizes import parse_size
from registry_pipeline.intake.parsing.text import normalise_text

PARSER_VERSION = "1"
"""Raised when a parser reads the same text differently; kept with every measurement."""

PARSERS: dict[str, Callable[..., Parsed]] = {
    "date": parse_date,
    "number": parse_number,
    "integer": parse_integer,
    "dose": parse_dose,
    "size": parse_size,
    "code": parse_code,
    "boolean": parse_boolean,
}
"""Name, as used for ``parser`` in ``quality.coercion`` and in facility mappings -> function."""

__all__ = [
    "BOOLEAN_CODES",
    "DOSE_UNITS",
    "PARSERS",
    "PARSER_VERSION",
    "Distinct",
    "Parsed",
    "ParsedBoolean",
    "ParsedCode",
    "ParsedDate",
    "ParsedInteger",
    "ParsedNumber",
    "ParsedSize",
    "distinct_texts",
    "make_code_parser",
    "normalise_text",
    "parse_boolean",
    "parse_code",
    "parse_date",
    "parse_dose",
    "parse_integer",
    "parse_number",
    "parse_size",
    "parse_texts",
    "parser_name",
]
