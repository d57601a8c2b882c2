"""Figures say what the tables say: numbers at risk, ticks, thinning, clipped intervals."""

import re
from xml.etree import ElementTree

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import poisson

from registry_pipeline.analysis.facilities.funnel import funnel_limits
from registry_pipeline.reporting.document.wording import (
    Words,
    clean,
    interval,
    p_phrase,
    p_value,
    ratio_interval,
)
from registry_pipeline.reporting.figures.base import accessible, thinned
from registry_pipeline.reporting.figures.forest import Line, forest_figure
from registry_pipeline.reporting.figures.funnel import funnel_figure
from registry_pipeline.reporting.figures.quality import release_lines, share_grid, stacked_bars
from registry_pipeline.reporting.figures.survival import AtRisk, AtRiskOfCurves, Curve, at_risk, km_figure
from registry_pipeline.reporting.sections.cox_terms import preferred

MONTH = 30.4375


def km_rows(durations: list[int], events: list[int]) -> pd.DataFrame:
    """km_curve rows of one stratum, by hand."""
    frame = pd.DataFrame({"d": durations, "e": events}).groupby("d")["e"].agg(["sum", "count"])
    later = frame["count"][::-1].cumsum()[::-1]
    survival = (1 - frame["sum"] / later).cumprod()
    return pd.DataFrame(
        {
            "duration_days": frame.index,
            "n_at_risk": later.to_numpy(),
            "n_event": frame["sum"].to_numpy(),
            "n_censored": (frame["count"] - frame["sum"]).to_numpy(),
            "survival": survival.to_numpy(),
            "ci_lower": (survival * 0.9).to_numpy(),
            "ci_upper": survival.to_numpy(),
        }
    )


def plain(rows: pd.DataFrame) -> AtRisk:
    """Numbers at risk as they are."""
    return lambda _, days: str(at_risk(rows, days))


@given(st.lists(st.tuples(st.integers(0, 900), st.integers(0, 1)), min_size=1, max_size=60))
@settings(max_examples=60, deadline=None)
def test_numbers_at_risk_are_those_still_watched(people: list[tuple[int, int]]) -> None:
    durations, events = [one[0] for one in people], [one[1] for one in people]
    rows = km_rows(durations, events)
    for days in (0, 1, 365.25, 366, 900, 901):
        assert at_risk(rows, days) == sum(one >= days for one in durations)


def drawn_texts(svg: str) -> list[tuple[float, float, str]]:
    """x, y and words of every text of a drawing."""
    found = re.findall(
        r'<text [^>]*?(?:x="([\d.-]+)" y="([\d.-]+)"|transform="translate\(([\d.-]+) ([\d.-]+)\)[^"]*")[^>]*>([^<]*)</text>',
        svg,
    )
    return [(float(a or c), float(b or d), words) for a, b, c, d, words in found]


def test_numbers_at_risk_stand_under_their_ticks() -> None:
    rng = np.random.default_rng(3)
    durations = [int(one) for one in rng.integers(1, 2600, 80)]
    rows = km_rows(durations, [1, 0] * 40)
    svg = km_figure(
        [Curve("a", "A", rows, "a"), Curve("b", "B", rows, "b")],
        "y",
        "x",
        "log-rank p = 0.5",
        MONTH,
        plain(rows),
    )
    texts = drawn_texts(svg)
    ticks = {int(words): x for x, _, words in texts if words in {"12", "24", "36", "48", "60", "72", "84"}}
    assert len(ticks) >= 6
    for month, x in ticks.items():
        n = str(sum(one >= month * MONTH for one in durations))
        below = [words for at, _, words in texts if abs(at - x) < 1.0]
        assert below.count(n) >= 2, (month, n, below)


def test_a_hundred_thousand_times_are_thinned_for_drawing_only() -> None:
    rows = km_rows(list(range(1, 20_001)), [1] * 20_000)
    svg = km_figure([Curve("a", "A", rows)], "y", "x", "", MONTH, plain(rows))
    assert len(svg) < 120_000
    assert thinned(100_000, 600)[0] == 0
    assert thinned(100_000, 600)[-1] == 99_999
    assert len(thinned(100_000, 600)) <= 600


def test_an_endless_interval_does_not_stretch_the_plot() -> None:
    lines = [Line("a", "x", "p", 2.0, 1e-9, 1e9), Line("b", "x", "p", 0.5, 0.2, 0.9)]
    svg = forest_figure(lines, "HR", ("Factor", "HR", "p"))
    assert "1000000" not in svg
    assert len(drawn_texts(svg)) > 8


def test_a_dollar_sign_is_no_mathematics() -> None:
    svg = forest_figure([Line("cost $x_1$ & <b>", "w", "p", 1.0, 0.5, 2.0)], "HR", ("Factor", "HR", "p"))
    assert "cost $x_1$ &amp; &lt;b&gt;" in svg


def test_drawings_on_one_page_do_not_share_ids() -> None:
    svg = forest_figure([Line("a", "w", "p", 1.0, 0.5, 2.0)], "HR", ("Factor", "HR", "p"))
    one, two = (accessible(svg, name, "t", "d") for name in ("one", "two"))
    ids = [set(re.findall(r'\bid="([^"]+)"', text)) for text in (one, two)]
    assert not ids[0] & ids[1]
    for text, known in zip((one, two), ids, strict=True):
        used = set(re.findall(r'(?:url\(#|href="#)([^)"]+)', text))
        assert used <= known


