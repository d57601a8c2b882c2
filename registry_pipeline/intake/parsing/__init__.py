"""Text as a hospital wrote it to a typed value, by pure functions that never raise and never guess.

Belongs here: one parser per kind of value and the way to run it over a column.
Does not belong here: which column needs which parser (the facility's mapping), what is plausible (rules).
"""

from __future__ import annotations

from registry_pipeline.intake.parsing.codes import BOOLEAN_CODES, make_code_parser
from registry_pipeline.intake.parsing.columns import Distinct, distinct_texts, parse_texts
from registry_pipeline.intake.parsing.dates import parse_date
from registry_pipeline.intake.parsing.numbers import DOSE_UNITS, parse_number
from registry_pipeline.intake.parsing.result import Parsed, ParsedCode, ParsedDate, ParsedNumber, ParsedSize
from registry_pipeline.intake.parsing.sizes import parse_size
from registry_pipeline.intake.parsing.text import normalise_text

__all__ = [
    "BOOLEAN_CODES",
    "DOSE_UNITS",
    "Distinct",
    "Parsed",
    "ParsedCode",
    "ParsedDate",
    "ParsedNumber",
    "ParsedSize",
    "distinct_texts",
    "make_code_parser",
    "normalise_text",
    "parse_date",
    "parse_number",
    "parse_size",
    "parse_texts",
]
