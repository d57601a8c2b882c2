"""Keys that recognise a person without saying who she is: keyed hashes of names and national numbers.

Belongs here: what makes two spellings one name, the sound of a name, the keyed hash.
Does not belong here: comparing persons (``validation/registry_wide/linkage.py``), links that a facility declares
(``identity.py``).

The hash has the registry's key and no facility in it, so that a woman can be recognised in two hospitals.
It is kept in the working store only, never in a release.

Names in Latin letters are compared without accents, case and order of the words, and by Soundex of the
words (Russell; NARA, The Soundex indexing system). Han names are compared by their characters: which
reading a character has in a name cannot be known without a dictionary, so where a system also holds the
romanised name, that is the column to declare.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Callable, Sequence

import polars as pl

from registry_pipeline.intake.identity.links import numbers_of
from registry_pipeline.intake.mapping.model import Source
from registry_pipeline.intake.parsing.identifiers import is_placeholder
from registry_pipeline.intake.pseudonym import Pseudonyms

PERSON_KEYS = {
    "patient_id": pl.String,
    "name_key": pl.String,
    "sound_key": pl.String,
    "national_id_key": pl.String,
}
SUFFIX_LENGTH = 4
_FIFTEEN_DIGITS = re.compile(r"[1-9][0-9]{5}[0-9]{2}(?P<month>[0-9]{2})(?P<day>[0-9]{2})[0-9]{3}")
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECK_DIGITS = "10X98765432"
_SOUNDEX = {letter: str(code) for code, letters in enumerate(("bfpv", "cgjkqsxz", "dt", "l", "mn", "r"), 1)
            for letter in letters}  # fmt: skip
_HAN = re.compile(r"[㐀-鿿豈-﫿\U00020000-\U0003134f]")


def person_keys(rows: pl.DataFrame, source: Source, pseudonyms: Pseudonyms, key: bytes) -> pl.DataFrame:
    """Rows of ``PERSON_KEYS``, each combination once; nothing where the source declares no name or number.

    Args:
        rows: cleaned source columns.
    """
    person = source.person
    if person is None or not (person.name or person.national_id):
        return pl.DataFrame(schema=PERSON_KEYS)
    name = _text(rows, person.name)
    national = _text(rows, [person.national_id] if person.national_id else [])
    result = pl.DataFrame(
        {
            "patient_id": _patients(rows, source, pseudonyms),
            "name_key": _hashed(name, name_form, "name", key),
            "sound_key": _hashed(name, sound_form, "sound", key),
            "national_id_key": _hashed(national, suffix_form, "national id", key),
        },
        schema=PERSON_KEYS,
    )
    return result.drop_nulls("patient_id").unique(maintain_order=True)


def _text(rows: pl.DataFrame, columns: Sequence[str]) -> pl.Series:
    if not columns:
        return pl.Series("text", [None] * rows.height, dtype=pl.String)
    parts = pl.concat_str([pl.col(column) for column in columns], separator=" ", ignore_nulls=True)
    is_blank = pl.all_horizontal(pl.col(column).is_null() for column in columns)
    return rows.select(pl.when(~is_blank).then(parts).alias("text"))["text"]


def _patients(rows: pl.DataFrame, source: Source, pseudonyms: Pseudonyms) -> pl.Series:
    """The pseudonym behind each row: by its first number that is not blank."""
    numbers = numbers_of(rows, source)[0].unique("_row_id", keep="first", maintain_order=True)
    parts = [
        group.select("_row_id", pseudonyms.of(group["local"], str(kind)).alias("patient_id"))
        for (kind,), group in numbers.group_by("kind", maintain_order=True)
    ]
    named = pl.concat([pl.DataFrame(schema={"_row_id": pl.Int64, "patient_id": pl.String}), *parts])
    return rows.select("_row_id").join(named, on="_row_id", how="left", maintain_order="left")["patient_id"]


def _hashed(texts: pl.Series, form: Callable[[str], str | None], what: str, key: bytes) -> pl.Series:
    """Keyed hash of the form of every text; each text is formed and hashed once."""
    distinct = texts.drop_nulls().unique()
    forms = [(text, form(text)) for text in distinct.to_list()]
    hashes = {text: _hash(form_of_text, what, key) for text, form_of_text in forms if form_of_text}
    return texts.replace_strict(hashes, default=None, return_dtype=pl.String)


def _hash(form: str, what: str, key: bytes) -> str:
    salt = what.encode()[:16]
    return hashlib.blake2b(form.encode(), digest_size=8, key=key[:64], person=salt).hexdigest()


def name_form(text: str) -> str | None:
    """What two spellings of one name share: letters only, no accents, no case, words in order of alphabet."""
    words = [] if is_placeholder(text) else _words(text)
    if not words:
        return None
    return "".join(words) if _HAN.search(words[0]) else " ".join(sorted(words))


def sound_form(text: str) -> str | None:
    """What two names that sound alike share: Soundex of each word; of a Han name its characters, sorted."""
    words = [] if is_placeholder(text) else _words(text)
    if not words:
        return None
    if _HAN.search(words[0]):
        return "".join(sorted("".join(words)))
    return " ".join(sorted(soundex(word) for word in words))


def suffix_form(text: str) -> str | None:
    """The last four letters or digits of a national number; some systems keep no more."""
    plain = "".join(letter for letter in unicodedata.normalize("NFKC", text).upper() if letter.isalnum())
    whole = _eighteen_digits(plain)
    is_number = len(whole) >= SUFFIX_LENGTH and not is_placeholder(text)
    return whole[-SUFFIX_LENGTH:] if is_number else None


def _eighteen_digits(plain: str) -> str:
    """A Chinese identity number of fifteen digits as the one of eighteen that took its place (GB 11643-1999)."""
    match = _FIFTEEN_DIGITS.fullmatch(plain)
    if match is None or not 1 <= int(match["month"]) <= 12 or not 1 <= int(match["day"]) <= 31:
        return plain
    digits = f"{plain[:6]}19{plain[6:]}"
    remainder = sum(int(digit) * weight for digit, weight in zip(digits, _WEIGHTS, strict=True)) % 11
    return digits + _CHECK_DIGITS[remainder]


def soundex(word: str) -> str:
    """American Soundex of a lower-case word: ``robert`` gives ``r163``; another script is its own code."""
    if not ("a" <= word[0] <= "z"):
        return word
    code_so_far, before = word[0], _SOUNDEX.get(word[0], "")
    for letter in word[1:]:
        code = _SOUNDEX.get(letter, "")
        if code and code != before:
            code_so_far += code
        if letter not in "hw":
            before = code
    return (code_so_far + "000")[:4]


def _words(text: str) -> list[str]:
    plain = unicodedata.normalize("NFKD", text).casefold()
    letters = "".join(
        character
        if character.isalpha()
        else ""
        if unicodedata.combining(character) or character in "'’"
        else " "
        for character in plain
    )
    return letters.split()
