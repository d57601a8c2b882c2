"""A few hundred cells changed at random: nothing vanishes, nothing else than what was written arrives."""

from pathlib import Path

from tests.cell_mutation.harness import run


def test_no_changed_cell_is_lost(tmp_path: Path) -> None:
    outcomes = [(outcome, mutation) for mutation, outcome in run(tmp_path, 240, seed=7)]
    assert [pair for pair in outcomes if pair[0].startswith("lost")] == []
    assert sum(outcome == "told" for outcome, _ in outcomes) > len(outcomes) / 3
    assert {"told", "arrived", "same"} <= {outcome for outcome, _ in outcomes}
