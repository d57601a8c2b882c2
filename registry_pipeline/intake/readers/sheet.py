"""From a grid of text to a ``RawSheet``: the last steps that all readers share.

Belongs here: empty cells to null, blank rows, totals rows, skipped rows, column names.
Does not belong here: reading bytes of any format.
"""

from __future__ import annotations

from functools import cache

import polars as pl

from registry_pipeline.intake.readers.header import Header
from registry_pipeline.intake.readers.model import SOURCE_ROW, RawSheet, ReadError, ReadOptions, Reject

_SPACE = r"^\s*$"
_MARKER_EDGES = " \t\r\n\u3000:：*"


def column_ids(n: int) -> list[str]:
    """Positional column names used until the header's names are given."""
    return [f"c{i}" for i in range(n)]


def finish_sheet(
    grid: pl.DataFrame,
    header: Header,
    options: ReadOptions,
    *,
    sheet: str,
    encoding: str,
    rejects: list[Reject],
    notes: list[str],
) -> RawSheet:
    """Take blank, totals and skipped rows out of a grid and name its columns.

    ``grid``: positional text columns (``column_ids``) and ``source_row``, rows below the header only.

    Raises:
        ReadError: too_large when the limits on rows or columns are passed.
    """
    _check_size(grid, options)
    if options.skip_rows:
        grid = grid.filter(~pl.col(SOURCE_ROW).is_in(list(options.skip_rows)))
    blank_rows: list[int] = []
    totals: list[Reject] = []
    repeats: list[Reject] = []
    if _may_hold_others(grid, header, options):
        blank = _blank_mask(grid)
        blank_rows = grid.filter(blank)[SOURCE_ROW].to_list() if blank.any() else []
        grid = grid.filter(~blank) if blank_rows else grid
        grid, totals = _take_totals(grid, options)
        grid, repeats = _take_headers(grid, header)
    grid, names, received, dropped = _drop_nameless(grid, header)
    grid.columns = [*names, SOURCE_ROW]
    return RawSheet(
        frame=grid,
        sheet=sheet,
        header=received,
        encoding=encoding,
        blank_rows=blank_rows,
        rejects=sorted(rejects + totals + repeats, key=lambda reject: reject.source_row),
        notes=[*header.notes, *dropped, *notes],
    )


def reject_long_cells(grid: pl.DataFrame, options: ReadOptions) -> tuple[pl.DataFrame, list[Reject]]:
    """Rows with a cell beyond the limit are no records."""
    limit = options.limits.max_cell_bytes
    too_long = pl.any_horizontal(pl.col(pl.String).str.len_bytes() > limit).fill_null(False)
    mask = grid.select(too_long).to_series()
    if not mask.any():
        return grid, []
    message = f"a cell is longer than the limit of {limit:,} bytes"
    rows = grid.filter(mask)[SOURCE_ROW].to_list()
    return grid.filter(~mask), [Reject(row, "cell_too_long", message) for row in rows]


def _check_size(grid: pl.DataFrame, options: ReadOptions) -> None:
    limits = options.limits
    if len(grid) > limits.max_rows:
        raise ReadError("too_large", f"more than {limits.max_rows:,} rows; split the export")
    if grid.width - 1 > limits.max_columns:
        raise ReadError("too_large", f"more than {limits.max_columns:,} columns; check the delimiter")


def _may_hold_others(grid: pl.DataFrame, header: Header, options: ReadOptions) -> bool:
    """Whether a row may be no record, told from two cells in one plan: its first one, and the first under a name."""
    columns = grid.columns[:-1]
    if not columns or grid.is_empty():
        return True
    named = zip(columns, header.received, strict=False)
    is_header = [pl.col(column) == name for column, name in named if name.strip()][:1]
    signs = [_is_no_record(columns[0], tuple(options.totals_row_markers)), *is_header]
    return bool(grid.select(pl.any_horizontal(signs).any()).item())


@cache
def _is_no_record(first: str, totals_row_markers: tuple[str, ...]) -> pl.Expr:
    """Whether the first cell of a row says that it is none, but for a header; most files ask the same."""
    return _is_blank(first) | _is_marker(pl.col(first), {_marker(text) for text in totals_row_markers})


