"""Rules that hold for any table: reading, typing, keys, references, several sources.

Belongs here: what such a rule is called, says and rests on, with examples.
Does not belong here: rules of one table (that table's file), rules between tables (``sql/rules``), the
code that detects a breach (``intake`` for what reading and parsing meet, ``validation`` for the rest).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from schemas.table import Severity

Example = Mapping[str, Any]


REASONS: Mapping[str, str] = {
    "ambiguous_code": "the word stands for several codes",
    "ambiguous_day_month": "day and month can be exchanged",
    "ambiguous_month": "'.1' may be January or October",
    "ambiguous_six_digits": "six digits can be read in several orders",
    "anchor_ambiguous": "the date that the days are counted from is not the same everywhere",
    "anchor_missing": "the date that the days are counted from is missing",
    "bad_grouping": "the digits are grouped in an unknown way",
    "both_axes_named": "long and short axis are both named",
    "comparison_text": "an earlier size stands in the same text",
    "conflicting_qualifiers": "several qualifiers (<, >, about) stand in one text",
    "date_in_text": "a date stands in the same text",
    "day_count_out_of_range": "the number of days is too large",
    "impossible_date": "there is no such day",
    "looks_like_excel_serial": "a spreadsheet's day number",
    "negated_with_number": "the text denies a lesion and names a size",
    "negative_number": "a size cannot be negative",
    "no_size": "no size stands in the text",
    "not_a_date": "no date",
    "not_a_number": "no number",
    "not_an_integer": "a whole number is expected",
    "not_in_code_list": "not in the code list or the mapping",
    "other_length": "another length (slice, distance) stands in the same text",
    "other_numbers": "other numbers stand in the same text",
    "out_of_range": "the number is too large",
    "placeholder_part": "a part of the date is a placeholder such as 00 or 99",
    "qualified": "the number is a bound (<, >, about), not a value",
    "range": "a range, where one number is expected",
    "range_reversed": "the range runs backwards",
    "rounded_identifier": "a spreadsheet has rounded the number; export it as text",
    "rows_of_one_record_disagree": "rows of one record differ",
    "several_sizes": "several sizes stand in one text",
    "several_suv": "several SUV stand in one text",
    "text_too_long": "the text is too long",
    "trailing_text": "text stands behind the number",
    "two_digit_year": "the year has two digits",
    "undeclared_comma": "a comma, which the mapping does not declare as decimal mark",
    "undeclared_point": "a point, which the mapping does not declare as decimal mark",
    "unit_missing": "no unit",
    "unknown_unit": "an unknown unit",
    "zero_size": "a size of zero",
}
"""Why a text could not be read: the parsers' codes in words."""


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


_WOMAN = {"patient_id": "P1", "facility_id": "x", "sex": "F", "birth_date": date(1960, 1, 1)}
_FINE: tuple[Example, ...] = ({"tables": {"patient": [_WOMAN]}},)
_OTHER_SOURCE = {"_source_no": 1, "_row_id": 2}
_DEATH = {"patient_id": "P1", "facility_id": "x", "death_date": date(2020, 5, 1), "_source_no": 0}


def _file(rule_id: str, column: str | None = None, row: int | None = None) -> Example:
    issue = {"rule_id": rule_id, "column_name": column, "source_row": row, "reason": "an example of a reason"}
    return {"tables": {"patient": [_WOMAN]}, "file_issues": [issue]}


def _value(rule_id: str, column: str, text: str) -> Example:
    issue = {
        "table_name": "patient",
        "_row_id": 1,
        "column_name": column,
        "rule_id": rule_id,
        "value_text": text,
    }
    return {"tables": {"patient": [_WOMAN | {"_row_id": 1}]}, "issues": [issue]}


def _measured(rule_id: str, text: str) -> Example:
    issue = {
        "table_name": "measurement",
        "_row_id": 1,
        "column_name": "long_axis_mm",
        "rule_id": rule_id,
        "value_text": text,
    }
    row = {"measurement_id": "m1", "patient_id": "P1", "_row_id": 1}
    return {"tables": {"measurement": [row]}, "issues": [issue]}


