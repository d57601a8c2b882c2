"""Files as received."""

from schemas import columns as c
from schemas.columns import count, text
from schemas.table import table

MODEL = table(
    "meta.submission",
    "One row per file of a submission.",
    key=["submission_id", "source_file", "sha256"],
    columns=[
        c.submission_id.required(),
        c.facility_id,
        c.source_file.required(),
        text("source_name", "Source of the facility's TOML that took the file"),
        text("sha256", "SHA-256 of the bytes"),
        count("n_bytes", "Size", "bytes"),
        c.Column("received_at", "timestamp", "When the file was landed (UTC)"),
        text("encoding", "Encoding as declared or detected"),
        text("reader", "Reader that took it"),
        text("status", "read, or why it could not be read"),
    ],
)
