"""Which encoding a delimited file is in, decided from all of its bytes, and never by guessing silently.

Belongs here: byte-order marks, strict UTF-8, the GB18030 and Windows-1252 plausibility tests.
Does not belong here: what the characters mean; lines that do not decode are rejected by the line reader.

The order is principled: a byte-order mark is decisive; then what the facility declared; then UTF-16 by its
zero bytes; then strict UTF-8, which other encodings rarely satisfy by chance (GBK does in files of a few Chinese
characters: such a file is read as GB18030 and a warning asks); then GB18030 (the
superset of GB2312 and GBK) where the characters it gives are the common ones of Chinese text; then
Windows-1252 where they are Western European letters. Anything else is refused with a request to declare.
"""

from __future__ import annotations

import codecs
import re
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pyarrow as pa

from registry_pipeline.intake.readers.model import ReadError
from registry_pipeline.intake.readers.source import Source

BLOCK_BYTES = 16 * 2**20
_BOMS = (
    (b"\xef\xbb\xbf", "utf-8"),
    (b"\xff\xfe\x00\x00", "utf-32-le"),
    (b"\x00\x00\xfe\xff", "utf-32-be"),
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
)
_WIDE = ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be")
_CHINESE = {"gb2312", "gbk", "gb18030", "hz", "936", "cp936", "ms936"}
_WESTERN = set("ÀÂÄÆÇÈÉÊËÎÏÔŒÖÙÛÜŸßàâäæçèéêëîïôœöùûüÿñÑáíóúÁÍÓÚìòãõåÅøØ€°±µ×²³½¼–—‘’“”„«»•…§®™·\u00a0")
_LONG_SEQUENCE = re.compile(rb"[\xe0-\xf4]")
"""Begins a character of three or four bytes, as every Chinese one has in UTF-8."""
_WORD = re.compile("[A-Za-z][\u0080-\u07ff]|[\u0080-\u07ff][A-Za-z]|[\u0080-\u07ff]{3}")
_ALSO_UTF8 = (
    "the text is Chinese in GB18030 and unlikely signs in UTF-8, which its bytes are too; it was read as GB18030:"
    " declare the encoding in the mapping"
)
_FEW_LINES = 0.1  # a file where fewer do not decode loses these lines, and is not refused
_MIN_PLAUSIBLE = 0.7
_SAMPLE_LINES = 5000
_MAX_LINE_SAMPLE = 4096


@dataclass(frozen=True)
class Decoding:
    """How to turn the file into text: ``codec`` is ASCII-compatible, line by line safe; ``start`` skips a BOM.

    ``data`` is the source itself or, for UTF-16 and UTF-32, its text transcoded to UTF-8.
    ``is_clean`` promises that every line decodes.
    """

    data: Source
    codec: str
    label: str
    start: int
    is_clean: bool
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def detect_encoding(source: Source, declared: str | None, *, may_be_chinese: bool = True) -> Decoding:
    """Decide the encoding of a delimited file.

    Args:
        declared: what the mapping says, or None.
        may_be_chinese: False where the format itself demands Unicode: then valid UTF-8 is UTF-8.

    Raises:
        ReadError: undecodable, replacement_character (U+FFFD in the text) or bad_option.
    """
    bom = next(((mark, codec) for mark, codec in _BOMS if source.head(4).startswith(mark)), None)
    codec_declared = _normalise_codec(declared) if declared else None
    if bom is not None:
        return _from_bom(source, bom[0], bom[1], codec_declared)
    codec = codec_declared or wide_encoding(source.head()) or "utf-8"
    if codec in ("utf-16", "utf-32"):
        codec = wide_encoding(source.head()) or f"{codec}-le"
    if codec in _WIDE:
        return _transcode(source, codec, 0, ())
    if codec == "utf-8" and _is_strict_utf8(source, 0):
        if declared is None and may_be_chinese and _is_rather_chinese(source):
            return Decoding(source, "gb18030", "gb18030", 0, False, warnings=(_ALSO_UTF8,))
        return _checked(Decoding(source, "utf-8", "utf-8", 0, True))
    return _checked(_by_lines(source, codec_declared))


