"""What kind of file this is, by its first bytes and only then by its name.

Belongs here: asking each format, and the refusal of what is no table.
Does not belong here: reading.
"""

from __future__ import annotations

from registry_pipeline.intake.readers.archive import open_archive
from registry_pipeline.intake.readers.encoding import wide_encoding
from registry_pipeline.intake.readers.formats import formats
from registry_pipeline.intake.readers.model import ReadError, ReadLimits
from registry_pipeline.intake.readers.source import Source

_FOREIGN: tuple[tuple[bytes, str], ...] = (
    (b"%PDF", "a PDF document"),
    (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF8", "a GIF picture"),
    (b"Rar!", "a RAR archive"),
    (b"7z\xbc\xaf", "a 7-Zip archive"),
    (b"\x7fELF", "a program"),
    (b"MZ\x90", "a program"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ", "an xz archive"),
    (b"SQLite format 3\0", "an SQLite database"),
    (b"{\\rtf", "an RTF document"),
)
_TEXT_SUFFIX = {".tsv": "tsv", ".tab": "tsv"}
_NO_TEXT = bytes(code for code in range(32) if code not in (9, 10, 11, 12, 13, 26, 27))
TEXT_BOMS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")


def sniff_format(source: Source, limits: ReadLimits) -> str:
    """The name of the format.

    Raises:
        ReadError: binary, not_a_workbook or unsupported_format for what is no table; those of
            ``open_archive`` for an archive that is not safe to open.
    """
    head = source.head()
    for name, entry in formats().items():
        if head.startswith(entry.magic):
            return _inside_zip(source, limits) if name == "zip" else name
    for name, entry in formats().items():
        if entry.recognise(head, source.suffix):
            return name
    _refuse_foreign(head)
    if any(source.suffix in entry.suffixes for entry in formats().values()):
        raise ReadError("damaged", f"named {source.suffix} but not such a file; export it again")
    return _TEXT_SUFFIX.get(source.suffix, "csv")


def _inside_zip(source: Source, limits: ReadLimits) -> str:
    """A workbook is an archive too; the names of its parts tell."""
    with open_archive(source, limits) as archive:
        names = set(archive.namelist())
    if "xl/workbook.bin" in names:
        return "xlsb"
    if "xl/workbook.xml" in names or "[Content_Types].xml" in names:
        return "xlsx"
    return "ods" if {"mimetype", "content.xml"} <= names else "zip"


def _refuse_foreign(head: bytes) -> None:
    for magic, name in _FOREIGN:
        if head.startswith(magic):
            raise ReadError("binary", f"this is {name}, not a table; ask for CSV or XLSX")
    if head[128:132] == b"DICM":
        raise ReadError("binary", "this is a DICOM image, not a table; ask for CSV or XLSX")
    start = head[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith((b"<!doctype html", b"<html", b"<table")):
        raise ReadError("not_a_workbook", "this is a web page; open it in Excel and save it as XLSX")
    if start.startswith(b"<?xml"):
        raise ReadError("unsupported_format", "this is XML, which is not read; export CSV or XLSX")
    if is_binary(head):
        raise ReadError("binary", "this is not text nor a known table format; ask for CSV or XLSX")


def is_binary(head: bytes) -> bool:
    """Control characters other than blanks and line ends, beyond a stray few, are no text."""
    if head.startswith(TEXT_BOMS) or wide_encoding(head) is not None:
        return False
    controls = len(head) - len(head.translate(None, _NO_TEXT))
    return controls > max(8, len(head) // 100)
