"""A solution of many small homogeneous equations, drawn at random among all that there are.

Belongs here: elimination. Does not belong here: what the equations say (``suppression.py``).

An unknown is zero in every solution where it is zero in one drawn at random: in the field of PRIME elements another one
is drawn as zero once in 2e18 times. So there is no rounding, no smallest eigenvalue to tell from zero, and nothing
denser than the equations: five thousand unknowns take a fraction of a second, their eigenvectors took five.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Mapping, Sequence

PRIME = 2**61 - 1
Equation = dict[int, int]
"""Unknown -> its coefficient, from 1 to PRIME - 1; the sum is zero."""


def random_solution(equations: Sequence[Mapping[int, int]], unknowns: Sequence[int]) -> dict[int, int]:
    """Value of each unknown, from 0 to PRIME - 1; the same for the same equations.

    Args:
        equations: over these unknowns.
    """
    draw = random.Random(len(unknowns))  # any seed: who reads a release gains nothing by knowing it
    values: dict[int, int] = {}
    for unknown, others in reversed(_eliminated(equations, unknowns)):
        if others is None:
            values[unknown] = draw.randrange(1, PRIME)
        else:
            values[unknown] = -sum(factor * values[other] for other, factor in others.items()) % PRIME
    return values


def _eliminated(
    equations: Sequence[Mapping[int, int]], unknowns: Sequence[int]
) -> list[tuple[int, Equation | None]]:
    """Each unknown as a sum over later ones, or free: the one that stands in the fewest equations first."""
    rows = {number: dict(equation) for number, equation in enumerate(equations)}
    places: dict[int, set[int]] = {unknown: set() for unknown in unknowns}
    for number, row in rows.items():
        for unknown in row:
            places[unknown].add(number)
    waiting = [(len(places[unknown]), unknown) for unknown in unknowns]
    heapq.heapify(waiting)
    result: list[tuple[int, Equation | None]] = []
    while waiting:
        n_places, unknown = heapq.heappop(waiting)
        if unknown not in places:
            continue
        if n_places != len(places[unknown]):
            heapq.heappush(waiting, (len(places[unknown]), unknown))
            continue
        result.append((unknown, _substituted(rows, places, unknown)))
    return result


def _substituted(rows: dict[int, Equation], places: dict[int, set[int]], unknown: int) -> Equation | None:
    """The unknown by its shortest equation, which is put into the others; None where it stands in none."""
    numbers = places.pop(unknown)
    if not numbers:
        return None
    shortest = min(numbers, key=lambda number: (len(rows[number]), number))
    row = rows.pop(shortest)
    inverse = pow(row.pop(unknown), -1, PRIME)
    sums = {other: factor * inverse % PRIME for other, factor in row.items()}
    for other in sums:
        places[other].discard(shortest)
    for number in numbers - {shortest}:
        _put_in(rows[number], places, number, rows[number].pop(unknown), sums)
    return sums


def _put_in(row: Equation, places: dict[int, set[int]], number: int, times: int, sums: Equation) -> None:
    """Replace an unknown that stood in an equation so many times by what it is."""
    for other, factor in sums.items():
        value = (row.get(other, 0) - times * factor) % PRIME
        if value:
            row[other] = value
            places[other].add(number)
        else:
            del row[other]
            places[other].discard(number)