def _two(table: str, first: Example, second: Example) -> Example:
    return {"tables": {table: [{"_row_id": 1, **first}, {"_row_id": 2, **second}]}}


_READING = (
    GenericRule(
        "S01",
        "error",
        "The file cannot be read. Export it again as UTF-8 or GB18030 text or as an .xlsx workbook, without a password.",
        "conformance/value",
        "P",
        "file",
        (_file("S01"),),
        _FINE,
    ),
    GenericRule(
        "S02",
        "error",
        "The columns of the file are not those of the mapping ('{column}'). Send every required column under its"
        " agreed name; add a new column to the mapping or to its list of ignored columns.",
        "conformance/relational",
        "D cdmField",
        "file",
        (_file("S02", "sex"),),
        _FINE,
    ),
    GenericRule(
        "S15",
        "error",
        "The row does not have the shape of the table (too many or too few cells, or a cell that is too long)."
        " Check for a stray delimiter, line break or quote in the row.",
        "conformance/relational",
        "P",
        "row",
        (_file("S15", None, 7),),
        _FINE,
    ),
)
_PARSING = (
    GenericRule(
        "S05",
        "error",
        "'{column}' holds a value that is not in the code list. Use one of the agreed codes, or have the value"
        " added to the mapping.",
        "conformance/value",
        "R:F",
        "value",
        (
            _value("S05", "sex", "weiblich"),
            {"tables": {"patient": [_WOMAN | {"sex": "weiblich"}]}},
        ),
        _FINE,
    ),
    GenericRule(
        "S09",
        "error",
        "'{column}' is not a date that can be: it must be a real calendar day from 1900 to the day of the extract,"
        " written YYYY-MM-DD (or YYYY-MM, YYYY where no more is known).",
        "conformance/value",
        "N",
        "value",
        (
            _value("S09", "birth_date", "1960-02-31"),
            {"tables": {"patient": [_WOMAN | {"birth_date": date(1860, 1, 1)}]}},
            {"tables": {"patient": [_WOMAN | {"birth_date": date(2190, 1, 1)}]}},
        ),
        _FINE,
    ),
    GenericRule(
        "S10",
        "error",
        "The date '{column}' is required and missing. Give the date, as exactly as it is known (a year alone is"
        " allowed).",
        "completeness",
        "N",
        "record",
        ({"tables": {"followup": [{"followup_id": "f1", "patient_id": "P1", "facility_id": "x"}]}},),
        (
            {
                "tables": {
                    "followup": [
                        {
                            "followup_id": "f1",
                            "patient_id": "P1",
                            "facility_id": "x",
                            "contact_date": date(2020, 1, 1),
                        }
                    ]
                }
            },
        ),
    ),
    GenericRule(
        "S11",
        "warning",
        "'{column}' looks like a spreadsheet's day number or a system's default day, not a date that somebody"
        " wrote. Confirm the date or send it as YYYY-MM-DD.",
        "plausibility/temporal",
        "P",
        "value",
        (
            _value("S11", "birth_date", "22000"),
            {"tables": {"patient": [_WOMAN | {"birth_date": date(1970, 1, 1)}]}},
        ),
        _FINE,
    ),
    GenericRule(
        "S12",
        "warning",
        "'{column}' can be read as day/month or as month/day. Declare the date format of the source in the mapping.",
        "conformance/value",
        "P",
        "value",
        (_value("S12", "birth_date", "03/04/1960"),),
        _FINE,
    ),
    GenericRule(
        "S13",
        "warning",
        "'{column}' has no unit, an unknown unit or mixed units. Send one unit and declare it in the mapping.",
        "conformance/value",
        "D unit",
        "value",
        (_value("S13", "birth_date", "1.5 furlong"),),
        _FINE,
    ),
    GenericRule(
        "S14",
        "error",
        "'{column}' is required and missing, or is not a value of its kind. Give the value.",
        "completeness",
        "R:A",
        "record",
        ({"tables": {"patient": [_WOMAN | {"sex": None}]}}, _value("S14", "sex", "??")),
        _FINE,
    ),
    GenericRule(
        "S19",
        "error",
        "'{column}' lies outside what can exist at all. Check for a slip of the decimal point or of the unit.",
        "conformance/value",
        "D",
        "value",
        ({"tables": {"omd_episode": [{"episode_id": "e1", "ecog": 9}]}},),
        ({"tables": {"omd_episode": [{"episode_id": "e1", "ecog": 1}]}},),
    ),
    GenericRule(
        "M03",
        "error",
        "The size text cannot be turned into a size without guessing. Write it as '12 x 9 mm', '<5 mm' or"
        " '9-12 mm', one lesion to a line.",
        "conformance/computational",
        "P",
        "record",
        (_measured("M03", "was 8, now 12"),),
        ({"tables": {"measurement": [{"measurement_id": "m1", "patient_id": "P1"}]}},),
        table_name="measurement",
    ),
)
_KEYS = (
    GenericRule(
        "V01",
        "error",
        "The patient stands twice in one submission with different content in '{column}'. Send one row per"
        " patient, or correct the patient number.",
        "plausibility/uniqueness",
        "D",
        "record",
        (_two("patient", _WOMAN, _WOMAN | {"sex": "U"}),),
        (_two("patient", _WOMAN, _WOMAN),),
        table_name="patient",
    ),
    GenericRule(
        "L01",
        "error",
        "The lesion stands twice in one submission with different content in '{column}'. Number the lesions of a"
        " patient apart, or correct the row.",
        "plausibility/uniqueness",
        "D FK",
        "record",
        (
            _two(
                "lesion",
                {"lesion_id": "l1", "lesion_site": "lung"},
                {"lesion_id": "l1", "lesion_site": "scf"},
            ),
        ),
        (
            _two(
                "lesion",
                {"lesion_id": "l1", "lesion_site": "lung"},
                {"lesion_id": "l2", "lesion_site": "scf"},
            ),
        ),
        table_name="lesion",
    ),
    GenericRule(
        "H03",
        "warning",
        "Two systems give different dates of death. The preferred source's date is used; find out which is right.",
        "plausibility/temporal",
        "P",
        "record",
        (_two("death", _DEATH, _DEATH | {"death_date": date(2020, 5, 20), "_source_no": 1}),),
        (_two("death", _DEATH, _DEATH | {"_source_no": 1}),),
        table_name="death",
    ),
    GenericRule(
        "S16",
        "error",
        "Two rows of one submission have the same key and different content in '{column}'. Keep the right row, or"
        " number the records apart.",
        "plausibility/uniqueness",
        "Kahn",
        "record",
        (
            _two(
                "imaging_exam",
                {"exam_id": "e1", "imaging_modality": "ct"},
                {"exam_id": "e1", "imaging_modality": "mri"},
            ),
        ),
        (
            _two(
                "imaging_exam",
                {"exam_id": "e1", "imaging_modality": "ct"},
                {"exam_id": "e1", "imaging_modality": "ct"},
            ),
        ),
    ),
    GenericRule(
        "S17",
        "warning",
        "Two systems disagree on '{column}'. The value of the preferred source is used; correct the other one.",
        "plausibility/atemporal",
        "P",
        "record",
        (_two("patient", _WOMAN, _WOMAN | _OTHER_SOURCE | {"sex": "U"}),),
        (_two("patient", _WOMAN, _WOMAN | _OTHER_SOURCE),),
    ),
    GenericRule(
        "S18",
        "error",
        "'{column}' names a record that was not sent. Send the missing record or correct the number.",
        "conformance/relational",
        "D FK",
        "record",
        ({"tables": {"followup": [{"followup_id": "f1", "patient_id": "P9"}]}},),
        ({"tables": {"patient": [_WOMAN], "followup": [{"followup_id": "f1", "patient_id": "P1"}]}},),
    ),
)

GENERIC_RULES: tuple[GenericRule, ...] = (*_READING, *_PARSING, *_KEYS)
