"""JSON of unknown origin to Python values, within bounds and without quiet repairs.

Belongs here: one document or one document a line, numbers as they were written, repeated names, depth.
Does not belong here: what FHIR makes of it (``fhir.py``). No message shows a value or a name of the file.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NoReturn

from registry_pipeline.intake.readers.encoding import decode_strictly, detect_encoding
from registry_pipeline.intake.readers.model import ReadError, ReadOptions
from registry_pipeline.intake.readers.sniff import TEXT_BOMS, is_binary
from registry_pipeline.intake.readers.source import Source

MAX_DOCUMENT_BYTES = 512 * 2**20
"""JSON takes some ten times its size in memory, so there is a bound of its own."""
MAX_LINE_BYTES = 64 * 2**20
LINE_SUFFIXES = (".ndjson", ".jsonl")
_SUFFIXES = (".json", *LINE_SUFFIXES)
_JSON = re.compile(rb"\s*(?:\{\s*(?:\"[A-Za-z_$@]+\"\s*:|\})|\[\s*[\[{\]])")
_REPEATED = "\0repeated"
_PREVIEW_BYTES = 2**20


class Number(str):
    """A number as it was written: ``1.50`` stays ``1.50``, and no size of it can do harm."""


@dataclass(frozen=True)
class Document:
    """One JSON value with the place where it stood, or the reason why it could not be read.

    Attributes:
        source_row: the line it stands on, 1 for a file that is one document.
        reason: malformed_json, nested_too_deeply, repeated_names, undecodable, line_too_long, or ''.
        is_blank: an empty line.
    """

    source_row: int
    value: Any = None
    reason: str = ""
    is_blank: bool = False


def is_json(head: bytes, suffix: str) -> bool:
    """Begins as JSON objects and lists do, which no header of a table does; what it holds the reader tells."""
    text = head.decode("utf-16", "ignore").encode() if head.startswith(TEXT_BOMS[1:3]) else head
    return _JSON.match(text.removeprefix(TEXT_BOMS[0])) is not None or (
        suffix in _SUFFIXES and not is_binary(head)
    )


def read_documents(source: Source, options: ReadOptions) -> tuple[bool, str, list[Document]]:
    """Whether the file holds one document a line, its encoding, and its documents.

    Raises:
        ReadError: too_large, undecodable, replacement_character; damaged for a single document that is cut
            off, malformed or nested too deeply.
    """
    if source.n_bytes > MAX_DOCUMENT_BYTES:
        limit = MAX_DOCUMENT_BYTES // 2**20
        raise ReadError("too_large", f"more than {limit} MB of JSON; export by resource type or by year")
    decoding = detect_encoding(source, options.encoding, may_be_chinese=False)
    data = decoding.data.data[decoding.start :]
    if decoding.codec != "utf-8":
        raise ReadError("undecodable", "JSON must be UTF-8; export it again without converting it")
    if _is_by_lines(data, source.suffix):
        return True, decoding.label, list(_by_lines(data))
    document = _parse(data.strip(), 1)
    if document.reason not in ("", "repeated_names"):
        raise ReadError("damaged", _WHOLE[document.reason])
    return False, decoding.label, [document]


_WHOLE = {
    "malformed_json": "the JSON is malformed or cut off; ask for the file again",
    "nested_too_deeply": "the JSON is nested too deeply for a FHIR resource; it was not read",
    "undecodable": "the JSON is not UTF-8 throughout; export it again without converting it",
}


def _is_by_lines(data: bytes, suffix: str) -> bool:
    """One of the first two filled lines is an object by itself, and there is more than one such line."""
    if suffix in LINE_SUFFIXES:
        return True
    lines = [line for line in data[:_PREVIEW_BYTES].split(b"\n") if line.strip()][:3]
    return len(lines) > 1 and any(isinstance(_parse(line.strip(), 1).value, dict) for line in lines[:2])


def _by_lines(data: bytes) -> Iterator[Document]:
    lines = data.split(b"\n")
    if lines and not lines[-1].strip():
        lines.pop()
    for number, line in enumerate(lines, start=1):
        text = line.strip()
        if not text:
            yield Document(number, is_blank=True)
        elif len(text) > MAX_LINE_BYTES:
            yield Document(number, reason="line_too_long")
        else:
            yield _parse(text, number)


def _parse(data: bytes, source_row: int) -> Document:
    text = decode_strictly(data, "utf-8")
    if text is None:
        return Document(source_row, reason="undecodable")
    repeated: list[bool] = []
    try:
        value = json.loads(
            text,
            object_pairs_hook=lambda pairs: _object(pairs, repeated),
            parse_float=Number,
            parse_int=Number,
            parse_constant=_no_number,
        )
    except RecursionError:
        return Document(source_row, reason="nested_too_deeply")
    except ValueError:
        return Document(source_row, reason="malformed_json")
    return Document(source_row, value, "repeated_names" if repeated else "")


def _no_number(_: str) -> NoReturn:
    raise ValueError("NaN and Infinity are no JSON")


def _object(pairs: list[tuple[str, Any]], repeated: list[bool]) -> dict[str, Any]:
    """A name that stands twice would quietly lose one of its values; such an object is marked."""
    value = dict(pairs)
    if len(value) != len(pairs):
        value[_REPEATED] = True
        repeated.append(True)
    return value


def has_repeated_names(value: Any) -> bool:
    """Whether an object anywhere within a value had a name twice."""
    waiting = [value]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            if _REPEATED in part:
                return True
            waiting.extend(part.values())
        elif isinstance(part, list):
            waiting.extend(part)
    return False
