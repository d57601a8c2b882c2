"""Whether the values of a column can be those of an item, and what a mapping has to say about them.

Belongs here: one judgement per kind of item, with its evidence in words that quote no record.
Does not belong here: names of headers (``words.py``), choosing among items (``guess.py``).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from registry_pipeline.intake.mapping.codes import UNIT_FACTORS
from registry_pipeline.intake.parsing import BOOLEAN_CODES
from registry_pipeline.intake.parsing.text import comparison_key
from registry_pipeline.intake.profiling.columns import ColumnProfile
from registry_pipeline.intake.profiling.lexicon import lexicon
from registry_pipeline.intake.profiling.words import mentions, without_accents
from schemas.codes import CODE_LISTS
from schemas.columns import Column

LEAST_SHARE = 0.8
"""Share of values that have to fit an item that is recognised by name."""
LEAST_CODED = 0.5
_PARTS = (
    ("before brackets or a colon", r"^([^(:]*[^(: ])"),
    ("in brackets", r"\(([^()]*)\)"),
    ("before a blank", r"^(\S+)"),
)
"""Where a code may stand in a longer text, and the regular expression that a mapping takes it out by."""
_MOST_CATEGORIES = 60
_SHOWN_DISTINCT, _SHOWN_ROWS = 20, 5
_CGY_FROM = 150.0
_LONGEST_ID = 64


@dataclass(frozen=True)
class Fit:
    """A column can be an item.

    Attributes:
        share: of the filled rows that fit.
        evidence: why, without any value of a record.
        options: keys of the mapping that follow (``codes``, ``part``, ``unit``, ``parse``, ``round``, ``anchor``).
        questions: what a person has to decide.
    """

    share: float
    evidence: str
    options: Mapping[str, Any] = field(default_factory=dict)
    questions: tuple[str, ...] = ()


def fit(item: Column, profile: ColumnProfile) -> Fit | None:
    """Judge a column for an item; None when its values cannot be that item or there are none."""
    if not profile.n_filled and not profile.blank_words:
        return None
    whole = _fit_whole(item, profile)
    is_coded = item.name in lexicon().patterns or item.codes is not None
    if not is_coded or (whole is not None and whole.share >= LEAST_SHARE):
        return whole
    part = _fit_part(item, profile)
    return part if part is not None and (whole is None or part.share > whole.share) else whole


def _fit_part(item: Column, profile: ColumnProfile) -> Fit | None:
    """Judge a part of each text, such as the code in ``C53.9 (its name)``."""
    for where, pattern in _PARTS:
        part = profile.part(pattern)
        fitted = _fit_whole(item, part) if part.n_filled == profile.n_filled else None
        if fitted is not None and fitted.share >= LEAST_SHARE:
            options = {"part": pattern, **fitted.options}
            return Fit(fitted.share, f"{fitted.evidence} {where}", options, fitted.questions)
    return None


def _fit_whole(item: Column, profile: ColumnProfile) -> Fit | None:
    if item.name in lexicon().patterns:
        return _fit_pattern(item, profile)
    if item.kind == "date":
        return _fit_date(profile)
    if item.kind == "boolean" or item.codes is not None:
        return _fit_coded(item, profile)
    if item.kind in ("integer", "real"):
        return _fit_number(item, profile)
    return fit_id(profile) if item.name.endswith("_id") else _fit_text(profile)


def of_values(profile: ColumnProfile, n: int, what: str) -> str:
    """``301 of 307 values are …``."""
    return f"{n} of {profile.n_filled} values {what}"


def _fit_pattern(item: Column, profile: ColumnProfile) -> Fit | None:
    pattern = re.compile(lexicon().patterns[item.name])
    n = profile.count(pattern.match)
    if profile.share(n) < LEAST_SHARE:
        return None
    return Fit(profile.share(n), of_values(profile, n, f"have the form of {item.name}"))


def _fit_date(profile: ColumnProfile) -> Fit | None:
    if profile.header.is_days:
        n = profile.numbers.n_read
        evidence = of_values(profile, n, "are numbers, by the header a count of days")
        is_fit = n > 0 and profile.share(n) >= LEAST_SHARE
        return Fit(profile.share(n), evidence, {"anchor": True}) if is_fit else None
    dates = profile.dates
    if dates.n_years and profile.share(dates.n_years) >= 0.95:
        evidence = of_values(profile, dates.n_years, "are years")
        return Fit(1.0, evidence, {"is_year": True}) if profile.header.is_year else None
    n = dates.n_read + (dates.n_serials if dates.n_read else 0)
    if not dates.n_read or profile.share(n) < LEAST_SHARE:
        return None
    form = next(iter(dates.forms), None)
    if form is None:
        return Fit(profile.share(n), of_values(profile, n, "are dates"))
    evidence = of_values(profile, dates.forms[form], f"are dates as {format_in_letters(form)}")
    if dates.n_other:
        evidence += f", {dates.n_other} in another form or without a day"
    if dates.n_serials:
        evidence += f", {dates.n_serials} bare day counts of Excel"
    return Fit(profile.share(n), evidence)


def format_in_letters(form: str) -> str:
    """A ``strptime`` format in letters: YYYY-MM-DD."""
    words = {
        "%Y": "YYYY",
        "%y": "YY",
        "%m": "MM",
        "%d": "DD",
        "%H": "hh",
        "%M": "mm",
        "%S": "ss",
        "%b": "Mon",
        "%B": "Month",
    }
    for mark, letters in words.items():
        form = form.replace(mark, letters)
    return form


def _fit_number(item: Column, profile: ColumnProfile) -> Fit | None:
    if item.unit == "mm" and profile.n_sizes and profile.share(profile.n_sizes) >= LEAST_CODED:
        evidence = of_values(profile, profile.n_sizes, "are sizes with their unit")
        return Fit(profile.share(profile.n_sizes), evidence, {"parse": "size"})
    numbers = profile.numbers
    n, what = numbers.n_read, "are numbers"
    if not n or profile.share(n) < LEAST_SHARE or not _is_no_date(profile):
        return None
    options: dict[str, Any] = {}
    if item.kind == "integer" and item.unit == "years" and numbers.n_whole < n:
        options, what = {"round": "floor"}, f"are numbers, {n - numbers.n_whole} with decimals"
    elif item.kind == "integer":
        n, what = numbers.n_whole, "are whole numbers"
    unit, reason, questions = _unit(item, profile)
    options |= {"unit": unit} if unit else {}
    if profile.share(n) < LEAST_SHARE:
        return None
    return Fit(profile.share(n), of_values(profile, n, what) + _odd(profile, n) + reason, options, questions)


def _odd(profile: ColumnProfile, n: int) -> str:
    """Where the values are that do not fit: by their rows, never as they are."""
    return f"; registry facility check lists the other {profile.n_filled - n}" if n < profile.n_filled else ""


def _is_no_date(profile: ColumnProfile) -> bool:
    return profile.share(profile.dates.n_read) < LEAST_CODED


def _unit(item: Column, profile: ColumnProfile) -> tuple[str | None, str, tuple[str, ...]]:
    """Unit to declare (None: the item's own), its evidence, and a question where it is a guess."""
    named, middle = profile.header.unit, profile.numbers.middle or 0.0
    if named is not None and item.unit is not None and named in UNIT_FACTORS.get(item.unit, {}):
        return (named if named != item.unit else None), f"; {named} by the header", ()
    if item.unit == "Gy" and middle > _CGY_FROM:
        return "cGy", "", ("no unit in the header; taken as cGy by their magnitude",)
    if item.unit == "mm":
        guess = "cm" if 0 < middle < 3 and profile.numbers.n_whole < profile.numbers.n_read else None
        return guess, "", (f"no unit in the header; taken as {guess or 'mm'} by their magnitude",)
    return None, "", ()


def _fit_coded(item: Column, profile: ColumnProfile) -> Fit | None:
    if len(profile.counts) > _MOST_CATEGORIES:
        return None
    translate = translator(item)
    codes = {text: translate(text) for text in profile.counts}
    coded = {text: value for text, value in codes.items() if value is not None}
    unknown = {text: n for text, n in profile.filled.items() if codes[text] is None}
    n_known = sum(profile.counts[text] for text in coded)
    n_all = n_known + sum(unknown.values())
    if not coded or n_known / n_all < LEAST_CODED:
        return None
    evidence = f"{n_known} of {n_all} values are words known for {item.name}"
    own = {code: code for code in item.codes.codes} if item.codes else BOOLEAN_CODES
    is_plain = all(own.get(text) == value for text, value in coded.items())
    options = {} if is_plain else {"codes": coded}
    return Fit(n_known / n_all, evidence, options, tuple(_unknown_words(unknown, profile)))


def _unknown_words(unknown: Mapping[str, int], profile: ColumnProfile) -> list[str]:
    """Words that the facility has to translate; rare ones are counted, for they may point to a patient."""
    if not unknown:
        return []
    shown = [text for text, n in unknown.items() if n >= _SHOWN_ROWS and len(text) <= 40]
    shown = shown if profile.n_distinct <= _SHOWN_DISTINCT else []
    hidden = {text: n for text, n in unknown.items() if text not in shown}
    questions = [f"which code is '{text}' ({unknown[text]} rows)?" for text in shown]
    if hidden:
        n_rows = sum(hidden.values())
        questions.append(
            f"{len(hidden)} rare words ({n_rows} rows) have no code yet; registry facility check lists them"
        )
    return questions


def translator(item: Column) -> Callable[[str], Any]:
    """A function from a facility's word to the item's value, None for a word that is not known."""
    index, strip = _index(item.name, item.codes.name if item.codes else None)

    def translate(text: str) -> Any:
        key = _key(text)
        if key in index:
            return index[key]
        plain = key
        for word in strip:
            plain = plain.removeprefix(word).removesuffix(word).strip(" :-.")
        return index.get(plain) if plain != key else None

    return translate


def _key(text: str) -> str:
    """The form in which a facility's word and ours are compared: no case, width, blanks or accents."""
    return without_accents(comparison_key(text))


@cache
def _index(name: str, list_name: str | None) -> tuple[Mapping[str, Any], tuple[str, ...]]:
    words = lexicon()
    if list_name is None:
        flags = words.flags.get(name, {})
        pairs = [(word, True) for word in (*words.values["yes"], *flags.get("true", ()))]
        pairs += [(word, False) for word in (*words.values["no"], *flags.get("false", ()))]
        return {_key(word): value for word, value in pairs}, ()
    own = words.codes.get(list_name, {})
    index: dict[str, Any] = {}
    for code, label in CODE_LISTS[list_name].labels.items():
        for word in (code, label, *own.get(code, ())):
            index.setdefault(_key(word), code)
    if roman := own.get("roman"):
        index |= {_arabic(key, roman): code for key, code in list(index.items()) if len(key) <= 6}
    return index, tuple(own.get("strip", ()))


def _arabic(key: str, roman: tuple[str, ...]) -> str:
    """``IIB`` as some write it, ``2B``."""
    match = re.match(f"({'|'.join(sorted(roman, key=len, reverse=True))})(.*)", key)
    return f"{roman.index(match[1]) + 1}{match[2]}" if match else key


def fit_id(profile: ColumnProfile) -> Fit | None:
    """Whether a column can hold numbers of patients, lesions, examinations, …"""
    if not profile.n_filled or profile.is_free_text or profile.longest > _LONGEST_ID:
        return None
    dates = profile.dates
    if dates.n_read and not profile.numbers.n_read and profile.share(dates.n_read) > LEAST_CODED:
        return None
    return Fit(1.0, f"{profile.n_distinct} different ones in {profile.n_filled} rows")


def _fit_text(profile: ColumnProfile) -> Fit | None:
    if not profile.n_filled or profile.share(profile.dates.n_read) > LEAST_CODED:
        return None
    return Fit(1.0, f"text in {profile.n_filled} of {profile.n_rows} rows")


def shape(profile: ColumnProfile) -> str:
    """What a column looks like that nothing is known of; no value is shown."""
    if not profile.n_filled:
        return "empty in these files"
    if profile.is_free_text or mentions(profile.name, lexicon().header["free_text"]):
        return "free text"
    if profile.share(profile.dates.n_read) >= LEAST_SHARE:
        return of_values(profile, profile.dates.n_read, "are dates")
    if profile.share(profile.numbers.n_read) >= LEAST_SHARE:
        return of_values(profile, profile.numbers.n_read, "are numbers")
    if profile.n_distinct <= _SHOWN_DISTINCT < profile.n_filled:
        return f"a list of {profile.n_distinct} different words in {profile.n_filled} rows"
    return f"{profile.n_distinct} different texts in {profile.n_filled} rows"
