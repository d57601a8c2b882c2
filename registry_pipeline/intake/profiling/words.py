"""Headers as people write them, taken apart so that two spellings of one name are the same.

Belongs here: snake_case, camelCase, Chinese without blanks, accents, plurals, units and words such as "date" in
a header; how much of a header a known name covers. Does not belong here: the names (``schemas/disease/lexicon.toml``), values.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

from registry_pipeline.intake.profiling.lexicon import lexicon

LEAST_COVERAGE = 0.6
"""Share of a header's words that a known name has to cover."""
_BRACKETS = re.compile(r"[(\[（【]([^()\[\]（）【】]*)[)\]）】]")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_TOKEN = re.compile(r"[㐀-鿿]|[^\W_㐀-鿿]+")
_REPEAT = re.compile(r"__[0-9]+$")
_ENDING_UNIT = re.compile(r"[_ ]([A-Za-z]{2,3})$")
_ORDER_COST = 0.002
_GROUPED = 0.9
"""What a name is worth below a header that only says whose it is, such as "Patient"."""
_PLAIN_LETTERS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ł": "l", "ø": "o", "đ": "d", "ı": "i"})
"""Letters that are no base letter with a mark, or that German writes as two."""


@dataclass(frozen=True)
class Header:
    """A header taken apart.

    Attributes:
        tokens: its words without unit, brackets and filling words; Chinese by character.
        stem: ``tokens`` without words for date, day and year.
        unit: the unit that it names, in our spelling, or None.
        is_days: it counts days from something.
        is_year: it speaks of a year.
        is_repeat: the readers gave it a number because another column has the same name.
    """

    tokens: tuple[str, ...]
    stem: tuple[str, ...]
    unit: str | None
    is_days: bool
    is_year: bool
    is_repeat: bool


@lru_cache(maxsize=20_000)
def read_header(name: str) -> Header:
    """Take a header apart."""
    plain = unicodedata.normalize("NFKC", name[:500])
    is_repeat = _REPEAT.search(plain) is not None
    plain, unit = _without_unit(_REPEAT.sub("", plain))
    words = lexicon().header
    tokens = tokens_of(plain)
    stem, is_days = _without(tokens, words["days"])
    stem, is_year = _without(stem, words["year"])
    stem, _ = _without(stem, words["date"])
    return Header(tokens, stem, unit, is_days, is_year, is_repeat)


def tokens_of(text: str) -> tuple[str, ...]:
    """The words of a name: lower case, no accents, no plural s, no filling words."""
    spaced = _CAMEL.sub(" ", text.replace("_", " ").replace("-", " "))
    tokens = [part for token in _TOKEN.findall(spaced) for part in _parts(without_accents(token))]
    meaningful = [token for token in tokens if token not in _filling()]
    return tuple(meaningful or tokens)


@cache
def _filling() -> frozenset[str]:
    return frozenset(_singular(without_accents(word)) for word in lexicon().header["drop"])


def without_accents(token: str) -> str:
    """Small letters without their accents; ä, ö and ü as two letters, which is how German does without them."""
    parts = unicodedata.normalize("NFKD", token.casefold().translate(_PLAIN_LETTERS))
    return "".join(part for part in parts if not unicodedata.combining(part))


def _parts(token: str) -> list[str]:
    """A compound such as ``geburtsdatum`` or ``birthdate`` as its two words."""
    for ending in ("datum", "date"):
        if token.endswith(ending) and len(token) > len(ending) + 1:
            return [_singular(token.removesuffix(ending)), ending]
    return [_singular(token)]


def _singular(token: str) -> str:
    is_plural = len(token) > 3 and token.endswith("s") and not token.endswith(("ss", "us", "is"))
    return token[:-1] if is_plural else token


def _without_unit(plain: str) -> tuple[str, str | None]:
    unit = None
    for inside in _BRACKETS.findall(plain):
        unit = unit or unit_named(inside)
    plain = _BRACKETS.sub(" ", plain).strip() or plain
    ending = _ENDING_UNIT.search(plain)
    if ending and (unit_of_ending := unit_named(ending[1])) in ("mm", "cm", "Gy", "cGy"):
        return plain[: ending.start()], unit or unit_of_ending
    return plain, unit


def unit_named(text: str) -> str | None:
    """The unit that a text names, in our spelling."""
    plain = without_accents(text.strip())
    for unit, spellings in lexicon().units.items():
        if plain in map(without_accents, spellings):
            return unit
    return None


def _without(tokens: Sequence[str], names: Iterable[str]) -> tuple[tuple[str, ...], bool]:
    """``tokens`` without every run that is one of ``names``, and whether there was one."""
    remaining, is_removed = list(tokens), False
    for searched in sorted(map(tokens_of, names), key=len, reverse=True):
        place = _place_of(remaining, searched)
        while place >= 0:
            del remaining[place : place + len(searched)]
            is_removed = True
            place = _place_of(remaining, searched)
    return tuple(remaining), is_removed


def _place_of(tokens: Sequence[str], searched: Sequence[str]) -> int:
    for start in range(len(tokens) - len(searched) + 1):
        if tuple(tokens[start : start + len(searched)]) == tuple(searched):
            return start
    return -1


@lru_cache(maxsize=200_000)
def name_score(header: Header, names: tuple[str, ...], *, is_date: bool = False) -> float:
    """How well a header is one of ``names``: 1 the same words, less for a part of the header, 0 otherwise."""
    tokens = header.stem if is_date else header.tokens
    inner = tokens[1:] if len(tokens) > 1 and tokens[0] in lexicon().header["group"] else ()
    best = 0.0
    for position, searched in enumerate(_token_lists(names, is_date)):
        score = max(_score(tokens, searched), _GROUPED * _score(inner, searched) if inner else 0.0)
        best = max(best, score - min(position, 40) * _ORDER_COST)
    return max(best - (0.2 if header.is_repeat else 0.0), 0.0)


@cache
def _token_lists(names: tuple[str, ...], is_date: bool) -> tuple[tuple[str, ...], ...]:
    return tuple(read_header(name).stem if is_date else tokens_of(name) for name in names)


def _score(tokens: Sequence[str], searched: Sequence[str]) -> float:
    if not searched or searched[0] not in tokens:
        return 0.0
    if tuple(tokens) == tuple(searched):
        return 1.0
    if sorted(tokens) == sorted(searched):
        return 0.95
    coverage = len(searched) / len(tokens)
    return 0.9 * coverage if coverage >= LEAST_COVERAGE and _place_of(tokens, searched) >= 0 else 0.0


def names_person(header: Header) -> bool:
    """Whether a header speaks of a person's name, number or address: such values are never shown."""
    return name_score(header, lexicon().header["person"]) >= LEAST_COVERAGE


def mentions(text: str, words: Iterable[str]) -> bool:
    """Whether one of ``words`` stands in a name of a file or sheet."""
    tokens = tokens_of(text)
    return any(_place_of(tokens, searched) >= 0 for searched in _token_lists(tuple(words), False))


@lru_cache(maxsize=20_000)
def without_word(name: str, word: str) -> str:
    """A name without a word that stands in it, empty where nothing else is left or the word is not there."""
    tokens, searched = tokens_of(name), tokens_of(word)
    place = _place_of(tokens, searched)
    return " ".join((*tokens[:place], *tokens[place + len(searched) :])) if place >= 0 else ""
