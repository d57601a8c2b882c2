"""A number that may not be shown.

Belongs here: how it behaves in arithmetic and on a page. Does not belong here: which numbers are hidden.
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, eq=False)
class Hidden:
    """Not a number to whoever computes, a word to whoever reads.

    Whatever is computed from it is hidden too, so that no section has to ask before it divides or scales. It is no
    ``float``: pandas would turn one back into a plain missing value.

    Attributes:
        word: what stands in its place: "hidden", or "<5" of a count that is small itself.
    """

    word: str = "hidden"

    def __str__(self) -> str:
        return self.word

    def __format__(self, specification: str) -> str:
        return self.word

    def __float__(self) -> float:
        return math.nan

    def _computed(self, other: object = None) -> Hidden:
        return Hidden()

    def _compared(self, other: object) -> bool:
        return False

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = _computed
    __lt__ = __le__ = __gt__ = __ge__ = _compared
