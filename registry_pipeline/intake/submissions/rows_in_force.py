"""Which rows of which files count: sources, submissions in force, headers that fit.

Belongs here: the state of every landed file and sheet, what is wrong with it, the rows that staging reads.
Does not belong here: reading bytes (``raw.py``), typing (``intake/columns/table.py``).

In a ``full`` source the newest submission with a usable sheet is the whole truth and supersedes the earlier
ones; a newer one that cannot be used, or that has a header and no rows, is reported and leaves the earlier one
in force. In an ``incremental`` source every submission counts and the validation upserts by key.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import polars as pl

from registry_pipeline.core.frames import constant
from registry_pipeline.core.home import Home
from registry_pipeline.core.row_id import row_id, sheet_number, sheet_number_of, source_row_of
from registry_pipeline.core.settings import Settings
from registry_pipeline.intake.columns.values import EPOCH_PREFIX
from registry_pipeline.intake.landing.ledger import LandedFile, read_ledger
from registry_pipeline.intake.mapping.column import ROW_NUMBER
from registry_pipeline.intake.mapping.model import Facility, Source
from registry_pipeline.intake.raw.store import RawFile, SheetInfo, raw_rows, read_landed
from registry_pipeline.intake.submissions.file_use import FileUse, is_used, plain_name
from registry_pipeline.intake.submissions.redcap_files import with_dictionaries
from registry_pipeline.intake.submissions.redcap_rows import empty_flags, export_rows
from schemas import tables_of
from schemas.table import columns_of

Numbers = npt.NDArray[np.int64]
_PLACED_TOGETHER = 100_000
"""Changes of values whose rows are looked up at a time, where more do not come together."""


def find_files(home: Home, facility: Facility, settings: Settings) -> list[FileUse]:
    """Every file that the facility ever sent, in landing order, read where a source takes it."""
    uses = []
    for landed in read_ledger(home, facility.facility_id):
        source = facility.source_of(landed.source_file)
        raw = None if source is None or landed.is_withdrawn else _read(home, landed, source, settings)
        uses.append(FileUse(landed, source, raw))
    uses = with_dictionaries(home, uses)
    return [_superseded(use, uses) for use in uses]


def _read(home: Home, landed: LandedFile, source: Source, settings: Settings) -> RawFile:
    limit = settings.refresh.memory_limit
    if landed.too_large_for != limit:
        return read_landed(home, landed, source, settings.limits)
    reason = (
        f"judging its rows takes more memory than refresh.memory_limit in registry.toml allows ({limit}); allow more, "
        "or send it in parts"
    )
    return RawFile(landed, source.name, reason, "", "", [])


def _superseded(use: FileUse, uses: Sequence[FileUse]) -> FileUse:
    if use.source is None or use.source.mode != "full":
        return use
    usable = [
        other.landed.submission_no
        for other in uses
        if other.source is not None
        and other.source.name == use.source.name
        and other.is_usable
        and any(is_used(use.source, sheet) for sheet in other.sheets)
    ]
    is_superseded = use.landed.submission_no < max(usable, default=0)
    return replace(use, is_superseded=is_superseded)


def rows_in_force(home: Home, source: Source, *uses: Sequence[FileUse]) -> list[pl.DataFrame]:
    """The source columns that the mapping reads, as text, of all rows that count; of each of several facilities.

    Columns carry the names of the TOML; one that a sheet lacks is null there. Adds ``_row_id`` and
    ``_submission_no``, and ``_sheet`` where a table of the source takes some sheets only. Beside a column of dates
    of which a workbook holds some as day numbers stands the system that it counts them in (``EPOCH_PREFIX``).
    """
    read = [_frames(home, source, own) for own in uses]
    return [pl.concat(own, how="diagonal") if own else _no_rows(source) for own in read]


def _frames(home: Home, source: Source, uses: Sequence[FileUse]) -> list[pl.DataFrame]:
    by_sheet = any(table.sheets for table in source.tables)
    frames = []
    for use in uses:
        if use.source is None or use.source.name != source.name or use.raw is None:
            continue
        for sheet in use.sheets:
            if use.fate_of(sheet) is None:
                rows = _columns(home, use, sheet, source)
                number = constant("_submission_no", use.landed.submission_no, pl.Int32, rows.height)
                name = [constant("_sheet", sheet.sheet, pl.String, rows.height)] if by_sheet else []
                frames.append(rows.hstack([number, *name]))
    return frames


def _no_rows(source: Source) -> pl.DataFrame:
    numbers = [ROW_NUMBER] if source.numbers_rows else []
    texts = dict.fromkeys([*source.source_columns(), *numbers], pl.String)
    added = {"_sheet": pl.String} if any(table.sheets for table in source.tables) else {}
    added |= empty_flags(source)
    return pl.DataFrame(schema={**texts, "_row_id": pl.Int64, "_submission_no": pl.Int32, **added})


def _columns(home: Home, use: FileUse, sheet: SheetInfo, source: Source) -> pl.DataFrame:
    assert use.raw is not None
    if source.redcap is not None:
        return export_rows(home, use, sheet, source).collect()
    plain = {name: plain_name(name) for name in source.source_columns()}
    rows = raw_rows(home, use.raw, sheet, [*(set(plain.values()) & set(sheet.columns)), "_row_id"])
    numbers = source_row_of(pl.col("_row_id")).cast(pl.String).alias(ROW_NUMBER)
    # column by column: of most files a plan takes longer than what it does
    return pl.DataFrame(
        [
            *(rows.select(numbers).get_columns() if source.numbers_rows else ()),
            *(
                rows[own].alias(name)
                if own in sheet.columns
                else constant(name, None, pl.String, rows.height)
                for name, own in plain.items()
            ),
            *(
                constant(EPOCH_PREFIX + name, sheet.excel_epoch, pl.String, rows.height)
                for name, own in plain.items()
                if own in sheet.serial_columns
            ),
            rows["_row_id"],
        ]
    )


def all_rows(uses: Sequence[FileUse]) -> pl.DataFrame:
    """Every row of every file that was read: where it stood, and its fate where that is settled already.

    The texts are categories: there are millions of rows and a handful of names. Nothing is read for it: where rows
    stand is noted when their sheet is read.
    """
    sheets = [(use, sheet) for use in uses for sheet in use.sheets]
    parts = [(at, *part) for at, of in enumerate(sheets) for part in _sheet_rows(*of)]
    heights = [len(rows) for _, rows, _ in parts]
    row_ids = np.concatenate([np.empty(0, np.int64), *(rows for _, rows, _ in parts)])
    fates = pl.Series("fate", [fate for *_, fate in parts], dtype=pl.String).cast(pl.Categorical)
    places = _places(uses).with_columns(pl.col(pl.String).cast(pl.Categorical))
    return (
        places[np.repeat(np.array([at for at, *_ in parts], dtype=np.int64), heights)]
        .hstack([pl.Series("_row_id", row_ids), fates.gather(np.repeat(np.arange(len(parts)), heights))])
        .select(
            "_row_id",
            "submission_id",
            "source_file",
            "sheet",
            source_row_of(pl.col("_row_id")).alias("source_row"),
            "source_name",
            "fate",
        )
    )


def _sheet_rows(use: FileUse, sheet: SheetInfo) -> Iterator[tuple[Numbers, str | None]]:
    """Rows of a sheet by their fate: those in force or not as a whole, blank ones, rejected ones."""
    first = row_id(use.landed.file_no, sheet.sheet_no, 0)
    read = [np.arange(begin, begin + n) for begin, n in sheet.runs]
    rejected = [row for row, *_ in sheet.rejects]
    yield np.concatenate([np.empty(0, np.int64), *read]) + first, use.fate_of(sheet)
    yield np.array(sheet.blank_rows, dtype=np.int64) + first, "blank"
    yield np.array(rejected, dtype=np.int64) + first, "rejected"


def _places(uses: Sequence[FileUse]) -> pl.DataFrame:
    """One row per file and sheet that was read."""
    rows = [
        (
            sheet_number(use.landed.file_no, sheet.sheet_no),
            use.landed.submission_id,
            use.landed.source_file,
            sheet.sheet,
            name,
        )
        for use in uses
        for name in [use.source.name if use.source else None]
        for sheet in use.sheets
    ]
    names = ("submission_id", "source_file", "sheet", "source_name")
    return pl.DataFrame(rows, schema={"_sheet": pl.Int64, **dict.fromkeys(names, pl.String)}, orient="row")


def place_rows(row_ids: pl.DataFrame, uses: Sequence[FileUse]) -> pl.DataFrame:
    """``submission_id, source_file, sheet, source_row`` beside every ``_row_id`` of a frame."""
    keyed = row_ids.lazy().with_columns(sheet_number_of(pl.col("_row_id")).alias("_sheet"))
    places = _places(uses).lazy().drop("source_name")
    placed = keyed.join(places, on="_sheet", how="left", maintain_order="left").drop("_sheet")
    return placed.with_columns(source_row_of(pl.col("_row_id")).alias("source_row")).collect()


def placed_changes(facility_id: str, uses: Sequence[FileUse], changes: list[pl.DataFrame]) -> pl.DataFrame:
    """Rows of ``quality.coercion`` and ``_row_id``: every change with the place that it stood in; takes ``changes`` apart, for there may be millions."""
    columns = columns_of(tables_of("quality")["quality.coercion"])
    schema = {column.name: column.polars_type for column in columns}
    placed: list[pl.DataFrame] = []
    while changes:
        few = [changes.pop()]
        while changes and sum(frame.height for frame in few) + changes[-1].height <= _PLACED_TOGETHER:
            few.append(changes.pop())
        part = place_rows(pl.concat(few[::-1]), uses).with_columns(
            pl.lit(facility_id).alias("facility_id"),
            (pl.col("table_name") + "." + pl.col("column_name")).alias("column_name"),
        )
        placed.append(part.select(*schema, "_row_id"))
    nothing = pl.DataFrame(schema={**schema, "_row_id": pl.Int64})  # of a mapping that feeds no table yet
    return pl.concat(placed[::-1] or [nothing], rechunk=False)
