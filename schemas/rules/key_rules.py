"""Rules of keys, references and several sources, for any table.

Belongs here: what such a rule is called, says and rests on, with examples.
Does not belong here: the code that detects a breach (``validation/screening/consolidate.py``, ``quarantine.py``).
"""

from datetime import date

from schemas.rules.generic_rule import FINE, WOMAN, GenericRule, of_two

OTHER_SOURCE = {"_source_no": 1, "_row_id": 2}
DEATH = {"patient_id": "P1", "facility_id": "x", "death_date": date(2020, 5, 1), "_source_no": 0}

KEY_RULES: tuple[GenericRule, ...] = (
    GenericRule(
        "V01",
        "error",
        "The patient stands twice in one submission with different content in '{column}'. Send one row per"
        " patient, or correct the patient number.",
        "plausibility/uniqueness",
        "D",
        "record",
        (of_two("patient", WOMAN, WOMAN | {"sex": "U"}),),
        (of_two("patient", WOMAN, WOMAN),),
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
            of_two(
                "lesion",
                {"lesion_id": "l1", "lesion_site": "lung"},
                {"lesion_id": "l1", "lesion_site": "scf"},
            ),
        ),
        (
            of_two(
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
        "Two systems give different dates of death, or the cause of death is unknown ('{column}'). Of two dates the"
        " preferred source's is used: find out which is right. Give the cause, if anybody knows it.",
        "plausibility/temporal",
        "P",
        "record",
        (
            of_two("death", DEATH, DEATH | {"death_date": date(2020, 5, 20), "_source_no": 1}),
            of_two("death", DEATH | {"death_cause": "cancer"}, DEATH | {"patient_id": "P2"}),
            of_two(
                "death", DEATH | {"death_cause": "other"}, DEATH | {"patient_id": "P2", "death_cause": "unk"}
            ),
        ),
        (
            of_two("death", DEATH, DEATH | {"_source_no": 1}),
            of_two("death", DEATH, DEATH | {"patient_id": "P2"}),
        ),
        table_name="death",
        version=2,
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
            of_two(
                "imaging_exam",
                {"exam_id": "e1", "imaging_modality": "ct"},
                {"exam_id": "e1", "imaging_modality": "mri"},
            ),
        ),
        (
            of_two(
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
        (of_two("patient", WOMAN, WOMAN | OTHER_SOURCE | {"sex": "U"}),),
        (of_two("patient", WOMAN, WOMAN | OTHER_SOURCE),),
    ),
    GenericRule(
        "S18",
        "error",
        "'{column}' names a record that was not sent. Send the missing record or correct the number.",
        "conformance/relational",
        "D FK",
        "record",
        ({"tables": {"followup": [{"followup_id": "f1", "patient_id": "P9"}]}},),
        ({"tables": {"patient": [WOMAN], "followup": [{"followup_id": "f1", "patient_id": "P1"}]}},),
    ),
    GenericRule(
        "S28",
        "warning",
        "'{column}' is the sum, the first or the last of several rows, and some of these rows leave it blank. The others"
        " are used: fill the blank cells at the source.",
        "completeness",
        "P",
        "record",
        (
            {
                "tables": {"lrt_course": [{"lrt_id": "c1", "patient_id": "P1", "_row_id": 1}]},
                "issues": [
                    {
                        "table_name": "lrt_course",
                        "_row_id": 1,
                        "column_name": "total_dose_gy",
                        "rule_id": "S28",
                        "reason": "rows_of_one_record_blank",
                        "value_text": None,
                    }
                ],
            },
        ),
        FINE,
    ),
)
