"""Text made comparable without changing what it says.

Belongs here: full-width forms, control characters, blanks, and the bound on length.
Does not belong here: any reading of a value.
"""

from __future__ import annotations

import re
import unicodedata

MAX_CHARS = 2_000
"""Longer text is no single value; parsers put it up as a query without looking further."""

_WIDE = re.compile("[\uff01-\uffef\u3000\u3300-\u33ff\u3200-\u32ff]")
INVISIBLE = r"[\x00-\x08\x0e-\x1b\x7f-\x9f\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]"
"""Characters that nobody sees, as a pattern of Python's and of polars' regular expressions."""
DASHES = r"[\u2212\u2010-\u2014]"
_INVISIBLE = re.compile(INVISIBLE)
_BLANKS = re.compile(r"\s+")
_MINUS = str.maketrans(
    {"\u2212": "-", "\u2010": "-", "\u2011": "-", "\u2012": "-", "\u2013": "-", "\u2014": "-"}
)


def normalise_text(text: str | None) -> str:
    """Full-width characters to ASCII, all dashes to ``-``, controls out, runs of blanks to one blank, letters composed.

    Only full-width forms and squared units are NFKC-normalised: full NFKC would turn ``10³`` into ``103``
    and ``1½`` into ``11/2``. A text longer than ``MAX_CHARS`` is cut there first.
    """
    if not text:
        return ""
    cut = text[: MAX_CHARS + 1]
    if cut.isascii() and cut.isprintable():
        return " ".join(cut.split())
    plain = _WIDE.sub(lambda match: unicodedata.normalize("NFKC", match.group()), cut)
    composed = unicodedata.normalize("NFC", _INVISIBLE.sub("", plain))
    return _BLANKS.sub(" ", composed).strip().translate(_MINUS)


def comparison_key(text: str) -> str:
    """The form in which two spellings of one code are the same: NFKC, no case, blanks collapsed."""
    return _BLANKS.sub(" ", unicodedata.normalize("NFKC", normalise_text(text))).strip().casefold()


def is_too_long(text: str | None) -> bool:
    """True when the text is longer than any single value can be."""
    return text is not None and len(text) > MAX_CHARS
