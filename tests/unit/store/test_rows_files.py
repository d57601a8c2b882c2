"""Files of rows that no SQL reads: Arrow's stream where rows are few, else Parquet, and the same rows from both."""

from pathlib import Path

import polars as pl
import pytest

from registry_pipeline.core.files import StoreError
from registry_pipeline.store import parquet
from registry_pipeline.store.parquet import (
    StoredRows,
    count_rows,
    read_all_parquet,
    read_parquet,
    scan_rows,
    write_rows,
)

ROWS = pl.DataFrame(
    {
        "patient_id": ["a", "b", None] * 4,
        "_row_ids": [[1], [2, 3], []] * 4,
        "kind": pl.Series(["x", "y", None] * 4, dtype=pl.Categorical),
        "day": pl.Series([1, None, 3] * 4).cast(pl.Date),
        "note": pl.Series([None] * 12, dtype=pl.String),
    }
)


@pytest.mark.parametrize("few", [12, 11])
def test_rows_are_read_back_as_they_were_whatever_they_are_kept_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    monkeypatch.setattr(parquet, "_FEW_ROWS", few)
    path, none = write_rows(ROWS, tmp_path / "a.rows"), write_rows(ROWS.clear(), tmp_path / "none.rows")
    assert (path.read_bytes()[:4] == b"PAR1") == (few < ROWS.height)
    for read in (read_parquet(path), scan_rows(path).collect(), *read_all_parquet([path])):
        assert read.schema == ROWS.schema and read.equals(ROWS)
    assert read_parquet(path, ["day", "patient_id"]).equals(ROWS.select("day", "patient_id"))
    assert pl.concat(StoredRows(path).iter_slices(5)).equals(ROWS)
    assert [part.height for part in StoredRows(path).iter_slices(5)] == [5, 5, 2]
    assert (count_rows(path), count_rows(none)) == (12, 0)
    assert read_parquet(none).schema == ROWS.schema


def test_a_file_holds_no_rows_of_the_frame_that_its_own_were_cut_from(tmp_path: Path) -> None:
    """Rows of several facilities are typed under one another; the hash of a file is of its rows alone."""
    texts = [
        None if n % 4 == 0 else f"a text that is longer than twelve bytes, number {n}" for n in range(40)
    ]
    whole = pl.DataFrame({"text": texts, "is_odd": [n % 3 == 1 for n in range(40)]})
    for first in range(30):
        cut = whole.slice(first, 5 * (first % 3 > 0))
        own = pl.DataFrame(cut.to_dict(as_series=False), schema=whole.schema)
        kept, alone = write_rows(cut, tmp_path / "cut.rows"), write_rows(own, tmp_path / "own.rows")
        assert kept.read_bytes() == alone.read_bytes()


@pytest.mark.parametrize("content", [b"", b"PAR1", b"\xff\xff\xff\xff", b"PAR2 no rows"])
def test_a_damaged_file_is_said_to_be_damaged(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.rows"
    path.write_bytes(content)
    for read in (read_parquet, lambda path: scan_rows(path).collect(), count_rows):
        with pytest.raises((StoreError, pl.exceptions.PolarsError)):  # what is read later is told by polars
            read(path)
