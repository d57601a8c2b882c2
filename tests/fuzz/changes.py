"""Random changes of a file's bytes, and of the parts within an archive."""

from __future__ import annotations

import io
import random
import re
import struct
import zipfile
import zlib

from tests.fault.hostile import zipped

_EXTREMES = (
    0,
    1,
    0x7F,
    0x80,
    0xFF,
    0x7FFF,
    0x8000,
    0xFFFF,
    0x7FFFFFFF,
    0x80000000,
    0xFFFFFFFF,
    2**63 - 1,
    2**64 - 1,
)
_NUMBERS = (
    b"0",
    b"-1",
    b"1",
    b"65536",
    b"1048576",
    b"2147483647",
    b"4294967296",
    b"99999999999999999999",
    b"1e308",
    b"NaN",
)
_TOKEN = re.compile(rb"<[^<>]{0,200}>|[0-9]+|\"[^\"]{0,60}\"|[\[\]{}:,]")


def changed(data: bytes, rng: random.Random) -> bytes:
    """The bytes with one to eight changes; archives are changed within half of the time, with true check sums."""
    if data.startswith(b"PK") and rng.random() < 0.6:
        return _within_archive(data, rng)
    is_text = data[:1] in b"{[<"
    for _ in range(rng.choice((1, 1, 2, 3, 8))):
        data = _token_change(data, rng) if is_text and rng.random() < 0.7 else _byte_change(data, rng)
    return data


def _within_archive(data: bytes, rng: random.Random) -> bytes:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members: dict[str, bytes | str] = {name: archive.read(name) for name in archive.namelist()}
    except (zipfile.BadZipFile, zlib.error, OSError, ValueError, NotImplementedError, EOFError):
        return _byte_change(data, rng)
    for _ in range(rng.choice((1, 1, 2, 4))):
        name = rng.choice(list(members))
        content = members[name]
        assert isinstance(content, bytes)
        action = rng.random()
        if action < 0.05 and len(members) > 1:
            del members[name]
        elif action < 0.1:
            members[rng.choice(list(members))] = content
        else:
            members[name] = _token_change(content, rng) if rng.random() < 0.8 else _byte_change(content, rng)
    return zipped(members)


def _token_change(data: bytes, rng: random.Random) -> bytes:
    """Repeat, drop, move or rewrite a tag, a number, a text or a bracket."""
    tokens = list(_TOKEN.finditer(data))
    if not tokens:
        return _byte_change(data, rng)
    token = rng.choice(tokens)
    other = rng.choice(tokens)[0]
    new = rng.choice(
        (
            b"", token[0] * rng.choice((2, 50, 5_000)), other, other + token[0], rng.choice(_NUMBERS),
            token[0][: len(token[0]) // 2], re.sub(rb"[0-9]+", rng.choice(_NUMBERS), token[0]),
        )
    )  # fmt: skip
    return data[: token.start()] + new + data[token.end() :]


def _byte_change(data: bytes, rng: random.Random) -> bytes:
    if not data:
        return bytes([rng.randrange(256)])
    at = rng.randrange(len(data)) if rng.random() < 0.6 else rng.randrange(min(len(data), 512))
    content = bytearray(data)
    action = rng.randrange(6)
    if action == 0:
        content[at] ^= 1 << rng.randrange(8)
    elif action == 1:
        del content[at:]
    elif action == 2:
        del content[at : at + rng.randrange(1, 64)]
    elif action == 3:
        content[at:at] = content[at : at + rng.randrange(1, 256)] * rng.choice((1, 2, 100))
    elif action == 4:
        size = rng.choice((1, 2, 4, 8))
        content[at : at + size] = struct.pack("<Q", rng.choice(_EXTREMES))[:size]
    else:
        content[at : at + 8] = rng.randbytes(rng.randrange(1, 9))
    return bytes(content)
