"""Findings in the language of those who read them.

Belongs here: which template a finding's message was made of, the message in another language, the rows of
``quality.rule_message``. Does not belong here: the texts (``schemas/messages``), making findings.
"""

from collections.abc import Mapping
from functools import cache

import polars as pl

from registry_pipeline.validation.rules.catalogue import Catalogue, catalogue, message_of, written_messages
from registry_pipeline.validation.screening.systemic import CAUSE
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
    told = [
        (translated_message(rule_id, message, language), translated_suggestion(rule_id, suggestion, language))
        for rule_id, message, suggestion in findings.select("rule_id", "message", "suggestion").iter_rows()
    ]
    return findings.with_columns(
        pl.Series("message", [one for one, _ in told], dtype=pl.String),
        pl.Series("suggestion", [one for _, one in told], dtype=pl.String),
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
    told = messages(language)
    cause = pattern(CAUSE).match(message)
    before, rest = ("", message)
    if cause and cause.end() > 0 and message.startswith(cause[0] + " "):
        words = cause.groupdict()
        before, rest = fill(told.sentences[CAUSE], words), message[cause.end() + 1 :]
    return before + _told(rule_id, rest, told)


def _told(rule_id: str, message: str, told: Messages) -> str:
    english = written_messages().get(rule_id)
    if english is None or rule_id not in told.rules:
        return message
    translation = told.rules[rule_id]["message"]
    found = pattern(english).match(message)
    if found is None:
        found = pattern(without_column(english, AN_ITEM)).match(message)
        translation = without_column(translation, told.terms[AN_ITEM])
    if found is None:
        return message
    result = fill(translation, _column_words(found.groupdict(), told))
    rest = message[found.end() :]
    if not rest:
        return result
    detail = rest.removeprefix(" (").removesuffix(")")
    return f"{result}（{sentence(detail, told) or detail}）"


def _column_words(words: Mapping[str, str], told: Messages) -> dict[str, str]:
    return {name: told.terms.get(word, word) for name, word in words.items()}


@cache
def translated_suggestion(rule_id: str, suggestion: str | None, language: str) -> str | None:
    """A suggestion in another language; codes, dates and numbers stay what they are."""
    if suggestion is None or language == ENGLISH:
        return suggestion
    told = messages(language)
    written = told.rules.get(rule_id, {}).get("suggestion")
    if written is not None and suggestion == catalogue().entries[rule_id].suggestion:
        return written
    return sentence(suggestion, told) or suggestion
