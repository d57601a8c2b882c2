"""Products of a matrix of many rows and few columns, block by block.

Belongs here: how such a product is cut into blocks.
Does not belong here: what is multiplied, and why.

A block is small enough to stay in the processor's cache, and too small for a linear-algebra library to wake its
threads: those wait in a loop for the next product, and take more time from the machine than they save.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from registry_pipeline.analysis.inputs import Floats, Ints

CELLS = 8_192  # numbers in a block


def blocks(n: int, width: int) -> Sequence[slice]:
    """Cut n rows of `width` numbers into blocks; few rows are one block."""
    rows = max(CELLS // max(width, 1), 1)
    if n <= rows:
        return (slice(0, n),)
    return [slice(start, start + rows) for start in range(0, n, rows)]


def combine(x: Floats, weight: Floats) -> Floats:
    """The columns of x (n, p) weighted and added up, x @ weight: (n,)."""
    total = np.empty(len(x))
    for rows in blocks(*x.shape):
        np.dot(x[rows], weight, out=total[rows])
    return total


def cross(x: Floats, weight: Floats, y: Floats) -> Floats:
    """x' diag(weight) y of x (n, p), weight (n,) and y (n, q): (p, q)."""
    total = np.zeros((x.shape[1], y.shape[1]))
    for rows in blocks(*x.shape):
        total += x[rows].T @ (weight[rows, None] * y[rows])
    return total


def gather(x: Floats, chosen: Ints, weight: Floats) -> Floats:
    """The chosen rows of x (n, p), each with its weight, added up: (p,)."""
    total = np.zeros(x.shape[1])
    for rows in blocks(len(chosen), x.shape[1]):
        total += weight[rows] @ x[chosen[rows]]
    return total


def inner(first: Floats, other: Floats) -> float:
    """The sum of the products of two columns (n,)."""
    return float(sum(first[rows] @ other[rows] for rows in blocks(len(first), 1)))
