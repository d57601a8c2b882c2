"""Rules of REDCap projects: what the project's own data dictionary demands of its export.

Belongs here: what such a rule is called, says and rests on, with examples.
Does not belong here: the code that detects a breach (``registry_pipeline/intake/redcap_*.py``).

Unit ``redcap``: nothing is judged at a facility that sends no REDCap export.
"""

from schemas.rules.generic_rule import FINE, GenericRule, of_file, of_value

_UNIT = "redcap"

REDCAP_RULES: tuple[GenericRule, ...] = (
    GenericRule(
        "S04",
        "error",
        "Record, event, instrument and instance must name one row of a REDCap export, and instances count from 1."
        " Export again; if a row was copied or edited by hand, undo that.",
        "plausibility/uniqueness",
        "R,D",
        _UNIT,
        (of_value("S04", "patient_id", "0"),),
        FINE,
    ),
    GenericRule(
        "S06",
        "warning",
        "'{column}' holds a value although the form's branching logic hides the field. Clear the value, or correct the"
        " answer that hides it.",
        "conformance/relational",
        "R:G",
        _UNIT,
        (of_value("S06", "residence_region", "north"),),
        FINE,
    ),
    GenericRule(
        "S07",
        "warning",
        "The calculated field '{column}' is not what its formula gives. Run data quality rule H in REDCap, which saves"
        " all calculations anew, and export again.",
        "conformance/computational",
        "R:H",
        _UNIT,
        (of_value("S07", "residence_region", "61"),),
        FINE,
    ),
    GenericRule(
        "S08",
        "error",
        "'{column}' is marked as an identifier, and the export is declared de-identified. Export again without it"
        " (remove all tagged identifier fields); the values are read no further than the file as received.",
        "conformance/relational",
        "R:B",
        _UNIT,
        (of_file("S08", "phone"),),
        FINE,
    ),
    GenericRule(
        "S20",
        "warning",
        "Data dictionary and export do not fit together ('{column}'). Send the dictionary of the day of the export,"
        " and export every instrument that the mapping reads.",
        "conformance/relational",
        "P",
        _UNIT,
        (of_file("S20", "new_field"),),
        FINE,
    ),
    GenericRule(
        "S21",
        "warning",
        "'{column}' is a required field of its form and is blank. Enter the value, or the project's code for why there"
        " is none.",
        "completeness",
        "R:A",
        _UNIT,
        (of_value("S21", "residence_region", ""),),
        FINE,
    ),
    GenericRule(
        "S22",
        "warning",
        "'{column}' is no number within the bounds of the data dictionary. Check the decimal point and the unit.",
        "plausibility/atemporal",
        "R:C",
        _UNIT,
        (of_value("S22", "residence_region", "412"),),
        FINE,
    ),
    GenericRule(
        "S23",
        "warning",
        "'{column}' is no date within the bounds of the data dictionary. Check the year; dates are exported as"
        " YYYY-MM-DD.",
        "plausibility/temporal",
        "R:D",
        _UNIT,
        (of_value("S23", "birth_date", "1890-01-01"),),
        FINE,
    ),
    GenericRule(
        "S24",
        "warning",
        "The calculated field '{column}' is blank although its formula gives a result. Run data quality rule H in"
        " REDCap, which saves all calculations anew, and export again.",
        "completeness",
        "R:E",
        _UNIT,
        (of_value("S24", "residence_region", ""),),
        FINE,
    ),
    GenericRule(
        "S25",
        "info",
        "An expression of the data dictionary ('{column}') cannot be checked here; REDCap still checks it at entry.",
        "conformance/computational",
        "P",
        _UNIT,
        (of_file("S25", "bmi"),),
        FINE,
    ),
    GenericRule(
        "S26",
        "warning",
        "The data dictionary changed a field that was there before ('{column}'). Compare the mapping with it: the same"
        " code may mean something else now.",
        "conformance/relational",
        "P",
        _UNIT,
        (of_file("S26", "site"),),
        FINE,
    ),
)
