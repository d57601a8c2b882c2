"""Words and numbers that stand for one value of a list.

Belongs here: looking a text up, whatever its case, width and blanks. Does not belong here: the lists.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from registry_pipeline.intake.parsing.result import ParsedBoolean, ParsedCode
from registry_pipeline.intake.parsing.text import comparison_key, is_too_long, normalise_text

BOOLEAN_CODES: Mapping[str, bool] = {
    **dict.fromkeys(("1", "y", "yes", "true", "t", "是", "有", "oui", "o", "ja", "j"), True),
    **dict.fromkeys(("0", "n", "no", "false", "f", "否", "无", "無", "non", "nein"), False),
}


def parse_code(text: str | None, codes: Mapping[str, str]) -> ParsedCode:
    """Look one text up in ``codes`` (text as received -> code of ours).

    Returns:
        Reasons of a query: not_in_code_list, ambiguous_code (two spellings of the list are the same under
        the comparison and mean different things), text_too_long.
    """
    if is_too_long(text):
        return ParsedCode(None, "query", "text_too_long")
    if not normalise_text(text):
        return ParsedCode(None, "blank")
    return _look_up(text or "", _index(codes))


def make_code_parser(codes: Mapping[str, str]) -> Callable[[str | None], ParsedCode]:
    """``parse_code`` with its list prepared once; for columns."""
    index = _index(codes)

    def parse_code_of_list(text: str | None) -> ParsedCode:
        if is_too_long(text):
            return ParsedCode(None, "query", "text_too_long")
        return _look_up(text or "", index) if normalise_text(text) else ParsedCode(None, "blank")

    return parse_code_of_list


def parse_boolean(text: str | None, codes: Mapping[str, bool] | None = None) -> ParsedBoolean:
    """Yes or no by ``codes`` (``BOOLEAN_CODES`` when None).

    Returns:
        Reasons of a query: those of ``parse_code``.
    """
    words = {word: str(int(flag)) for word, flag in (codes if codes is not None else BOOLEAN_CODES).items()}
    found = parse_code(text, words)
    value = None if found.value is None else found.value == "1"
    return ParsedBoolean(value, found.status, found.reason)


def _index(codes: Mapping[str, str]) -> dict[str, set[str]]:
    index: dict[str, set[str]] = {}
    for spelling, code in codes.items():
        index.setdefault(comparison_key(spelling), set()).add(code)
    return index


def _look_up(text: str, index: Mapping[str, set[str]]) -> ParsedCode:
    found = index.get(comparison_key(text), set())
    if len(found) == 1:
        return ParsedCode(next(iter(found)), "ok")
    return ParsedCode(None, "query", "ambiguous_code" if found else "not_in_code_list")
