"""Stata, SPSS and SAS files through pyreadstat, with value labels in place of codes.

Belongs here: labels, user-defined missing values, the choice of pyreadstat's function.
Does not belong here: typed values to text (columnar.py).

Where a value has a label, the label's text is what the sheet shows, because that is what the facility's
people see; a value without a label stays as it is. User-defined missing values are kept (as their label or
code) for the facility's mapping to recognise, never turned into nothing.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from registry_pipeline.intake.readers.columnar import sheet_of_table
from registry_pipeline.intake.readers.model import RawSheet, ReadError, ReadOptions
from registry_pipeline.intake.readers.sniff import sniff_format
from registry_pipeline.intake.readers.source import Source

if TYPE_CHECKING:
    from collections.abc import Iterator

_FUNCTIONS = {"stata": "read_dta", "spss": "read_sav", "sas": "read_sas7bdat", "xport": "read_xport"}


def read_statistical(source: Source, options: ReadOptions) -> list[RawSheet]:
    """Read one Stata (.dta), SPSS (.sav, .zsav) or SAS (.sas7bdat, .xpt) file.

    Raises:
        ReadError: damaged, undecodable (declare the encoding), too_large.
    """
    kind = sniff_format(source, options.limits)
    if kind == "sas" and source.head(6) == b"HEADER":
        kind = "xport"
    with _on_disk(source) as path:
        table, meta = _read(path, kind, options)
    table, n_labelled = _apply_labels(table, meta.variable_value_labels)
    notes = [f"value labels shown instead of codes in {n_labelled} columns"] if n_labelled else []
    encoding = str(meta.file_encoding or options.encoding or "utf-8").lower()
    return [sheet_of_table(table, options, encoding=encoding, notes=notes)]


@contextmanager
def _on_disk(source: Source) -> Iterator[Path]:
    """pyreadstat reads paths only; what came out of an archive gets a private one for the moment."""
    if source.path is not None:
        yield source.path
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"member{source.suffix}"
        path.write_bytes(source.whole())
        yield path


def _read(path: Path, kind: str, options: ReadOptions) -> tuple[pl.DataFrame, Any]:
    import pyreadstat

    function = getattr(pyreadstat, _FUNCTIONS[kind])
    arguments: dict[str, Any] = {"encoding": options.encoding, "output_format": "polars"}
    if kind != "xport":
        arguments["user_missing"] = True
    try:
        _, meta = function(str(path), metadataonly=True, encoding=options.encoding)
        if (meta.number_rows or 0) > options.limits.max_rows:
            raise ReadError("too_large", f"more than {options.limits.max_rows:,} rows; split the export")
        table, meta = function(str(path), **arguments)
    except ReadError:
        raise
    except UnicodeDecodeError:
        raise ReadError("undecodable", "text does not decode; declare the encoding in the mapping") from None
    except Exception as error:
        if "convert" in str(error).casefold() or "encoding" in str(error).casefold():
            raise ReadError("undecodable", "text does not decode; declare the encoding") from None
        raise ReadError("damaged", f"the {kind} file is damaged or cut off; ask for it again") from None
    return table, meta


def _apply_labels(table: pl.DataFrame, labels: Mapping[str, Mapping[Any, str]]) -> tuple[pl.DataFrame, int]:
    columns, n_labelled = [], 0
    for series in table.get_columns():
        by_value = labels.get(series.name)
        if by_value:
            series = _labelled(series, by_value)
            n_labelled += 1
        columns.append(series)
    return pl.DataFrame(columns), n_labelled


def _labelled(series: pl.Series, by_value: Mapping[Any, str]) -> pl.Series:
    texts = [_label(value, by_value) for value in series.to_list()]
    return pl.Series(series.name, texts, dtype=pl.String)


def _label(value: Any, by_value: Mapping[Any, str]) -> str | None:
    if value is None or value != value:
        return None
    if value in by_value:
        return by_value[value]
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
