"""Which release this is."""

from schemas import columns as c
from schemas.columns import text
from schemas.table import table

MODEL = table(
    "meta.release",
    "One row.",
    key=["release_id"],
    columns=[
        text("release_id", "Identifier of the release"),
        c.Column("created_at", "timestamp", "When it was built (UTC)"),
        text("previous_release_id", "Release that was served before"),
        text(
            "compared_release_id",
            "Release that rules over releases and drift compare with: the last of other input",
        ),
        text("comparison_note", "Why another release is compared with, where that one is damaged"),
        text("code_version", "Version of the code"),
        text("schema_version", "Hash of the table declarations"),
        text("rule_set_version", "Hash of the rule catalogue"),
        text("parameter_hash", "Hash of the analysis parameters"),
        text("input_hash", "Hash of all landed bytes and mappings"),
        text("key_check", "Check value of the key of the pseudonyms; equal keys give equal pseudonyms"),
        text("data_statement", "What the data are: real facilities, or a synthetic demonstration"),
    ],
)