def test_the_penalised_fit_is_shown_where_events_are_few() -> None:
    fits = pd.DataFrame(
        [
            {"model": "a", "method": "efron", "status": "ok", "events_per_variable": 12.0},
            {"model": "a", "method": "firth", "status": "ok", "events_per_variable": 12.0},
            {"model": "b", "method": "efron", "status": "ok", "events_per_variable": 4.4},
            {"model": "b", "method": "firth", "status": "ok", "events_per_variable": 4.4},
            {"model": "c", "method": "efron", "status": "not_estimable", "events_per_variable": 20.0},
            {"model": "c", "method": "firth", "status": "ok", "events_per_variable": 20.0},
            {"model": "d", "method": "efron", "status": "not_converged", "events_per_variable": 20.0},
        ]
    )
    chosen = preferred(fits).set_index("model")["method"].to_dict()
    assert chosen == {"a": "efron", "b": "firth", "c": "firth", "d": "efron"}


def test_words_for_numbers() -> None:
    assert [p_value(one) for one in (0.0004, 0.039, 0.0996, 0.28, 0.995, None)] == [
        "<0.001",
        "0.039",
        "0.10",
        "0.28",
        ">0.99",
        "–",
    ]
    assert p_phrase(0.0001) == "p < 0.001"
    assert interval(None, float("nan")) == "not estimable"
    assert interval(47.0, None) == "47.0 to not reached"
    assert ratio_interval(1.134, 107.8) == "1.13 to 108"
    assert clean("a\x00b\u202ec" + "x" * 500).startswith("a b c")
    assert len(clean("x" * 500)) == 240


def test_terms_are_told_with_what_they_are_compared_to() -> None:
    words = Words(15.0)
    assert words.term("histology_group[adeno]", "scc") == (
        "Histology",
        "adenocarcinoma vs squamous cell carcinoma",
    )
    assert words.term("is_small", None) == ("Largest diameter, two groups", "≤ 15 mm vs > 15 mm")
    assert words.term("age_years", None)[1] == "per year"
    assert words.term("unheard[of]", None) == ("unheard", "of")


def test_a_funnel_names_who_lies_outside_its_exact_limits() -> None:
    expected = np.linspace(3, 40, 14)
    lower, upper = funnel_limits(expected, 0.95)
    rows = pd.DataFrame(
        {
            "facility": [f"H{i:02d}" for i in range(14)],
            "expected": expected,
            "ratio": 1.0,
            "position": "inside",
        }
    )
    rows.loc[9, ["ratio", "position"]] = [upper[9] * 1.1, "above warning"]
    svg = funnel_figure(rows)
    assert "H09" in svg and "H03" not in svg  # of many only those outside are named
    assert "exact 95 % limits" in svg and "exact 99.8 % limits" in svg
    for mean, low, high in zip(expected, lower, upper, strict=True):
        inside = poisson.cdf(round(high * mean), mean) - poisson.cdf(round(low * mean) - 1, mean)
        assert inside >= 0.95


def test_bars_and_grids_say_their_numbers_and_are_whole_whatever_names_hold() -> None:
    name = """<&"'>.csv"""
    bars = ElementTree.fromstring(
        stacked_bars({name: {"a": 30, "b": 0, "c": 10}, "other": {"a": 5, "b": 0, "c": 0}}, "Rows")
    )
    widths = [
        float(shape.get("width", 0))
        for shape in bars.iter("rect")
        if str(shape.get("fill")).startswith("url")
    ]
    keys, pieces = widths[:2], widths[2:]
    assert keys[0] == keys[1] and len(pieces) == 3, "the part that nobody has is not drawn"
    assert np.allclose(np.array(pieces) / sum(pieces[:2]), [0.75, 0.25, 0.125], atol=1e-3)
    grid = ElementTree.fromstring(share_grid(["row", name], ["column"], [[0.5], [None]], [["50 %"], [""]]))
    shades = list(grid.iter("rect"))
    texts = [shape.text for drawn in (bars, grid) for shape in drawn.iter("text")]
    assert len(shades) == 1 and texts.count(name) == 2 and "50 %" in texts


def test_lines_over_releases_stand_at_their_counts() -> None:
    counts = {"error": [0, 40, 20], "warning": [0, 0, 0]}
    lines = ElementTree.fromstring(
        release_lines(["2026-01-01a", "2026-02-01b", "2026-03-01c"], counts, "Open")
    )
    error, warning = (
        np.array([place.split(",") for place in str(line.get("points")).split()], float)
        for line in lines.iter("polyline")
    )
    height = warning[0, 1] - error[:, 1]
    assert np.allclose(height / height[1], [0, 1, 0.5], atol=1e-2) and len(set(warning[:, 1])) == 1
    assert np.allclose(np.diff(error[:, 0]), np.diff(error[:2, 0]), atol=0.1)
    assert {"20 error", "0 warning", "2026-02-01", "40"} <= {text.text for text in lines.iter("text")}


def test_numbers_at_risk_are_those_of_the_group() -> None:
    curves = pd.DataFrame({"stratum": ["a", "b", "a"], "duration_days": [10, 15, 20], "n_at_risk": [5, 9, 3]})
    written = AtRiskOfCurves(curves)
    asked = [("a", 0), ("a", 15), ("a", 21), ("b", 15), ("c", 0)]
    assert [written(group, days) for group, days in asked] == ["5", "3", "0", "9", "0"]
