"""A hidden count cannot be worked out from what is shown."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry_pipeline.reporting.figures.base import FigureFolder
from registry_pipeline.reporting.figures.survival import Curve, km_figure
from registry_pipeline.reporting.release.disclosure import (
    Line,
    hidden_cells,
    hidden_counts,
    hidden_groups,
    hidden_shares,
    rounded_curve,
)
from registry_pipeline.reporting.sections.context import Context
from registry_pipeline.reporting.sections.scorecard import hidden_items
from registry_pipeline.reporting.sections.survival_tables import shown_at_risk
from tests.unit.reporting.test_figures import MONTH, drawn_texts, km_rows

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


@pytest.fixture
def context(tmp_path):
    """Small counts hidden; no release behind it."""
    return Context(None, FigureFolder(tmp_path), 5)


def test_few_at_risk_are_written_as_few_and_not_as_none(context):
    rows = km_rows([30 * one for one in range(1, 21)], [1, 0] * 10)
    many = km_rows([25 * one for one in range(1, 41)], [0, 1] * 20)
    curves = [Curve("a", "A", rounded_curve(one, "survival", 1.0, 5, MONTH), one) for one in (rows, many)]
    svg = km_figure(
        curves, "y", "x", "", MONTH, lambda counts, _: shown_at_risk(context, counts, sum(counts))
    )
    found = [words for _, _, words in drawn_texts(svg)]
    assert "&lt;5" in found
    assert not {"1", "2", "3", "4"} & set(found)


def test_groups_hide_what_the_total_would_give_away():
    assert hidden_groups([9, 1], 10, 5) == [True, True]
    assert hidden_groups([9, 0], 10, 5)[0]  # one patient is in no group
    assert hidden_groups([9, 6], 15, 5) == [False, False]


def test_a_share_whose_complement_is_small_is_hidden():
    assert hidden_shares([(19, 22), (30, 60)], (49, 82), 5)[0]
    assert hidden_shares([(10, 22), (30, 60)], (40, 82), 5) == [False, False]
    assert hidden_shares([(3, 5), (10, 33), (19, 45)], (32, 83), 5) == [True, True, False]


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), min_size=2, max_size=5), st.integers(2, 6))
@settings(max_examples=100, deadline=None)
def test_no_part_of_a_share_follows_from_the_others(parts, limit):
    pairs = [(k, k + rest) for k, rest in parts]
    hidden = hidden_shares(pairs, (sum(k for k, _ in pairs), sum(n for _, n in pairs)), limit)
    small = [0 < k < limit or 0 < n - k < limit for k, n in pairs]
    assert all(h for h, s in zip(hidden, small, strict=True) if s)
    assert sum(hidden) != 1 or any(n < limit for _, n in pairs) or len({n for _, n in pairs if n}) < 2


def test_a_preferred_cell_is_given_up_first():
    kinds = [2, 0, 10, 0, 12]
    lines = [Line((0, 1, 2, 3), 4)]
    assert hidden_counts(kinds, lines, 5, first=[4]).tolist() == [True, False, False, False, True]
    assert hidden_counts(kinds, lines, 5).tolist()[2]


@given(st.lists(st.tuples(st.integers(1, 900), st.integers(0, 1)), min_size=5, max_size=60))
@settings(max_examples=60, deadline=None)
def test_a_rounded_curve_steps_on_whole_months_after_enough_events(people):
    rows = km_rows([one[0] for one in people], [one[1] for one in people])
    shown = rounded_curve(rows, "survival", 1.0, 5, MONTH)
    assert set(shown.columns) == {"duration_days", "survival", "ci_lower", "ci_upper"}
    assert np.allclose(shown["duration_days"] % MONTH, 0) or len(shown) == 0
    before = 0.0
    level = 1.0
    for one in shown.itertuples():
        if one.survival != level:
            between = rows[(rows["duration_days"] > before) & (rows["duration_days"] <= one.duration_days)]
            assert between["n_event"].sum() >= 5
            before, level = one.duration_days, one.survival


def test_remarks_do_not_tell_what_cells_hide(context):
    text = context.note("Only 2 events: the p value is an approximation for many.")
    assert text.startswith("Fewer than 5 events:")
    assert context.note("1 lesions read at it; 17 patients") == "Fewer than 5 lesions read at it; 17 patients"


def test_the_scorecard_hides_counts_and_complements_but_not_lesions_per_patient(context):
    def item(number, part, computed, n):
        return {"item": number, "part": part, "computed": computed, "n": n}

    card = pd.DataFrame(
        [
            item(2, "b", "3", 56),
            item(3, "b", "33", 56),
            item(3, "c", "4", 56),
            item(4, "a", "30", 56),
            item(4, "g", "52", 56),
            item(4, "h", "92.9 %", 56),
            item(10, "b", "1", 7),
            item(12, "b", "19", 22),
            item(12, "c", "86.4 %", 22),
        ]
    )
    hidden = hidden_items(context, card)
    assert hidden == {(3, "b"), (3, "c"), (4, "g"), (4, "h"), (12, "b"), (12, "c")}
