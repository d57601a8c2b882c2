"""A hidden count cannot be worked out from what is shown."""

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from registry_pipeline.reporting.release.disclosure.curves import rounded_curves
from registry_pipeline.reporting.release.disclosure.equations import PRIME, random_solution
from registry_pipeline.reporting.release.disclosure.remarks import disclosed_remark, hidden_items
from registry_pipeline.reporting.release.disclosure.suppression import Line, hidden_cells, hidden_counts
from tests.unit.reporting.test_figures import MONTH, km_rows

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


def test_cells_that_are_small_and_fixed_by_their_sum_are_not_alone():
    counts = [4, 4, 30]
    assert hidden_counts(counts, [Line((0, 1), None), Line((2,), None)], 5).tolist() == [True, True, False]
    assert hidden_counts([4, 4, 30], [Line((0, 1, 2))], 5).all()  # the sum says that both are 4


def test_a_preferred_cell_is_given_up_first():
    kinds = [2, 0, 10, 0, 12]
    lines = [Line((0, 1, 2, 3), 4)]
    assert hidden_counts(kinds, lines, 5, first=[4]).tolist() == [True, False, False, False, True]
    assert hidden_counts(kinds, lines, 5).tolist()[2]


@given(st.lists(st.tuples(st.integers(1, 900), st.integers(0, 1)), min_size=5, max_size=60))
@settings(max_examples=60, deadline=None)
def test_a_rounded_curve_steps_on_whole_months_after_enough_events(people):
    rows = km_rows([one[0] for one in people], [one[1] for one in people])
    shown = rounded_curves(rows.assign(stratum="all"), "survival", 1.0, 5, MONTH).drop(columns="stratum")
    assert set(shown.columns) == {"duration_days", "survival", "ci_lower", "ci_upper"}
    assert np.allclose(shown["duration_days"] % MONTH, 0) or len(shown) == 0
    before = 0.0
    level = 1.0
    for one in shown.itertuples():
        if one.survival != level:
            between = rows[(rows["duration_days"] > before) & (rows["duration_days"] <= one.duration_days)]
            assert between["n_event"].sum() >= 5
            before, level = one.duration_days, one.survival


def test_curves_of_a_table_are_those_of_its_groups_in_whatever_order_its_rows_stand():
    random = np.random.default_rng(7)
    groups = {
        name: km_rows(random.integers(1, 900, 60).tolist(), random.integers(0, 2, 60).tolist())
        for name in ("b", "a")
    }
    named = [rows.assign(endpoint="os", stratum=name) for name, rows in groups.items()]
    nameless = named[0].assign(stratum=None)
    table = pd.concat([pd.concat(named).sample(frac=1, random_state=7), nameless], ignore_index=True)
    shown = rounded_curves(table, "survival", 1.0, 5, MONTH)
    assert shown["stratum"].unique().tolist() == table["stratum"].dropna().unique().tolist()
    for name, rows in groups.items():
        alone = rounded_curves(rows.assign(endpoint="os", stratum=name), "survival", 1.0, 5, MONTH)
        pd.testing.assert_frame_equal(shown[shown["stratum"] == name].reset_index(drop=True), alone)


def test_events_of_each_cause_follow_from_its_steps_and_who_is_free_of_all():
    """Of 40 ten have cause 1 and ten cause 2 in the first month, ten cause 1 in the second."""
    days, at_risk, causes = [10.0, 10.0, 40.0, 40.0], [40, 40, 20, 20], [2, 1, 1, 2]
    rows = pd.DataFrame(
        {
            "endpoint": "x",
            "origin": "y",
            "stratum": "all",
            "cause": causes,
            "duration_days": days,
            "n_at_risk": at_risk,
        }
    ).assign(incidence=[0.25, 0.25, 0.5, 0.25], ci_lower=0.0, ci_upper=1.0)
    shown = rounded_curves(rows, "incidence", 0.0, 10, MONTH)
    assert shown.groupby("cause")["incidence"].apply(list).to_dict() == {1: [0.25, 0.5], 2: [0.25, 0.25]}
    later = rounded_curves(rows, "incidence", 0.0, 11, MONTH)
    assert later.groupby("cause")["incidence"].apply(list).to_dict() == {1: [0.5], 2: [0.0]}


def test_remarks_do_not_tell_what_cells_hide():
    text = disclosed_remark("Only 2 events: the p value is an approximation for many.", 5)
    assert isinstance(text, str)
    assert text.startswith("Fewer than 5 events:")
    told = disclosed_remark("1 lesions read at it; 17 patients; 16 of 17 patients", 5)
    assert told == "Fewer than 5 lesions read at it; 17 patients; hidden of 17 patients"


def test_the_scorecard_hides_counts_and_complements_but_not_lesions_per_patient():
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
    hidden = hidden_items(card, 5)
    assert hidden == {(3, "b"), (3, "c"), (4, "g"), (4, "h"), (12, "b"), (12, "c")}


@given(st.lists(st.lists(st.sampled_from([-1, 0, 1]), min_size=6, max_size=6), max_size=6))
@settings(max_examples=100, deadline=None)
def test_a_random_solution_is_one_and_is_zero_just_where_every_solution_is(coefficients: list[list[int]]):
    equations = [{at: n % PRIME for at, n in enumerate(row) if n} for row in coefficients]
    solution = random_solution(equations, range(6))
    for equation in equations:
        assert sum(factor * solution[unknown] for unknown, factor in equation.items()) % PRIME == 0
    matrix = np.array(coefficients or [[0] * 6], dtype=float)
    is_fixed = np.isclose(np.diag(np.linalg.pinv(matrix) @ matrix), 1.0)
    assert [solution[unknown] == 0 for unknown in range(6)] == is_fixed.tolist()


def test_a_chain_of_thousands_of_sums_is_solved_to_its_end():
    n = 5_000
    links = [{at: 1, at + 1: 1} for at in range(n - 1)]
    assert 0 not in random_solution(links, range(n)).values()
    assert not any(random_solution([*links, {n - 1: 1}], range(n)).values())
