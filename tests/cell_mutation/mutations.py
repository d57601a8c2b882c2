"""One cell changed at random, as typing, copying and other people's programs change cells.

Belongs here: the kinds of change. Does not belong here: what must come of them (``verdict.py``).
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

INVISIBLE = ("\u200b", "\u00a0", "\ufeff", "\u00ad", "\u2060", "\u3000", " ", "\t")
UNITS = ("mm", " cm", "Gy", "岁", "%", " days", "cGy", "个月")
SENTINELS = (
    "999",
    "9999",
    "-1",
    "-9",
    "99",
    "不详",
    "NA",
    "N/A",
    "?",
    "unknown",
    ".",
    "-",
    "NULL",
    "#REF!",
    "0",
    "未知",
)
WIDE = str.maketrans(
    "0123456789.-:/ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "０１２３４５６７８９．－：／ＡＢＣＤＥＦＧＨＩＪＫＬＭＮＯＰＱＲＳＴＵＶＷＸＹＺ",
)
_ISO = re.compile(r"(\d{4})(-?)(\d{2})(-?)(\d{2})(.*)", re.DOTALL)
_EUROPEAN = re.compile(r"(\d{2})/(\d{2})/(\d{4})")


@dataclass(frozen=True)
class Mutation:
    """A cell that was changed.

    Attributes:
        file, sheet: name of the file, and of its sheet (empty for delimited files).
        row: physical row, from 1.
        column: header of the column.
        before, after: the cell's text.
        kind: kind of change.
    """

    file: str
    sheet: str
    row: int
    column: str
    before: str
    after: str
    kind: str


Change = Callable[[random.Random, str, Sequence[str]], str]


def _invisible(rng: random.Random, text: str, _: Sequence[str]) -> str:
    place = rng.randint(0, len(text))
    return text[:place] + rng.choice(INVISIBLE) + text[place:]


def _digit(rng: random.Random, text: str, _: Sequence[str]) -> str:
    places = [place for place, letter in enumerate(text) if letter in "0123456789"]
    if not places:
        return text
    place = rng.choice(places)
    return text[:place] + rng.choice("0123456789") + text[place + 1 :]


def _day(rng: random.Random, text: str, _: Sequence[str]) -> str:
    """A date moved by a day, a month or a century, in its own format."""
    days = rng.choice((-1, 1, 30, -31, 36_525, -36_525))
    try:
        if iso := _ISO.fullmatch(text):
            moved = date(int(iso[1]), int(iso[3]), int(iso[5])) + timedelta(days)
            return f"{moved.year:04d}{iso[2]}{moved.month:02d}{iso[4]}{moved.day:02d}{iso[6]}"
        if european := _EUROPEAN.fullmatch(text):
            moved = date(int(european[3]), int(european[2]), int(european[1])) + timedelta(days)
            return f"{moved.day:02d}/{moved.month:02d}/{moved.year:04d}"
    except (ValueError, OverflowError):
        pass
    return text


KINDS: dict[str, Change] = {
    "blank": lambda rng, text, others: "",
    "another row's value": lambda rng, text, others: rng.choice(others),
    "invisible character": _invisible,
    "unit": lambda rng, text, others: text + rng.choice(UNITS),
    "sentinel": lambda rng, text, others: rng.choice(SENTINELS),
    "digit": _digit,
    "date": _day,
    "case": lambda rng, text, others: text.swapcase(),
    "width of digits": lambda rng, text, others: text.translate(WIDE),
    "doubled": lambda rng, text, others: text + text,
    "sign": lambda rng, text, others: "-" + text,
    "decimal comma": lambda rng, text, others: text.replace(".", ",") if "." in text else text + ",5",
    "bound": lambda rng, text, others: rng.choice(("<", ">", "~", "≥")) + text,
    "question": lambda rng, text, others: text + "?",
}


def mutate(rng: random.Random, text: str, others: Sequence[str]) -> tuple[str, str]:
    """(changed text, kind); the text differs from what it was.

    Args:
        others: texts of the column's other cells.
    """
    while True:
        kind = rng.choice(list(KINDS))
        changed = KINDS[kind](rng, text, others)
        if changed != text:
            return changed, kind
