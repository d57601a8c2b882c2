"""What a facility reads, in other languages than English: templates with named places, one TOML a language.

Belongs here: reading ``<language>.toml``, finding a text's template, putting its words into the other template.
Does not belong here: the English texts (they stand where the rule or the reader is written), findings.

A message is written once, in English, with ``{places}``. Here its translation stands under the rule's id, or,
for reasons, details and suggestions, beside the English template. A finished English text is translated by
matching it with its template, so that nothing but the text itself has to be carried along.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import tomli

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


def supported_language(name: str) -> str:
    """The language behind a name such as ``zh``.

    Raises:
        ValueError: there is none; the message names those that there are.
    """
    code = ALIASES.get(name.lower(), name)
    if code not in languages():
        raise ValueError(f"no messages in '{name}'; known: {', '.join(languages())}")
    return code


@cache
def messages(language: str) -> Messages:
    """The texts of a language (:func:`supported_language`; not English, which needs none)."""
    data = tomli.loads((FOLDER / f"{language}.toml").read_text(encoding="utf-8"))
    sentences = {entry["en"]: entry["text"] for entry in data["sentence"]}
    return Messages(language, data["rule"], sentences, data["term"])


def places(template: str) -> set[str]:
    """Names of the places of a template."""
    return set(_PLACE.findall(template))


def fill(template: str, words: Mapping[str, str]) -> str:
    """A template with words in its places; unknown places stay."""
    return _PLACE.sub(lambda match: words.get(match[1], match[0]), template)


def without_column(template: str, item: str) -> str:
    """A rule's template for where no column is known: ``item`` stands for it, or nothing where none is missed."""
    shorter = _DISPENSABLE_COLUMN.sub("", template)
    return re.sub(_COLUMN, lambda place: item if place.start() else item.capitalize(), shorter)


@cache
def pattern(template: str) -> re.Pattern[str]:
    """What the template's texts look like; counts (``n``, ``n_rows`` ...) hold a number, other places anything."""
    seen: set[str] = set()
    result, end = "", 0
    for place in _PLACE.finditer(template):
        result += re.escape(template[end : place.start()])
        inside = _NUMBER if place[1] in _COUNTS or place[1].startswith("n_") else ".*?"
        result += f"(?P={place[1]})" if place[1] in seen else f"(?P<{place[1]}>{inside})"
        seen.add(place[1])
        end = place.end()
    return re.compile(result + re.escape(template[end:]), re.DOTALL)


def sentence(text: str, messages_of_language: Messages) -> str | None:
    """A reason, detail or suggestion in another language; None where no template fits."""
    if text in messages_of_language.sentences:
        return messages_of_language.sentences[text]
    for template in _by_length(messages_of_language.language):
        if places(template) and (match := pattern(template).fullmatch(text)):
            words = {name: _word(value, messages_of_language) for name, value in match.groupdict().items()}
            return fill(messages_of_language.sentences[template], words)
    return None


@cache
def _by_length(language: str) -> tuple[str, ...]:
    """Templates, those with the most fixed words first: they say more."""
    return tuple(
        sorted(messages(language).sentences, key=lambda sentence_text: -len(_PLACE.sub("", sentence_text)))
    )


def _word(value: str, messages_of_language: Messages) -> str:
    parts = value.split(", ")
    if all(part in messages_of_language.terms for part in parts):
        return "、".join(messages_of_language.terms[part] for part in parts)
    return value