def _blank_mask(grid: pl.DataFrame) -> pl.Series:
    """Rows without a filled cell; whole columns are looked at only for rows whose first cell is empty."""
    columns = grid.columns[:-1]
    if not columns or grid.is_empty():
        return pl.Series([True] * len(grid), dtype=pl.Boolean)
    first = grid.select(_is_blank(columns[0])).to_series()
    if not first.any():
        return first
    rest = grid.filter(first).select(pl.all_horizontal([_is_blank(c) for c in columns])).to_series()
    places = first.arg_true()
    mask = pl.Series([False]).new_from_index(0, len(grid))
    return mask.scatter(places.filter(rest), True) if rest.any() else mask


def _is_blank(column: str) -> pl.Expr:
    return pl.col(column).is_null() | pl.col(column).str.contains(_SPACE)


def _take_totals(grid: pl.DataFrame, options: ReadOptions) -> tuple[pl.DataFrame, list[Reject]]:
    markers = {_marker(text) for text in options.totals_row_markers}
    columns = grid.columns[:-1]
    if not markers or not columns or grid.is_empty():
        return grid, []
    # nearly all rows are settled by their first column
    candidates = grid.filter(_is_marker(pl.col(columns[0]), markers) | _is_blank(columns[0]))
    if candidates.is_empty():
        return grid, []
    cells = [pl.when(~_is_blank(c)).then(pl.col(c)) for c in columns[:8]]
    rows = candidates.filter(_is_marker(pl.coalesce(cells), markers))[SOURCE_ROW]
    if rows.is_empty():
        return grid, []
    message = "a totals row, not a record; left out"
    rejects = [Reject(row, "totals_row", message) for row in rows]
    return grid.filter(~pl.col(SOURCE_ROW).is_in(rows.implode())), rejects


def _take_headers(grid: pl.DataFrame, header: Header) -> tuple[pl.DataFrame, list[Reject]]:
    """The header that stands again among the rows, as where files or pages were joined."""
    columns = grid.columns[:-1]
    names = header.received[: len(columns)]
    n_named = sum(1 for name in names if name.strip())
    if n_named < 2 or grid.is_empty():
        return grid, []
    at = next(i for i, name in enumerate(names) if name.strip())
    candidates = grid.filter(pl.col(columns[at]) == names[at])
    if candidates.is_empty():
        return grid, []
    same = [
        pl.col(c).eq_missing(pl.lit(n if n != "" else None, dtype=pl.String))
        for c, n in zip(columns, names, strict=False)
    ]
    rows = candidates.filter(pl.all_horizontal(same))[SOURCE_ROW]
    rejects = [Reject(row, "repeated_header", "the header again, not a record; left out") for row in rows]
    return grid.filter(~pl.col(SOURCE_ROW).is_in(rows.implode())) if rejects else grid, rejects


def _is_marker(text: pl.Expr, markers: set[str]) -> pl.Expr:
    return text.str.strip_chars(_MARKER_EDGES).str.to_lowercase().is_in(list(markers))


def _marker(text: str) -> str:
    return text.strip(_MARKER_EDGES).lower()


def _drop_nameless(
    grid: pl.DataFrame, header: Header
) -> tuple[pl.DataFrame, list[str], tuple[str, ...], list[str]]:
    """Leave out columns that have neither a name nor a value."""
    nameless = [i for i, name in enumerate(header.received) if not name.strip()]
    is_empty = grid.select(_is_blank(f"c{i}").all() for i in nameless).row(0) if nameless else ()
    empty = {i for i, is_blank in zip(nameless, is_empty, strict=True) if is_blank}
    named = [i for i in range(len(header.names)) if i not in empty]
    notes = [f"{len(empty)} columns without name and values left out"] if empty else []
    return (
        grid[[*(f"c{i}" for i in named), SOURCE_ROW]],
        [header.names[i] for i in named],
        tuple(header.received[i] for i in named),
        notes,
    )
