"""Stata, SPSS and SAS files through pyreadstat, with value labels in place of codes.

Belongs here: labels, user-defined missing values, the choice of pyreadstat's function.
Does not belong here: typed values to text (``columnar.py``), what a date is (``display_formats.py``): pyreadstat knows
display formats by lists, and takes those it does not know for days or for numbers.

Where a value has a label, the label's text is what the sheet shows, because that is what the facility's
people see; a value without a label stays as it is. A value that the file declares missing is never taken for a
number: with a label it is its label, for the mapping's codes or sentinels; without one it is ``[missing 99]``
(``[missing a]`` for Stata's ``.a``), which staging takes for blank.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Hashable, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from registry_pipeline.core.native_panics import panics_as_exceptions
from registry_pipeline.intake.readers.columnar import sheet_of_table
from registry_pipeline.intake.readers.display_formats import DateFormat, date_format, date_text
from registry_pipeline.intake.readers.formats import Format
from registry_pipeline.intake.readers.model import DECLARED_MISSING, RawSheet, ReadError, ReadOptions
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
    table, notes = _shown(table, meta, kind)
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
    arguments: dict[str, Any] = {
        "encoding": options.encoding, "output_format": "polars", "disable_datetime_conversion": True
    }  # fmt: skip
    if kind != "xport":
        arguments["user_missing"] = True
    try:
        with panics_as_exceptions():
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


def _shown(table: pl.DataFrame, meta: Any, kind: str) -> tuple[pl.DataFrame, list[str]]:
    """The table with labels, dates, and marks for values that are declared missing; notes of them."""
    columns, n_labelled, n_marked = [], 0, 0
    for series in table.get_columns():
        labels = meta.variable_value_labels.get(series.name) or {}
        is_missing = _missing_test(meta, series.name)
        form = date_format(kind, meta.original_variable_types.get(series.name))
        if form is not None and series.dtype == pl.String:
            form = None
        if labels or is_missing is not None or form is not None or series.dtype == pl.Object:
            series = _texts(series, labels, is_missing or _is_nothing, form)
            n_labelled += bool(labels)
            n_marked += is_missing is not None and bool(series.str.contains(DECLARED_MISSING).any())
        columns.append(series)
    notes = [f"value labels shown instead of codes in {n_labelled} columns"] if n_labelled else []
    if n_marked:
        notes.append(f"values that the file declares missing are marked in {n_marked} columns")
    return pl.DataFrame(columns), notes


def _texts(
    series: pl.Series, labels: Mapping[Any, str], is_missing: Callable[[Any], bool], form: DateFormat | None
) -> pl.Series:
    """A column as text, each distinct value once."""
    values = series.to_list()
    texts = {value: _cell(value, labels, is_missing, form) for value in set(values)}
    return pl.Series(series.name, [texts[value] for value in values], dtype=pl.String)


def _missing_test(meta: Any, name: str) -> Callable[[Any], bool] | None:
    """Whether a value of a column is declared missing: ranges in SPSS, letters in Stata and SAS."""
    ranges = (meta.missing_ranges or {}).get(name)
    letters = set((meta.missing_user_values or {}).get(name) or ())
    if not ranges and not letters:
        return None

    def test(value: Any) -> bool:
        if isinstance(value, str) and value in letters:
            return True
        same = (bound for bound in ranges or () if isinstance(value, str) == isinstance(bound["lo"], str))
        return isinstance(value, str | int | float) and any(
            bound["lo"] <= value <= bound["hi"] for bound in same
        )

    return test


def _is_nothing(_: Any) -> bool:
    return False


def _cell(
    value: Any, labels: Mapping[Any, str], is_missing: Callable[[Any], bool], form: DateFormat | None
) -> str | None:
    if value is None or value != value:
        return None
    if isinstance(value, Hashable) and value in labels:
        return labels[value]
    if form is not None and isinstance(value, int | float):
        text = date_text(value, form)
    else:
        text = str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
    return f"[missing {text}]" if is_missing(value) else text


_SAS_MAGIC = b"\xc2\xea\x81\x60\xb3\x14\x11\xcf\xbd\x92\x08\x00\x09\xc7\x31\x8c\x18\x1f\x10\x11"
_OLD_STATA = {104, 105, 108, 110, 111, 113, 114, 115}

FORMATS = (
    Format(
        "stata",
        read_statistical,
        (b"<stata_dta>",),
        (".dta",),
        lambda head, suffix: suffix == ".dta" and head[:1] != b"" and head[0] in _OLD_STATA,
        unpacked=2,
    ),
    Format("spss", read_statistical, (b"$FL2", b"$FL3"), (".sav", ".zsav"), unpacked=10),
    Format(
        "sas",
        read_statistical,
        (b"HEADER RECORD*******LIB",),
        (".sas7bdat", ".xpt"),
        lambda head, _: head[12:32] == _SAS_MAGIC,
        unpacked=4,
    ),
)
