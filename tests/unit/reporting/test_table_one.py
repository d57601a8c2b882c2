"""Table 1: quartiles, counts, missing values, standardised differences."""

import numpy as np
import pandas as pd
import pytest

from registry_pipeline.reporting.document.wording import Words
from registry_pipeline.reporting.release.disclosure.table_one import Family, Variable, described_table

WORDS = Words(15.0)
FAMILY = Family("size_group", ("small", "large"))


def cells(frame: pd.DataFrame, variable: Variable, *families: Family) -> dict[str, tuple[str, ...]]:
    made = described_table(frame, [variable], families, WORDS, caption="c", source="mart.cohort")
    return {row.head: row.cells for row in made.rows}


def frame() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "size_group": ["small"] * 6 + ["large"] * 6 + [None],
            "age_years": [40.0, 42, 44, 46, 48, 50, 50, 52, 54, 56, 58, None, 70],
            "histology_group": ["scc"] * 5 + ["adeno"] + ["scc"] * 2 + ["adeno"] * 4 + [None],
        }
    )


def test_numbers_are_quartiles_and_missing_ones_are_counted() -> None:
    found = cells(frame(), Variable("age_years", True), FAMILY)
    head = next(iter(found))
    known = frame()["age_years"].dropna()
    low, middle, high = known.quantile([0.25, 0.5, 0.75])
    assert found[head][0] == f"{middle:.0f} ({low:.0f}–{high:.0f})"
    assert found["missing"][:3] == ("1", "0", "1")


def test_the_difference_of_numbers_is_the_textbook_one() -> None:
    data = frame()
    small, large = (data.loc[data["size_group"] == one, "age_years"].dropna() for one in ("small", "large"))
    expected = abs(small.mean() - large.mean()) / np.sqrt((small.var() + large.var()) / 2)
    found = cells(data, Variable("age_years", True), FAMILY)
    assert next(iter(found.values()))[3] == f"{expected:.2f}"


def test_the_difference_of_two_levels_is_that_of_a_proportion() -> None:
    p, q = 1 / 6, 4 / 6
    expected = abs(p - q) / np.sqrt((p * (1 - p) + q * (1 - q)) / 2)
    found = cells(frame(), Variable("histology_group"), FAMILY)
    assert found["Histology"][3] == f"{expected:.2f}"
    assert found["squamous cell carcinoma"][:3] == ("7 (58.3)", "5 (83.3)", "2 (33.3)")
    assert found["missing"][:3] == ("1", "0", "0")


def test_a_group_of_few_has_no_difference() -> None:
    data = frame().iloc[[0, 1, 2, 6, 7, 8, 9, 10]]
    found = cells(data, Variable("age_years", True), FAMILY)
    assert next(iter(found.values()))[3] == "–"


def test_a_variable_is_not_split_by_itself() -> None:
    found = cells(frame(), Variable("size_group"), FAMILY)
    assert found["≤ 15 mm"] == ("6 (50.0)", "", "", "")


def test_a_split_with_a_small_group_is_left_out() -> None:
    data = frame().iloc[:9]
    made = described_table(
        data, [Variable("age_years", True)], [FAMILY], WORDS, caption="c", source="s", limit=5
    )
    assert [one.label for one in made.columns] == ["All, n\u00a0=\u00a09"]
    assert any("left out" in note for note in made.notes)


def test_a_long_list_of_levels_keeps_everybody() -> None:
    data = pd.DataFrame({"figo_stage": [f"stage {i % 30}" for i in range(300)]})
    found = cells(data, Variable("figo_stage"))
    counts = [int(one[0].split(" ")[0]) for head, one in found.items() if one[0]]
    assert sum(counts) == 300
    assert "all others" in found


@pytest.mark.parametrize("levels", [["a"], ["a", "b", "c"]])
def test_one_level_or_none_in_common_is_no_error(levels: list[str]) -> None:
    data = pd.DataFrame({"size_group": ["small"] * 6 + ["large"] * 6, "x": (levels * 12)[:12]})
    assert cells(data, Variable("x"), FAMILY)


def test_a_number_has_no_difference_between_groups_that_it_makes_itself() -> None:
    frame = pd.DataFrame(
        {
            "max_diameter_mm": [10.0] * 6 + [12.0] * 6 + [30.0] * 6 + [33.0] * 6,
            "size_group": ["small"] * 12 + ["large"] * 12,
        }
    )
    made = described_table(
        frame, (Variable("max_diameter_mm", True),), (Family("size_group", ("small", "large")),), Words(15.0),
        caption="c", source="s",
    )  # fmt: skip
    assert made.rows[0].cells[-1] == ""


def test_levels_whose_sum_stands_elsewhere_are_hidden_together() -> None:
    frame = pd.DataFrame({"lesion_site_group": ["scf"] * 19 + ["lung"] * 33 + ["other"] * 4})
    made = described_table(
        frame, (Variable("lesion_site_group"),), (), Words(15.0), caption="c", source="s", limit=5
    )
    cells = {row.head: row.cells[0] for row in made.rows}
    assert cells["lung"] == "–"
    assert cells["other sites"] == "–"


def test_truth_values_and_whole_numbers_are_levels_by_their_text() -> None:
    data = pd.DataFrame({"has_concurrent_regional": [True, False, True, None], "n_lesions": [1, 2, 10, 2]})
    told = cells(data, Variable("has_concurrent_regional"))
    assert [one[0] for one in told.values()] == ["", "1 (33.3)", "2 (66.7)", "1"]
    assert [one[0] for one in cells(data, Variable("n_lesions")).values()] == [
        "",
        *["1 (25.0)"] * 2,
        "2 (50.0)",
    ]
