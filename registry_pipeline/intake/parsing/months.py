"""Names of months in English, French and German.

Belongs here: the words. Does not belong here: dates.
"""

from __future__ import annotations

import unicodedata

_NAMES: tuple[tuple[str, ...], ...] = (
    ("january", "jan", "janvier", "janv", "januar", "janner"),
    ("february", "feb", "fevrier", "fev", "fevr", "februar", "feber"),
    ("march", "mar", "mars", "marz", "maerz", "mrz"),
    ("april", "apr", "avril", "avr"),
    ("may", "mai"),
    ("june", "jun", "juin", "juni"),
    ("july", "jul", "juillet", "juil", "juli"),
    ("august", "aug", "aout"),
    ("september", "sep", "sept", "septembre"),
    ("october", "oct", "octobre", "oktober", "okt"),
    ("november", "nov", "novembre"),
    ("december", "dec", "decembre", "dezember", "dez"),
)
_NUMBERS = {name: number for number, names in enumerate(_NAMES, start=1) for name in names}


def month_number(word: str) -> int | None:
    """1 to 12, or None for a word that names no month; case and accents do not matter."""
    plain = unicodedata.normalize("NFKD", word.casefold())
    return _NUMBERS.get("".join(letter for letter in plain if not unicodedata.combining(letter)))
