"""Findings in the language of those who read them.

Belongs here: which template a finding's message was made of, the message in another language, the rows of
``quality.rule_message``. Does not belong here: the texts (``schemas/messages``), making findings.
"""

from collections.abc import Mapping
from functools import cache

import polars as pl

from registry_pipeline.validation.rules.catalogue import Catalogue, catalogue, message_of, written_messages
from registry_pipeline.validation.screening.other_rows import OTHER_ROW_BEFORE
from registry_pipeline.validation.screening.systemic import CAUSE, SAMPLED
from schemas.messages import (
    AN_ITEM,
    ENGLISH,
    Messages,
    fill,
    languages,
    messages,
    pattern,
    sentence,
    without_column,
)


def rule_message_rows(rules: Catalogue) -> list[dict[str, str | None]]:
    """Rows of ``quality.rule_message``: every rule that is on, in every language."""
    rows: list[dict[str, str | None]] = []
    for entry in rules.entries.values():
        if entry.severity == "off":
            continue
        english = message_of(entry)
        for language in languages():
            result: dict[str, str | None] = {"rule_id": entry.rule_id, "language": language}
            rows.append(
                result
                | {
                    "message": translated_message(entry.rule_id, english, language),
                    "suggestion": translated_suggestion(entry.rule_id, entry.suggestion, language),
                }
            )
    return rows


def in_language(findings: pl.DataFrame, language: str) -> pl.DataFrame:
    """Findings with ``message`` and ``suggestion`` in another language.

    Args:
        findings: with at least ``rule_id, message, suggestion``.
        language: of :func:`schemas.messages.languages`.
    """
    if language == ENGLISH:
        return findings
    translated = [
        (translated_message(rule_id, message, language), translated_suggestion(rule_id, suggestion, language))
        for rule_id, message, suggestion in findings.select("rule_id", "message", "suggestion").iter_rows()
    ]
    return findings.with_columns(
        pl.Series("message", [text for text, _ in translated], dtype=pl.String),
        pl.Series("suggestion", [text for _, text in translated], dtype=pl.String),
    )


@cache
def translated_message(rule_id: str, message: str, language: str) -> str:
    """A finding's message in another language; English where a part has no translation.

    Args:
        rule_id: the rule that was broken.
        message: as in ``quality.finding``: thresholds filled in, a detail in brackets behind, a common cause
            before.
        language: of :func:`schemas.messages.languages`.
    """
    if language == ENGLISH:
        return message
    words = messages(language)
    before, rest = ("", message)
    for template in (CAUSE, SAMPLED):
        cause = pattern(template).match(message)
        if cause and cause.end() > 0 and message.startswith(cause[0] + " "):
            before, rest = fill(words.sentences[template], cause.groupdict()), message[cause.end() + 1 :]
    return before + _translated(rule_id, rest, words)


def _translated(rule_id: str, message: str, words: Messages) -> str:
    english = written_messages().get(rule_id)
    if english is None or rule_id not in words.rules:
        return message
    translation = words.rules[rule_id]["message"]
    message, before, place = message.partition(OTHER_ROW_BEFORE)
    tail = before + place
    match = pattern(english).match(message)
    if match is None:
        match = pattern(without_column(english, AN_ITEM)).match(message)
        translation = without_column(translation, words.terms[AN_ITEM])
    if match is None:
        return message + tail
    result = fill(translation, _column_words(match.groupdict(), words))
    rest = message[match.end() :]
    detail = rest.removeprefix(" (").removesuffix(")")
    return result + (f"（{sentence(detail, words) or detail}）" if rest else "") + _other_row(tail, words)


def _other_row(tail: str, words: Messages) -> str:
    """The place of a second row behind a message."""
    return (sentence(tail.strip(), words) or tail) if tail else ""


def _column_words(words: Mapping[str, str], translation: Messages) -> dict[str, str]:
    return {name: translation.terms.get(word, word) for name, word in words.items()}


@cache
def translated_suggestion(rule_id: str, suggestion: str | None, language: str) -> str | None:
    """A suggestion in another language; codes, dates and numbers stay what they are."""
    if suggestion is None or language == ENGLISH:
        return suggestion
    words = messages(language)
    written = words.rules.get(rule_id, {}).get("suggestion")
    if written is not None and suggestion == catalogue().entries[rule_id].suggestion:
        return written
    return sentence(suggestion, words) or suggestion
