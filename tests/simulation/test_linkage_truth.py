"""Linkage of a simulated registry of many facilities, against the women of whom it is known."""

import pytest

from tests.simulation.linkage_truth import linkage_quality, simulated_persons


@pytest.mark.parametrize(("patients", "facilities"), [(20_000, 10), (60_000, 30)])
def test_transfers_are_found_and_a_large_registry_is_not_flooded(patients: int, facilities: int) -> None:
    quality = linkage_quality(simulated_persons(patients, facilities, 3), patients, facilities)
    by_chance = patients**2 / 2 / (5000 * 17989)
    # As many pairs share both dates by design as there are transfers; a steward sees these, and chance.
    assert quality.recall >= 0.99
    assert quality.n_listed <= 2 * quality.n_true + 3 * by_chance + 20
