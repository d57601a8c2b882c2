"""Names of months in English, French, German and Spanish.

Belongs here: the words. Does not belong here: dates.
"""

from __future__ import annotations

import unicodedata

_NAMES: tuple[tuple[str, ...], ...] = (
    ("january", "jan", "janvier", "janv", "januar", "janner", "enero", "ene"),
    ("february", "feb", "fevrier", "fev", "fevr", "februar", "feber", "febrero"),
    ("march", "mar", "mars", "marz", "maerz", "mrz", "marzo"),
    ("april", "apr", "avril", "avr", "abril", "abr"),
    ("may", "mai", "mayo"),
    ("june", "jun", "juin", "juni", "junio"),
    ("july", "jul", "juillet", "juil", "juli", "julio"),
    ("august", "aug", "aout", "agosto", "ago"),
    ("september", "sep", "sept", "septembre", "septiembre", "setiembre"),
    ("october", "oct", "octobre", "oktober", "okt", "octubre"),
    ("november", "nov", "novembre", "noviembre"),
    ("december", "dec", "decembre", "dezember", "dez", "diciembre", "dic"),
)
_NUMBERS = {name: number for number, names in enumerate(_NAMES, start=1) for name in names}


def month_number(word: str) -> int | None:
    """1 to 12, or None for a word that names no month; case and accents do not matter."""
    plain = unicodedata.normalize("NFKD", word.casefold())
    return _NUMBERS.get("".join(letter for letter in plain if not unicodedata.combining(letter)))
