"""The benchmarks run: tiny sizes, both sides of every ratio, their agreement checked by the benchmarks."""

import math
import shutil

import pytest

from benchmarks import commands, desk, estimating, refreshing, scaling, screening
from benchmarks.__main__ import table
from benchmarks.measuring import Figure
from benchmarks.report import markdown, put_into


def test_both_ways_to_screen_find_the_same_rows(tmp_path):
    judged, findings = screening.benchmark(tmp_path, rows=3_000, repeats=1)
    assert judged.parts["failing"] > 100  # and equal to the floor's, or the benchmark itself raises
    assert judged.ratio > 0 and judged.peak_mb > 20
    assert findings.parts["findings"] == 300 and math.isnan(findings.ratio)


def test_there_are_25_rules_over_20_columns():
    assert len(screening.rules()) == 25
    assert screening.DATES + screening.NUMBERS + screening.CODES + screening.TEXTS + 1 == 20


def test_a_refresh_is_measured_step_by_step_against_its_bytes(tmp_path):
    whole, *steps, divided, again = refreshing.benchmark(tmp_path, patients=40, facilities=2)
    assert list(whole.parts) == ["land", "stage", "screen", "curate", "mart", "judge", "analyse", "publish"]
    assert whole.floor_wall > 0
    assert sum(part["wall"] for part in whole.parts.values()) <= whole.wall
    assert len(steps) == 3 and all(step.cpu_ratio > 0 for step in steps)
    assert divided.floor_cpu == whole.cpu and again.wall < whole.wall


def test_the_desk_is_measured_page_by_page(tmp_path):
    figures = desk.benchmark(tmp_path, findings=300, facilities=2, patients=20, senders=2, repeats=1)
    pages = [one for one in figures if one.target == desk.PAGE_SECONDS]
    assert len(pages) == 8 and all(one.wall > 0 and one.parts["findings"] == 300 for one in pages)
    assert figures[-1].parts["findings"] > 0


def test_the_curves_of_cost_are_drawn_with_their_values(tmp_path):
    sizes = [(10_000, 2, 61.4), (100_000, 20, 187.6), (100_000, 10, 142.0)]
    rows = [
        {"cpu": cpu, "peak_mb": 2150.0, "parts": {"patients": patients, "facilities": facilities}}
        for patients, facilities, cpu in sizes
    ]
    scaling.draw([*rows, {"cpu": 1.0, "peak_mb": 90.0, "parts": {}}], tmp_path / "curves.svg")
    drawn = (tmp_path / "curves.svg").read_text()
    assert [drawn.count(f">{value}<") for value in ("61", "188", "142", "2.1")] == [1, 1, 1, 3]


def test_help_imports_nothing_heavy(tmp_path):
    (helped,) = commands.benchmark(tmp_path, repeats=1, demo=False)
    assert helped.parts["imports"] == []


def test_ours_and_lifelines_estimate_the_same(tmp_path):
    figures = estimating.benchmark(tmp_path, rows=2_000, repeats=1, replicates=20)
    *compared, refits = figures
    against_lifelines, against_r = compared[: len(estimating.CASES)], compared[len(estimating.CASES) :]
    assert all("against lifelines" in one.name and one.most_mb > 20 for one in against_lifelines)
    assert refits.parts["n_used"] == 20 and 0 < refits.parts["optimism"] < 0.5
    curve, test, cox = (one.parts for one in against_lifelines)
    assert math.isclose(curve["ours"]["last"], curve["lifelines"]["last"], rel_tol=1e-9, abs_tol=1e-12)
    assert math.isclose(test["ours"]["chi_square"], test["lifelines"]["chi_square"], rel_tol=1e-6)
    pairs = zip(cox["ours"]["coefficients"], cox["lifelines"]["coefficients"], strict=True)
    assert all(math.isclose(a, b, abs_tol=1e-4) for a, b in pairs)
    assert len(against_r) == (len(estimating.CASES) if shutil.which("Rscript") else 0)
    assert all("against R survival" in one.name and one.floor_cpu > 0 for one in against_r)


def test_the_table_shows_ratios_only_where_there_is_a_floor():
    figures = [Figure("with", 2.0, 4.0, 100.0, 0.5, 1.0, 6.0), Figure("without", 1.5, 1.25, 50.0)]
    header, first, second = (line.split() for line in table(figures).splitlines())
    assert header[:3] == ["ratio", "CPU", "ratio"]
    assert first == ["with", "4.00", "4.00", "6.00", "2.00", "4.00", "0.50", "1.00", "100"]
    assert second == ["without", "1.50", "1.25", "50"]


def test_a_figure_meets_its_target_only_if_time_and_memory_do():
    fast = Figure("fast", 2.0, 4.0, 100.0, 0.5, 1.0, 6.0, most_mb=99.0)
    assert fast.is_met is False and Figure("fast", 2.0, 4.0, 98.0, 0.5, 1.0, 6.0, most_mb=99.0).is_met
    assert Figure("seconds", 2.0, 4.0, 100.0, target=1.0).is_met is False
    assert Figure("untold", 2.0, 4.0, 100.0).is_met is None


def test_the_figures_go_to_the_mark_of_a_document_and_again_to_the_same_place(tmp_path):
    document = tmp_path / "README.md"
    document.write_text("above\n<!-- speed -->\nbelow\n", encoding="utf-8")
    for wall in (1.0, 2.0):
        parts = {"stage": {"wall": 1.0, "cpu": 0.5}}
        put_into(document, markdown([Figure("a refresh", wall, 4.0, 100.0, 0.5, 1.0, 6.0, parts)]))
    text = document.read_text(encoding="utf-8")
    assert text.startswith("above\n<!-- speed -->\n") and text.endswith("<!-- /speed -->\nbelow\n")
    assert text.count("a refresh |") == 1 and "| 4.00 | 6 | 4.00 | 1.00 | 2.00 | 100 | yes |" in text
    assert "a refresh: CPU seconds of the steps: stage 0.5." in text
    (tmp_path / "other.md").write_text("no mark", encoding="utf-8")
    with pytest.raises(ValueError, match="no mark"):
        put_into(tmp_path / "other.md", text)
