"""What to write instead, as findings say it: one value, or two between which somebody has to choose.

Belongs here: the words of a suggestion, and the values that its words hold.
Does not belong here: computing what to write (``intake/columns/suggestions.py``, ``validation/``).
"""

import re
from collections.abc import Iterable

MOST = 2
"""More than two ways to mend a value are a guess."""
_EITHER = re.compile(r"\Aeither (.+) or (.+)\Z", re.DOTALL)
_ON_CONDITION = re.compile(r", if the .+\Z", re.DOTALL)


def either(values: Iterable[str]) -> str | None:
    """The suggestion of one or two values; None where there is none, or more than two."""
    distinct = list(dict.fromkeys(values))
    if not distinct or len(distinct) > MOST:
        return None
    return distinct[0] if len(distinct) == 1 else f"either {distinct[0]} or {distinct[1]}"


def values_in(suggestion: str | None) -> list[str]:
    """The values that a suggestion names, without its other words."""
    if not suggestion:
        return []
    plain = _ON_CONDITION.sub("", suggestion)
    match = _EITHER.match(plain)
    return [match[1], match[2]] if match else [plain]
