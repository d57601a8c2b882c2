"""What a facility reads, in other languages than English: templates with named places, one TOML a language.

Belongs here: reading ``<language>.toml``, finding a text's template, putting its words into the other template.
Does not belong here: the English texts (they stand where the rule or the reader is written), findings.

A message is written once, in English, with ``{places}``. Here its translation stands under the rule's id, or,
for reasons, details and suggestions, beside the English template. A finished English text is translated by
matching it with its template, so that nothing but the text itself has to be carried along.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent
ENGLISH = "en"
ALIASES = {"zh": "zh_CN", "zh-cn": "zh_CN", "zh_cn": "zh_CN", "en": ENGLISH}
_COUNTS = ("n", "most", "total", "step")
_NUMBER = "-?[0-9][0-9,.]*"
_PLACE = re.compile(r"\{([a-z][a-z0-9_]*)\}")
AN_ITEM = "an item"
"""Stands for the column in a message that is shown without one."""
_COLUMN = r"['“]\{column\}['”]"
_AFTER_ITS_NOUN = r"(?:(?<=date)|(?<=field)|(?<=日期)|(?<=字段)) ?"
_DISPENSABLE_COLUMN = re.compile(rf" ?[(（]{_COLUMN}[)）]|{_AFTER_ITS_NOUN}{_COLUMN}")


@dataclass(frozen=True)
class Messages:
    """The texts of one language.

    Attributes:
        rules: rule id -> ``message`` and, where the English one has words, ``suggestion``.
        sentences: English template -> template: reasons of files and values, details, suggestions.
        terms: English word of a place -> word.
    """

    language: str
    rules: Mapping[str, Mapping[str, str]]
    sentences: Mapping[str, str]
    terms: Mapping[str, str]


def languages() -> tuple[str, ...]:
    """The languages that findings can be read in, English first."""
    return (ENGLISH, *sorted(path.stem for path in FOLDER.glob("*.toml")))


def known_language(name: str) -> str:
    """The language behind a name such as ``zh``.

    Raises:
        ValueError: there is none; the message names those that there are.
    """
    found = ALIASES.get(name.lower(), name)
    if found not in languages():
        raise ValueError(f"no messages in '{name}'; known: {', '.join(languages())}")
    return found


@cache
def messages(language: str) -> Messages:
    """The texts of a language (:func:`known_language`; not English, which needs none)."""
    data = tomllib.loads((FOLDER / f"{language}.toml").read_text(encoding="utf-8"))
    sentences = {one["en"]: one["text"] for one in data["sentence"]}
    return Messages(language, data["rule"], sentences, data["term"])


def places(template: str) -> set[str]:
    """Names of the places of a template."""
    return set(_PLACE.findall(template))


def fill(template: str, words: Mapping[str, str]) -> str:
    """A template with words in its places; unknown places stay."""
    return _PLACE.sub(lambda found: words.get(found[1], found[0]), template)


def without_column(template: str, item: str) -> str:
    """A rule's template for where no column is known: ``item`` stands for it, or nothing where none is missed."""
    shorter = _DISPENSABLE_COLUMN.sub("", template)
    return re.sub(_COLUMN, lambda place: item if place.start() else item.capitalize(), shorter)


@cache
def pattern(template: str) -> re.Pattern[str]:
    """What the template's texts look like; counts (``n``, ``n_rows`` ...) hold a number, other places anything."""
    seen: set[str] = set()
    result, end = "", 0
    for found in _PLACE.finditer(template):
        result += re.escape(template[end : found.start()])
        inside = _NUMBER if found[1] in _COUNTS or found[1].startswith("n_") else ".*?"
        result += f"(?P={found[1]})" if found[1] in seen else f"(?P<{found[1]}>{inside})"
        seen.add(found[1])
        end = found.end()
    return re.compile(result + re.escape(template[end:]), re.DOTALL)


def sentence(text: str, told: Messages) -> str | None:
    """A reason, detail or suggestion in another language; None where no template fits."""
    if text in told.sentences:
        return told.sentences[text]
    for template in _by_length(told.language):
        if places(template) and (found := pattern(template).fullmatch(text)):
            words = {name: _word(value, told) for name, value in found.groupdict().items()}
            return fill(told.sentences[template], words)
    return None


@cache
def _by_length(language: str) -> tuple[str, ...]:
    """Templates, those with the most fixed words first: they say more."""
    return tuple(sorted(messages(language).sentences, key=lambda one: -len(_PLACE.sub("", one))))


def _word(value: str, told: Messages) -> str:
    parts = value.split(", ")
    if all(part in told.terms for part in parts):
        return "、".join(told.terms[part] for part in parts)
    return value
