"""A hidden count cannot be worked out from what is shown."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from registry_pipeline.reporting.suppression import hidden_cells

GROUPS = st.lists(st.lists(st.integers(0, 9), min_size=3, max_size=3), min_size=2, max_size=4)


def solutions(counts: np.ndarray, hidden: np.ndarray, families: list[list[int]]) -> int:
    """Of the hidden cells: how many an attacker solves from margins, families and shown counts."""
    cells = [tuple(one) for one in np.argwhere(hidden)]
    equations = []
    for column in range(counts.shape[1]):
        equations.append([1.0 if cell[1] == column else 0.0 for cell in cells])
    for family in families:
        for level in range(counts.shape[0]):
            equations.append(
                [
                    0.0 if cell[0] != level else 1.0 if cell[1] in family else -1.0 if cell[1] == 0 else 0.0
                    for cell in cells
                ]
            )
    matrix = np.array(equations)
    known = 0
    for position in range(len(cells)):
        unit = np.zeros(len(cells))
        unit[position] = 1
        weights, *_ = np.linalg.lstsq(matrix.T, unit, rcond=None)
        known += bool(np.allclose(matrix.T @ weights, unit, atol=1e-8))
    return known


@given(GROUPS, st.integers(2, 6))
@settings(max_examples=150, deadline=None)
def test_no_hidden_count_is_determined(groups: list[list[int]], limit: int) -> None:
    parts = np.array(groups)
    counts = np.column_stack([parts.sum(axis=1), parts])
    families = [[1, 2, 3]]
    hidden = hidden_cells(counts, families, limit)
    small = (counts > 0) & (counts < limit)
    assert (hidden | ~small).all()
    if hidden.any() and not hidden.all():
        assert solutions(counts, hidden, families) == 0


@given(GROUPS)
@settings(max_examples=50, deadline=None)
def test_hidden_counts_of_a_column_are_not_small_by_sum(groups: list[list[int]]) -> None:
    counts = np.array(groups)
    hidden = hidden_cells(counts, [], 5)
    for column in range(counts.shape[1]):
        total = counts[hidden[:, column], column].sum()
        assert total == 0 or total >= 5 or hidden[:, column].all()


def test_nothing_small_hides_nothing() -> None:
    counts = np.array([[20, 10, 10], [30, 15, 15]])
    assert not hidden_cells(counts, [[1, 2]], 5).any()
    assert not hidden_cells(np.array([[3, 1, 2]]), [[1, 2]], 0).any()


def test_one_small_count_takes_a_neighbour_with_it() -> None:
    counts = np.array([[33, 20, 13], [19, 9, 10], [4, 4, 0]])
    hidden = hidden_cells(counts, [[1, 2]], 5)
    assert hidden[2, 0]
    assert hidden[2, 1]
    assert hidden[:, 1].sum() >= 2
    assert not hidden[0].all()
