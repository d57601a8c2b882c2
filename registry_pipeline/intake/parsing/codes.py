"""Words and numbers that stand for one value of a list.

Belongs here: looking a text up, whatever its case, width and blanks. Does not belong here: the lists.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from registry_pipeline.intake.parsing.result import ParsedCode
from registry_pipeline.intake.parsing.text import comparison_key, is_too_long, normalise_text

BOOLEAN_CODES: Mapping[str, bool] = {
    **dict.fromkeys(("1", "y", "yes", "true", "t", "是", "有", "oui", "o", "ja", "j"), True),
    **dict.fromkeys(("0", "n", "no", "false", "f", "否", "无", "無", "non", "nein"), False),
}


def make_code_parser(codes: Mapping[str, str]) -> Callable[[str | None], ParsedCode]:
    """A parser that looks a text up in ``codes`` (text as received -> code of ours).

    Its reasons of a query: not_in_code_list, ambiguous_code (two spellings of the list are the same under
    the comparison and mean different things), text_too_long.
    """
    index: dict[str, set[str]] = {}
    for spelling, code in codes.items():
        index.setdefault(comparison_key(spelling), set()).add(code)

    def parse_code(text: str | None) -> ParsedCode:
        if is_too_long(text):
            return ParsedCode(None, "query", "text_too_long")
        if text is None or not normalise_text(text):
            return ParsedCode(None, "blank")
        matches = index.get(comparison_key(text), set())
        if len(matches) == 1:
            return ParsedCode(next(iter(matches)), "ok")
        return ParsedCode(None, "query", "ambiguous_code" if matches else "not_in_code_list")

    return parse_code
