"""Source cells of a release with their texts, read again from the landed bytes where the working files are gone.

Belongs here: which raw rows are wanted, making them anew. Does not belong here: which cells those are (``cells.py``).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

import polars as pl

from registry_pipeline.core.home import Home
from registry_pipeline.core.row_id import SHEET_SHIFT
from registry_pipeline.intake.landing.ledger import read_ledger
from registry_pipeline.intake.raw.lookup import is_in_raw, raw_values

Address = tuple[str, int, int, str]
"""Facility, number of the sheet, source row, header."""


def texts_of(home: Home, addresses: Iterable[Address]) -> dict[Address, str | None]:
    """The texts of cells as received, at most 500 characters each; None for blank ones."""
    pending = set(addresses)
    texts: dict[Address, str | None] = {}
    for facility_id in {address[0] for address in pending}:
        own = [address for address in pending if address[0] == facility_id]
        _ensure_raw(home, facility_id, {sheet_no for _, sheet_no, *_ in own})
        cells = pl.DataFrame(
            {
                "_row_id": [sheet_no << SHEET_SHIFT | row for _, sheet_no, row, _ in own],
                "source_column": [header for *_, header in own],
            },
            schema={"_row_id": pl.Int64, "source_column": pl.String},
        )
        values = raw_values(home, facility_id, cells)["value_text"]
        texts |= dict(zip(own, values, strict=True))
    return texts


def _ensure_raw(home: Home, facility_id: str, sheets: Collection[int]) -> None:
    """Read files again that have left no working files: a restored home has landed bytes only."""
    missing = {sheet_no >> 8 for sheet_no in sheets if not is_in_raw(home, facility_id, sheet_no)}
    if not missing:
        return
    # here: the readers are wanted rarely and load slowly
    from registry_pipeline.intake.mapping.facility import read_facility
    from registry_pipeline.intake.raw.store import read_landed

    facility = read_facility(home.facilities / f"{facility_id}.toml")
    for landed in read_ledger(home, facility_id):
        source = facility.source_of(landed.source_file)
        if landed.file_no in missing and source is not None:
            read_landed(home, landed, source, home.settings().limits)
