"""Small counts in the words of a release: remarks of its tables, and its published items.

Belongs here: which words tell a count. Does not belong here: counts in columns (``relations.py``).
"""

from __future__ import annotations

import re

import pandas as pd

from registry_pipeline.reporting.document.hidden import Hidden
from registry_pipeline.reporting.document.wording import is_given, upper_first

_COUNTED = re.compile(r"(?:\b[Oo]nly )?(?<![.,\d])(\d+) (event|death|patient|lesion|recurrence)s?\b")
_AT_RISK = re.compile(r"(?:; )?\b\d+ at risk at [\d.]+ months")
_SHARED = re.compile(r"(?<![.,\d])(\d+) of (\d+) (?=patient|lesion)")
COUNTING_ITEMS = {1, 3, 4, 5, 9, 12}
"""Published items that count patients or lesions; 2 and 10 count other things."""
EXTREMES = {(6, "b"), (6, "c"), (9, "d"), (9, "e")}
"""The shortest and the longest time: each is one patient's."""


def is_small(value: object, limit: int) -> bool:
    """Whether a count is to be hidden by itself."""
    return is_given(value) and 0 < int(value) < limit  # type: ignore[call-overload, no-any-return]


def is_telling(part: object, whole: object, limit: int) -> bool:
    """Whether a share of patients gives a small count away: its own, or that of the others."""
    if not is_given(part) or not is_given(whole):
        return False
    rest = int(whole) - int(part)  # type: ignore[call-overload]
    return any(is_small(count, limit) for count in (part, whole, rest))


def disclosed_remark(value: object, limit: int) -> object:
    """A remark without the small counts in it."""
    if not isinstance(value, str):
        return value
    few = f"fewer than {limit}"

    def shared(match: re.Match[str]) -> str:
        part, whole = int(match[1]), int(match[2])
        word = (
            f"<{limit}" if is_small(part, limit) else "hidden" if is_telling(part, whole, limit) else match[1]
        )
        return f"{word} of {f'<{limit}' if is_small(whole, limit) else match[2]} "

    text = _SHARED.sub(shared, _AT_RISK.sub("", value))
    return upper_first(
        _COUNTED.sub(lambda match: f"{few} {match[2]}s" if is_small(match[1], limit) else match[0], text)
    )


def with_number(text: str, value: object) -> str:
    """The words of a published number ("74.1 %") with another number, to as many decimals; a hidden one as its word."""
    figure, _, unit = text.partition(" ")
    decimals = len(figure.partition(".")[2])
    return value.word if isinstance(value, Hidden) else f"{value:.{decimals}f} {unit}".strip()


def hidden_items(card: pd.DataFrame, limit: int) -> set[tuple[int, str]]:
    """Published items that are not shown because their count, or that of the other patients, is small.

    A share is hidden with the count before it; the shortest and longest time, because they are of one patient.
    """
    hidden: set[tuple[int, str]] = set()
    is_last_hidden = False
    for record in card.to_dict("records"):
        item, text = (int(record["item"]), str(record["part"])), str(record["computed"])
        if text.isdigit() and item[0] in COUNTING_ITEMS:
            is_last_hidden = is_telling(int(text), record["n"], limit)
        counts = item[0] in COUNTING_ITEMS and (text.isdigit() or text.endswith("%"))
        if (counts and is_last_hidden) or item in EXTREMES:
            hidden.add(item)
    if {(3, "b"), (3, "c")} & hidden:  # their sum is the group of other sites than supraclavicular
        hidden |= {(3, "b"), (3, "c")}
    return hidden


def disclosed_card(card: pd.DataFrame, limit: int) -> pd.DataFrame:
    """The published and computed numbers; agreement with a published count would tell the computed one."""
    items = hidden_items(card, limit)
    is_hidden = pd.Series(
        [(int(item), str(part)) in items for item, part in zip(card["item"], card["part"], strict=True)],
        index=card.index,
        dtype=bool,
    )
    result = card.astype(
        dict.fromkeys(("computed", "computed_value", "ci_lower", "ci_upper", "agrees"), object)
    )
    words = card.loc[is_hidden, "computed"].map(lambda text: _word(text, limit))
    result.loc[is_hidden, "computed"] = words
    result.loc[is_hidden, "computed_value"] = Hidden()
    result.loc[is_hidden, ["ci_lower", "ci_upper", "agrees"]] = None
    return result


def _word(text: object, limit: int) -> str:
    return f"<{limit}" if str(text).isdigit() and is_small(str(text), limit) else Hidden().word