def _normalise_codec(name: str) -> str:
    if name.lower().replace("-", "").replace("_", "") in _CHINESE:
        return "gb18030"
    try:
        codec = codecs.lookup(name).name
    except LookupError:
        raise ReadError("bad_option", "the declared encoding is not known; name one such as utf-8") from None
    return {"utf-8-sig": "utf-8", "ascii": "utf-8", "iso8859-1": "latin-1"}.get(codec, codec)


def _from_bom(source: Source, mark: bytes, codec: str, declared: str | None) -> Decoding:
    notes = ["byte-order mark removed"]
    if declared is not None and not codec.startswith(declared):
        notes.append(f"the byte-order mark says {codec}, which overrides the declared {declared}")
    if codec in _WIDE:
        return _transcode(source, codec, len(mark), tuple(notes))
    clean = _is_strict_utf8(source, len(mark))
    return _checked(Decoding(source, "utf-8", "utf-8-sig", len(mark), clean, tuple(notes)))


def wide_encoding(head: bytes) -> str | None:
    """UTF-16 without a mark: its ASCII characters' zero bytes stand at only even or only odd places."""
    even, odd = head[0::2].count(0), head[1::2].count(0)
    if even + odd < max(2, len(head) // 100) or min(even, odd) > (even + odd) // 50:
        return None
    codec = "utf-16-le" if odd > even else "utf-16-be"
    text = decode_strictly(head[: len(head) // 2 * 2], codec) or decode_strictly(
        head[: len(head) // 2 * 2 - 2], codec
    )
    return codec if text and _is_plausible_text(text) else None


def _is_plausible_text(text: str) -> bool:
    """Has lines, and nearly all characters are Latin, CJK or full width: bytes paired wrongly are not."""
    n_plausible = sum(1 for c in text if "\0" < c < "\u0250" or "\u3000" <= c <= "\u9fff" or c >= "\uff00")
    common = sum(1 for c in text if c in "\n\r\t,;0123456789")
    return n_plausible >= 0.95 * len(text) and common >= 0.01 * len(text) and ("\n" in text or "\r" in text)


def _transcode(source: Source, codec: str, start: int, notes: tuple[str, ...]) -> Decoding:
    try:
        text = source.data[start:].decode(codec)
    except UnicodeDecodeError:
        raise ReadError("undecodable", f"the file looks like {codec} but is damaged or cut off") from None
    inner = Source(text.encode("utf-8"), source.suffix)
    return _checked(Decoding(inner, "utf-8", codec, 0, True, notes))


def iter_blocks(source: Source, start: int) -> Iterator[bytes]:
    """Cut the bytes into pieces that end at a line feed where there is one."""
    position, end = start, source.n_bytes
    while position < end:
        stop = min(position + BLOCK_BYTES, end)
        if stop < end:
            cut = source.data.rfind(b"\n", position, stop)
            stop = cut + 1 if cut >= 0 else stop
        yield source.data[position:stop]
        position = stop


def _is_strict_utf8(source: Source, start: int) -> bool:
    """True when all bytes are UTF-8; pyarrow's validator is several times faster than ``bytes.decode``."""
    return all(is_utf8(block) for block in iter_blocks(source, start))


def is_utf8(block: bytes) -> bool:
    """True when the bytes are valid UTF-8 text."""
    if block.isascii():
        return True
    offsets = pa.py_buffer(struct.pack("=qq", 0, len(block)))
    array = pa.Array.from_buffers(pa.large_string(), 1, [None, offsets, pa.py_buffer(block)])
    try:
        array.validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def _by_lines(source: Source, declared: str | None) -> Decoding:
    """Choose by the lines that hold other than ASCII; the rest of the lines fit every candidate."""
    lines = _foreign_lines(source)
    if declared is not None:
        n_broken = sum(not _decodes(line, declared) for line in lines)
        n_lines = sum(block.count(b"\n") for block in iter_blocks(source, 0))
        if n_broken > max(len(lines) / 2, n_lines * _FEW_LINES):
            message = (
                f"most lines beyond plain ASCII do not decode as the declared {declared}; check the encoding"
            )
            raise ReadError("undecodable", message)
        return Decoding(source, declared, declared, 0, False)
    if _share(lines, lambda line: _decodes(line, "utf-8") and not _is_unlikely_utf8(line)) >= 0.5:
        return _mixed_utf8(source)
    for codec, plausible in (("gb18030", _looks_chinese), ("cp1252", _looks_western)):
        if _share(lines, plausible) >= _MIN_PLAUSIBLE:
            return Decoding(source, codec, codec, 0, False)
    raise ReadError(
        "undecodable", "neither UTF-8, UTF-16, GB18030 nor Windows-1252; declare the encoding in the mapping"
    )


def _is_rather_chinese(source: Source) -> bool:
    """Whether bytes that are valid UTF-8 make unlikely signs there and common Chinese in GB18030."""
    if _LONG_SEQUENCE.search(source.data) or source.whole().isascii():
        return False
    lines = _foreign_lines(source)
    unlikely = _share(lines, _is_unlikely_utf8)
    return unlikely >= _MIN_PLAUSIBLE and _share(lines, _looks_chinese) >= _MIN_PLAUSIBLE


def _is_unlikely_utf8(line: bytes) -> bool:
    """Single signs of two bytes that are no part of a word and no common Western letter or symbol."""
    text = _sample_text(line, "utf-8")
    if text is None or _LONG_SEQUENCE.search(line) or _WORD.search(text):
        return False
    foreign = [character for character in text if ord(character) > 127]
    return bool(foreign) and not any(character in _WESTERN for character in foreign)


def _mixed_utf8(source: Source) -> Decoding:
    note = "most lines are UTF-8; lines in another encoding are rejected"
    return Decoding(source, "utf-8", "utf-8", 0, False, (note,))


def _foreign_lines(source: Source) -> list[bytes]:
    lines: list[bytes] = []
    for block in iter_blocks(source, 0):
        if block.isascii():
            continue
        lines += [line[:_MAX_LINE_SAMPLE] for line in block.split(b"\n") if not line.isascii()]
        if len(lines) > _SAMPLE_LINES:
            break
    return lines


def _share(lines: list[bytes], test: Callable[[bytes], bool]) -> float:
    return sum(1 for line in lines if test(line)) / max(len(lines), 1)


def _decodes(line: bytes, codec: str) -> bool:
    return _sample_text(line, codec) is not None


def _sample_text(line: bytes, codec: str) -> str | None:
    """The text of a sampled line, which may have been cut within a character."""
    cuts = range(4) if len(line) == _MAX_LINE_SAMPLE else range(1)
    texts = (decode_strictly(line[: len(line) - cut], codec) for cut in cuts)
    return next((text for text in texts if text is not None), None)


def decode_strictly(line: bytes, codec: str) -> str | None:
    """The text of the bytes, or None when they are not text in this codec."""
    try:
        return line.decode(codec)
    except (UnicodeDecodeError, ValueError):
        return None


def _looks_chinese(line: bytes) -> bool:
    """True when most foreign characters are the common ones of GB2312: full width signs and level-1 hanzi."""
    text = _sample_text(line, "gb18030")
    foreign = [character for character in text or "" if ord(character) > 127 and character != "\ufffd"]
    common = sum(1 for character in foreign if _is_common_chinese(character))
    return bool(foreign) and common >= _MIN_PLAUSIBLE * len(foreign)


def _is_common_chinese(character: str) -> bool:
    try:
        lead = character.encode("gb2312")[0]
    except UnicodeEncodeError:
        return False
    return 0xA1 <= lead <= 0xA3 or 0xB0 <= lead <= 0xD7


def _looks_western(line: bytes) -> bool:
    text = _sample_text(line, "cp1252")
    foreign = [character for character in text or "" if ord(character) > 127]
    return bool(foreign) and sum(1 for c in foreign if c in _WESTERN) >= 0.9 * len(foreign)


def _checked(decoding: Decoding) -> Decoding:
    """Refuse text that an earlier conversion already damaged (U+FFFD)."""
    if decoding.codec == "utf-8":
        position = decoding.data.data.find("\ufffd".encode(), decoding.start)
        if position >= 0:
            raise replacement_error(decoding.data.data[:position].count(b"\n") + 1)
    return decoding


def replacement_error(line_number: int) -> ReadError:
    """The refusal of a text that holds the replacement character."""
    return ReadError(
        "replacement_character",
        f"line {line_number} holds U+FFFD: characters were lost in an earlier conversion; "
        "ask for the export in its original encoding",
    )
