"""Words of an export come to rest only in columns that are tagged, whatever column of a table they were mapped to."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

import schemas
from registry_pipeline.core.settings import Settings
from registry_pipeline.intake.mapping.table import AUTOMATIC, curated_tables
from registry_pipeline.validation.rules.catalogue import catalogue, parameters_of
from registry_pipeline.validation.screening.record_keys import RecordKeys
from registry_pipeline.validation.screening.screen import ScreenOptions, screen_facility
from schemas.table import columns_of
from tests.support.staged import EXTRACT_DATE
from tests.support.staging import Place, source, table

CANARY = "Canaryova"
TAGGED = {
    f"{name}.{column.name}"
    for name, model in schemas.tables().items()
    for column in columns_of(model)
    if column.is_identifying or column.is_free_text or column.is_quasi_identifier
}


def _holders(name: str, frame: pl.DataFrame) -> set[str]:
    """Columns of a table in which the canary stands; the technical ones leave with no release."""
    texts = frame.select(pl.col(pl.String, pl.Categorical).cast(pl.String))
    return {
        f"{name}.{column}"
        for column in texts.columns
        if not column.startswith("_") and texts[column].str.contains(CANARY).any()
    }


@pytest.mark.parametrize("name", sorted(curated_tables()))
def test_a_word_of_a_record_lands_in_tagged_columns_only(name: str, tmp_path: Path) -> None:
    """Every column of the table comes from a column of the export, which holds a canary of its own in each cell."""
    columns = [column for column in curated_tables()[name] if column not in (*AUTOMATIC, "patient_id")]
    mapped = [f'"{column}" = "x{place}"' for place, column in enumerate(columns) if not _is_derived(column)]
    place = Place(tmp_path, source(table(name, 'patient_id = "no"', *mapped)))
    header = ["no", *(f"x{at}" for at in range(len(columns)))]
    rows = [[f"{CANARY}{row}", *(f"{CANARY} {row} of {column}" for column in columns)] for row in range(25)]
    place.send("a.csv", "\n".join(",".join(cells) for cells in [header, *rows]) + "\n")
    staged = place.stage()
    parameters = parameters_of(Settings(), EXTRACT_DATE)
    options = ScreenOptions(record_keys=RecordKeys(b"a key of 32 bytes for this test.."))
    judged = screen_facility("west", staged, catalogue(Settings()), parameters, options)
    found = {column for outcome in (judged.accepted, judged.quarantined) for table_name, frame in outcome.items()
             for column in _holders(f"curated.{table_name}", frame)}  # fmt: skip
    for table_name in ("finding", "quarantine"):
        frame = judged.findings if table_name == "finding" else judged.quarantine
        found |= _holders(f"quality.{table_name}", frame)
    found |= _holders("quality.coercion", staged.coercions) | _holders("meta.submission", staged.files)
    assert found, "the canaries were read"
    assert found <= TAGGED, sorted(found - TAGGED)
    keys = {column for column in found if column.endswith(("_id", ".record_key", ".cause", ".finding_id"))}
    assert all(".source_" in column for column in keys), f"numbers of records in clear: {sorted(keys)}"


def _is_derived(column: str) -> bool:
    """Parts of a date and of a size come with the value itself."""
    return column.endswith(("_precision", "_lower", "_upper"))
