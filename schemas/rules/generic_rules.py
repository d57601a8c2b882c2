"""Rules that hold for any table: reading and typing, and with ``key_rules.py`` all of them.

Belongs here: what such a rule is called, says and rests on, with examples.
Does not belong here: rules of one table (that table's file), rules between tables (``sql/rules``), the
code that detects a breach (``intake`` for what reading and parsing meet, ``validation`` for the rest).
"""

from datetime import date

from schemas.rules.generic_rule import (
    FINE,
    WOMAN,
    GenericRule,
    of_file,
    of_size,
    of_two,
    of_two_units,
    of_value,
)
from schemas.rules.key_rules import KEY_RULES
from schemas.rules.redcap_rules import REDCAP_RULES

_READING = (
    GenericRule(
        "S01",
        "error",
        "The file or a part of it cannot be read, holds no rows, or was read as the remark says. Where rows are missing,"
        " export it again as UTF-8 or GB18030 text or as an .xlsx workbook, without a password.",
        "conformance/value",
        "P",
        "file",
        (of_file("S01"),),
        FINE,
    ),
    GenericRule(
        "S02",
        "error",
        "The columns of the file are not those of the mapping ('{column}'). Send every required column under its"
        " agreed name; add a new column to the mapping or to its list of ignored columns.",
        "conformance/relational",
        "D cdmField",
        "file",
        (of_file("S02", "sex"),),
        FINE,
    ),
    GenericRule(
        "S27",
        "warning",
        "'{column}' holds values in rows of a kind for which no table reads it. Check whether they stand in the wrong"
        " row or column, or let the mapping read the column there.",
        "completeness",
        "P",
        "file",
        (of_file("S27", "grade", 7),),
        FINE,
    ),
    GenericRule(
        "S15",
        "error",
        "The row does not have the shape of the table (too many or too few cells, or a cell that is too long)."
        " Check for a stray delimiter, line break or quote in the row.",
        "conformance/relational",
        "P",
        "row",
        (of_file("S15", None, 7),),
        FINE,
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
            of_value("S05", "sex", "weiblich"),
            {"tables": {"patient": [WOMAN | {"sex": "weiblich"}]}},
        ),
        FINE,
    ),
    GenericRule(
        "S09",
        "error",
        "'{column}' could not be read as a calendar day from 1900 to the day of the extract. Write it as YYYY-MM-DD"
        " (or YYYY-MM, YYYY where no more is known).",
        "conformance/value",
        "N",
        "value",
        (
            of_value("S09", "birth_date", "1960-02-31"),
            {"tables": {"patient": [WOMAN | {"birth_date": date(1860, 1, 1)}]}},
            {"tables": {"patient": [WOMAN | {"birth_date": date(2190, 1, 1)}]}},
        ),
        FINE,
    ),
    GenericRule(
        "S10",
        "error",
        "The date '{column}' is required and missing, or stands beside a reason why it is missing. Give the date,"
        " as exactly as it is known (a year alone is allowed), or the reason alone (10, 11, 12 or 15).",
        "completeness",
        "N; NAACCR date flags; CCR IF897, IF923",
        "record",
        (
            {"tables": {"followup": [{"followup_id": "f1", "patient_id": "P1", "facility_id": "x"}]}},
            {"tables": {"patient": [WOMAN | {"birth_date_reason": "12"}]}},
            {
                "tables": {
                    "patient": [
                        WOMAN | {"birth_date": None, "birth_date_reason": "12"},
                        WOMAN | {"patient_id": "P2", "birth_date": None},
                    ]
                }
            },
        ),
        (
            {"tables": {"patient": [WOMAN | {"birth_date": None, "birth_date_reason": "12"}]}},
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
            of_value("S11", "birth_date", "22000"),
            of_two("patient", WOMAN, WOMAN | {"birth_date": date(1964, 1, 2), "_source_no": 1}),
            {"tables": {"patient": [WOMAN | {"birth_date": date(1970, 1, 1)}]}},
        ),
        FINE,
    ),
    GenericRule(
        "S12",
        "warning",
        "'{column}' can be read as more than one day: day/month or month/day, or the day in another time zone. Declare"
        " the date format or the time zone of the source in the mapping.",
        "conformance/value",
        "P",
        "value",
        (of_value("S12", "birth_date", "03/04/1960"),),
        FINE,
    ),
    GenericRule(
        "S13",
        "warning",
        "'{column}' has no unit, an unknown unit or mixed units. Send one unit and declare it in the mapping.",
        "conformance/value",
        "D unit",
        "value",
        (of_value("S13", "birth_date", "1.5 furlong"), of_two_units()),
        (*FINE, of_two_units(n_other=3)),
    ),
    GenericRule(
        "S14",
        "error",
        "'{column}' is required and missing, or is not a value of its kind. Give the value.",
        "completeness",
        "R:A",
        "record",
        ({"tables": {"patient": [WOMAN | {"sex": None}]}}, of_value("S14", "sex", "??")),
        FINE,
    ),
    GenericRule(
        "S19",
        "warning",
        "'{column}' lies outside what can exist at all; the record is kept without it. Check for a slip of the"
        " decimal point or of the unit, or for a code that means unknown (999), and map that code.",
        "conformance/value",
        "D; NAACCR codes for unknown",
        "value",
        (
            {"tables": {"omd_episode": [{"episode_id": "e1", "ecog": 9}]}},
            {"tables": {"primary_tumour": [{"tumour_id": "t1", "tumour_size_mm": 999.0}]}},
            {"tables": {"primary_treatment": [{"treatment_id": "r1", "dose_gy": -1.0}]}},
        ),
        (
            {"tables": {"omd_episode": [{"episode_id": "e1", "ecog": 1}]}},
            {"tables": {"primary_tumour": [{"tumour_id": "t1", "tumour_size_mm": 300.0}]}},
        ),
        version=2,
    ),
    GenericRule(
        "M03",
        "error",
        "The size text cannot be turned into a size without guessing. Write it as '12 x 9 mm', '<5 mm' or"
        " '9-12 mm', one lesion to a line.",
        "conformance/computational",
        "P",
        "record",
        (of_size("M03", "was 8, now 12"),),
        ({"tables": {"measurement": [{"measurement_id": "m1", "patient_id": "P1"}]}},),
        table_name="measurement",
    ),
)

GENERIC_RULES: tuple[GenericRule, ...] = (*_READING, *_PARSING, *KEY_RULES, *REDCAP_RULES)
