"""Who the simulated women are: days of diagnosis and birth, and which women two facilities know.

Belongs here: dates that follow from seed, facility and number alone, so that one facility's export can hold the
women of another without drawing that one. Does not belong here: their disease (``population.py``).

Within a facility no two women share both dates. Between facilities they coincide as often as chance has it: each
facility steps through the same days from another start and with another stride.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]

SHARED_EVERY = 200
"""Of so many women of every second facility one was transferred from the facility before, and another one merely
shares her dates."""
_FIRST_DX = date(2005, 1, 1).toordinal()
_DX_DAYS = 5000
"""To September 2018, so that every treatment lies in the window."""
_BIRTH_DAYS = 17989
"""A prime: every stride visits every day before a repeat."""
_YOUNGEST_DAYS = 28 * 366


@dataclass(frozen=True)
class SharedWoman:
    """Two patients of neighbouring facilities with the same dates of birth and diagnosis.

    Attributes:
        number: her number at both facilities.
        facility: the facility, from 2, that knows her second; the other one is the facility before it.
        is_transfer: one woman at two facilities (with the same histology), not two who happen to share dates.
    """

    number: int
    facility: int
    is_transfer: bool


def dates_of(seed: int, facility: int, number: Ints) -> tuple[Ints, Ints]:
    """Days of diagnosis and of birth (ordinals) of a facility's women, by number."""
    dx, birth = _own_dates(seed, facility, number)
    shared = is_transfer(facility, number) | is_namesake(facility, number)
    if not shared.any():
        return dx, birth
    before_dx, before_birth = _own_dates(seed, facility - 1, number)
    return np.where(shared, before_dx, dx), np.where(shared, before_birth, birth)


def is_transfer(facility: int, number: Ints) -> NDArray[np.bool_]:
    """Whether the facility before knows the same woman under the same number."""
    return np.asarray((number % SHARED_EVERY == 0) & (facility % 2 == 0), dtype=np.bool_)


def is_namesake(facility: int, number: Ints) -> NDArray[np.bool_]:
    """Whether a woman of the facility before has the same dates, but is somebody else."""
    return np.asarray((number % SHARED_EVERY == SHARED_EVERY // 2) & (facility % 2 == 0), dtype=np.bool_)


def histology_kind(facility: int, number: Ints, drawn: Ints) -> Ints:
    """Drawn kinds of histology (0 and 1 squamous, 2 adeno, 3 adenosquamous), but one woman has one histology.

    Two women who share their dates differ in it: 0 at the facility that comes first, 2 at the other.
    """
    of_transfer = (number // SHARED_EVERY) % 4
    of_namesake = np.where(facility % 2 == 0, 2, 0)
    kind = np.where(number % SHARED_EVERY == 0, of_transfer, drawn)
    return np.where(number % SHARED_EVERY == SHARED_EVERY // 2, of_namesake, kind)


def shared_women(patients: list[int]) -> Iterator[SharedWoman]:
    """The women whom two facilities know, and the pairs that only look like it.

    Args:
        patients: number of patients of each facility, in order.
    """
    for facility in range(2, len(patients) + 1, 2):
        both = min(patients[facility - 2], patients[facility - 1])
        for number in range(SHARED_EVERY // 2, both + 1, SHARED_EVERY // 2):
            yield SharedWoman(number, facility, number % SHARED_EVERY == 0)


def _own_dates(seed: int, facility: int, number: Ints) -> tuple[Ints, Ints]:
    rng = np.random.default_rng([seed, facility])
    # A stride that shares no factor with 5000 visits every day of diagnosis before a repeat.
    dx_stride, birth_stride = 10 * int(rng.integers(1, 500)) + 1, int(rng.integers(1, _BIRTH_DAYS))
    dx_start, birth_start = int(rng.integers(_DX_DAYS)), int(rng.integers(_BIRTH_DAYS))
    dx = _FIRST_DX + (dx_start + number * dx_stride) % _DX_DAYS
    # Women with the same day of diagnosis are 5000 numbers apart: the second stride parts their ages.
    step = birth_start + number * birth_stride + number // _DX_DAYS * 7919
    return dx, dx - (_YOUNGEST_DAYS + step % _BIRTH_DAYS)
