"""FHIR R4 in JSON (a Bundle, a resource, or one resource a line as in bulk exports) to one sheet per profile.

Belongs here: finding the resources and their places, and giving every one of them a row or a reason.
Does not belong here: JSON (``intake/readers/fhir/documents.py``), profiles (``intake/readers/fhir/kinds.py``) and columns (``intake/readers/fhir/profiles.py``).

Plain JSON, no FHIR library: those validate a whole resource against the base specification and refuse it for
one element that we do not even read, and the current ones read R5 or R4B first. Here every resource that can be
told apart becomes a row of text; whether its values are right is for the mapping and the rules, as with any
other export. ``source_row`` is the number of the entry in its Bundle, or the line.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import polars as pl

from registry_pipeline.intake.readers.fhir.documents import (
    Document,
    Number,
    has_repeated_names,
    is_json,
    read_documents,
)
from registry_pipeline.intake.readers.fhir.kinds import OTHER, sheet_of
from registry_pipeline.intake.readers.fhir.modifiers import NoFact, doubts, refuse_no_fact
from registry_pipeline.intake.readers.fhir.profiles import SHEETS, columns_of_sheet, common
from registry_pipeline.intake.readers.fhir.values import Cells, Malformed, References, Resource, scalar
from registry_pipeline.intake.readers.formats import Format
from registry_pipeline.intake.readers.model import SOURCE_ROW, RawSheet, ReadError, ReadOptions, Reject
from registry_pipeline.intake.readers.source import Source

_NO_FHIR = "this is JSON, but no FHIR resource or Bundle; export CSV, XLSX or FHIR R4"
_MESSAGES = {
    "malformed_json": "the line is not JSON or is cut off; the resource was not read",
    "nested_too_deeply": "the JSON is nested too deeply for a FHIR resource; it was not read",
    "repeated_names": "an element stands twice in one object, so one of its values would be lost; not read",
    "undecodable": "the text is not UTF-8, or holds a character that was lost in an earlier conversion",
    "nul_byte": "the text holds a NUL character; the file may be damaged",
    "line_too_long": "the line is longer than 64 MB; the resource was not read",
    "no_resource": "the entry holds no resource with a resourceType",
    "nested_bundle": "a Bundle within a Bundle or on a line is not opened; send it as a file of its own",
    "cell_too_long": "an element is longer than the limit of {limit:,} bytes",
    "no_fact": "its {element} is '{code}', so the resource states no fact; it was not used",
    "unknown_modifier": "it has a modifierExtension that is not known ({address}), which may turn its meaning round;"
    " it was not used",
    "wrong_type": "the element '{element}' is not of its FHIR type; the resource was not read",
}


@dataclass
class _Contents:
    """Resources with their places; what could not be read; what there was besides."""

    resources: list[tuple[int, Resource, str | None]] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    blank: list[int] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def reject(self, source_row: int, reason: str, **words: object) -> None:
        """Note a resource that becomes no row."""
        self.rejects.append(Reject(source_row, reason, _MESSAGES[reason].format(**words)))


def read_fhir(source: Source, options: ReadOptions) -> list[RawSheet]:
    """One sheet per profile that occurs, in the order of ``SHEETS``; rejected and blank places are with Other.

    Raises:
        ReadError: those of ``read_documents``; unsupported_format for JSON that is no FHIR, empty.
    """
    is_by_lines, encoding, documents = read_documents(source, options)
    contents = _Contents()
    if is_by_lines:
        _add_lines(documents, contents)
    else:
        _add_whole(documents[0], contents)
    n_resources = len(contents.resources) + len(contents.rejects)
    if n_resources == 0:
        raise ReadError("empty", "the bundle has no entry; ask the facility to export it again")
    if all(reject.reason_code == "no_resource" for reject in contents.rejects) and not contents.resources:
        raise ReadError("unsupported_format", _NO_FHIR)
    if n_resources > options.limits.max_rows:
        raise ReadError("too_large", f"more than {options.limits.max_rows:,} resources; split the export")
    return _sheets(_rows(contents, options), contents, encoding, options)


def _add_lines(documents: list[Document], contents: _Contents) -> None:
    for document in documents:
        if document.is_blank:
            contents.blank.append(document.source_row)
        elif document.reason:
            contents.reject(document.source_row, document.reason)
        elif isinstance(document.value, dict) and document.value.get("resourceType") == "Bundle":
            contents.reject(document.source_row, "nested_bundle")
        else:
            _add(document.source_row, document.value, None, contents, may_repeat=False)


def _add_whole(document: Document, contents: _Contents) -> None:
    value, may_repeat = document.value, bool(document.reason)
    if isinstance(value, list):
        for number, resource in enumerate(value, start=1):
            _add(number, resource, None, contents, may_repeat)
    elif isinstance(value, dict) and value.get("resourceType") == "Bundle":
        _add_bundle(value, contents, may_repeat)
    elif isinstance(value, dict) and _has_type(value):
        _add(1, value, None, contents, may_repeat)
    else:
        raise ReadError("unsupported_format", _NO_FHIR)


def _add_bundle(bundle: Resource, contents: _Contents, may_repeat: bool) -> None:
    entries = bundle.get("entry", [])
    if not isinstance(entries, list):
        raise ReadError("damaged", "the entries of the Bundle are no list; ask for the file again")
    links = bundle.get("link")
    if isinstance(links, list) and any(isinstance(o, dict) and o.get("relation") == "next" for o in links):
        contents.warnings.append("the Bundle is one page of several; send the following pages too")
    for number, entry in enumerate(entries, start=1):
        is_entry = isinstance(entry, dict)
        address = entry.get("fullUrl") if is_entry else None
        resource = entry.get("resource") if is_entry else None
        _add(number, resource, address if isinstance(address, str) else None, contents, may_repeat)


def _add(place: int, resource: object, address: str | None, contents: _Contents, may_repeat: bool) -> None:
    if not isinstance(resource, dict) or not _has_type(resource):
        contents.reject(place, "no_resource")
    elif resource["resourceType"] == "Bundle":
        contents.reject(place, "nested_bundle")
    elif may_repeat and has_repeated_names(resource):
        contents.reject(place, "repeated_names")
    else:
        contents.resources.append((place, resource, address))


def _has_type(resource: Resource) -> bool:
    kind = resource.get("resourceType")
    return isinstance(kind, str) and not isinstance(kind, Number)


def _rows(contents: _Contents, options: ReadOptions) -> dict[str, list[tuple[int, Cells]]]:
    """Sheet -> rows; resources that are malformed join the rejects."""
    refs = References()
    for _, resource, address in contents.resources:
        try:
            refs.add(resource, address, _own_id(resource, address))
        except Malformed:
            continue  # told below, with its place
    rows: dict[str, list[tuple[int, Cells]]] = {}
    used: list[Resource] = []
    for place, resource, address in contents.resources:
        try:
            refuse_no_fact(resource)
            sheet = sheet_of(resource)
            own_id = _own_id(resource, address)
            cells = {**common(resource, refs, own_id), **SHEETS[sheet](resource, refs)}
        except Malformed as error:
            contents.reject(place, "wrong_type", element=error)
            continue
        except NoFact as error:
            contents.reject(place, error.reason, **error.words)
            continue
        used.append(resource)
        reason = _unfit(cells, options.limits.max_cell_bytes)
        if reason:
            contents.reject(place, reason, limit=options.limits.max_cell_bytes)
        else:
            rows.setdefault(sheet, []).append((place, cells))
    contents.warnings.extend(doubts(used))
    return rows


def _own_id(resource: Resource, address: str | None) -> str | None:
    """The id of a resource; in a transaction only the address of its entry may tell it apart."""
    own = scalar(resource.get("id"), "id")
    return own or ((address or "").rpartition(":" if (address or "").startswith("urn:") else "/")[2] or None)


def _unfit(cells: Cells, limit: int) -> str:
    for text in filter(None, cells.values()):
        if "\0" in text:
            return "nul_byte"
        if not text.isascii() and ("\ufffd" in text or any("\ud800" <= c <= "\udfff" for c in text)):
            return "undecodable"
        if len(text) * 4 > limit and len(text.encode()) > limit:
            return "cell_too_long"
    return ""


def _sheets(
    rows: dict[str, list[tuple[int, Cells]]], contents: _Contents, encoding: str, options: ReadOptions
) -> list[RawSheet]:
    if contents.rejects or contents.blank or contents.warnings:
        rows.setdefault(OTHER, [])
    sheets = []
    for sheet in (name for name in SHEETS if name in rows):
        frame = _frame(sheet, rows[sheet])
        rejects = sorted(contents.rejects, key=lambda reject: reject.source_row) if sheet == OTHER else []
        sheets.append(
            RawSheet(
                frame=frame,
                sheet=sheet,
                header=tuple(frame.columns[:-1]),
                encoding=encoding,
                blank_rows=contents.blank if sheet == OTHER else [],
                rejects=rejects,
                notes=[],
                warnings=contents.warnings if sheet == OTHER else [],
            )
        )
    names = options.sheets
    return [sheet for sheet in sheets if names is None or sheet.sheet in names or sheet.rejects]


def _frame(sheet: str, rows: list[tuple[int, Cells]]) -> pl.DataFrame:
    names = dict.fromkeys(columns_of_sheet(sheet))
    names |= dict.fromkeys(name for _, cells in rows for name in cells)
    columns = {name: pl.Series([cells.get(name) for _, cells in rows], dtype=pl.String) for name in names}
    return pl.DataFrame({**columns, SOURCE_ROW: pl.Series([at for at, _ in rows], dtype=pl.Int64)})


FORMATS = (Format("fhir", read_fhir, recognise=is_json),)
