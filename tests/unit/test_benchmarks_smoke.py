"""The benchmarks run: tiny sizes, both sides of every ratio, their agreement checked by the benchmarks."""

import math

from benchmarks import commands, estimating, refreshing, screening
from benchmarks.__main__ import table
from benchmarks.measuring import Figure


def test_both_ways_to_screen_find_the_same_rows(tmp_path):
    judged, findings = screening.benchmark(tmp_path, rows=3_000, repeats=1)
    assert judged.parts["failing"] > 100  # and equal to the floor's, or the benchmark itself raises
    assert judged.ratio > 0 and judged.peak_mb > 20
    assert findings.parts["findings"] == 300 and math.isnan(findings.ratio)


def test_there_are_25_rules_over_20_columns():
    assert len(screening.rules()) == 25
    assert screening.DATES + screening.NUMBERS + screening.CODES + screening.TEXTS + 1 == 20


def test_a_refresh_is_measured_step_by_step_against_its_bytes(tmp_path):
    whole, again = refreshing.benchmark(tmp_path, patients=200, repeats=1)
    assert list(whole.parts) == ["land", "stage", "screen", "curate", "mart", "judge", "analyse", "publish"]
    assert whole.floor_wall > 0
    assert sum(part["wall"] for part in whole.parts.values()) <= whole.wall
    assert again.wall < whole.wall


def test_help_imports_nothing_heavy(tmp_path):
    (helped,) = commands.benchmark(tmp_path, repeats=1, demo=False)
    assert helped.parts["imports"] == []


def test_ours_and_lifelines_estimate_the_same(tmp_path):
    figures = estimating.benchmark(tmp_path, rows=2_000, repeats=1)
    curve, test, cox = (one.parts for one in figures)
    assert math.isclose(curve["ours"]["last"], curve["lifelines"]["last"], rel_tol=1e-9, abs_tol=1e-12)
    assert math.isclose(test["ours"]["chi_square"], test["lifelines"]["chi_square"], rel_tol=1e-6)
    pairs = zip(cox["ours"]["coefficients"], cox["lifelines"]["coefficients"], strict=True)
    assert all(math.isclose(a, b, abs_tol=1e-4) for a, b in pairs)


def test_the_table_shows_ratios_only_where_there_is_a_floor():
    figures = [Figure("with", 2.0, 4.0, 100.0, 0.5, 1.0, 6.0), Figure("without", 1.5, 1.25, 50.0)]
    header, first, second = (line.split() for line in table(figures).splitlines())
    assert header[:3] == ["ratio", "CPU", "ratio"]
    assert first == ["with", "4.00", "4.00", "6.00", "2.00", "4.00", "0.50", "1.00", "100"]
    assert second == ["without", "1.50", "1.25", "50"]
