"""Study report: size as the study cuts it, as a search would cut it, and without a cut.

Belongs here: what searching costs, on one page. Does not belong here: the search, the spline.
"""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from registry_pipeline.reporting.document.blocks import (
    Block,
    Bullets,
    Column,
    Row,
    Section,
    Table,
    caution,
    missing,
)
from registry_pipeline.reporting.document.wording import (
    clean,
    count,
    count_of,
    is_given,
    number,
    p_value,
    ratio,
    ratio_interval,
    remark,
    share,
)
from registry_pipeline.reporting.figures.shape import search_figure, spline_figure
from registry_pipeline.reporting.sections.context import Context
from registry_pipeline.reporting.sections.record import ReportSection
from schemas.study import MAX_DIAMETER, ORIGINS, OS

SIZE = MAX_DIAMETER.name
_KINDS = {"fixed": "the study’s, not searched here", "searched": "searched in these data"}
READING = (
    "The study’s cutpoint comes from outside these data and was not searched in them, so its p value here means what it says. "
    "How the publication found it is not stated; had it been searched there, the p value there would be too small.",
    "A searched cutpoint is the one that happens to look best. Its plain p value is too small by far; the corrected one "
    "says how often a search finds as much where there is nothing.",
    "A cutpoint that nature put there comes back in other samples of the same patients; one that chance put there wanders.",
    "The spline uses size as it was measured. Where it bends smoothly, no cutpoint is the right one.",
)


def shape_section(context: Context) -> Section:
    """The fixed cutpoint, the search with its price, its stability, and the spline."""
    section = Section("cutpoint", "Size and its cutpoint: what searching costs")
    if context.no_cohort:
        return section.add(missing(context.no_cohort))
    return section.add(
        Bullets(READING),
        _cutpoint_table(context),
        _search(context),
        _stability_table(context),
        _spline(context),
        _spline_table(context),
        caution(
            "Size at detection is exposed to lead time: a lesion that is found small is found early, and survival "
            "counted from there is longer even if size as such does nothing.",
        ),
    )


def _rows(context: Context, name: str, **where: str) -> pd.DataFrame:
    return context.tables.table(
        f"result.{name}", {"endpoint": OS.name, "origin": context.origin, "variable": SIZE, **where}
    )


def _cutpoint_table(context: Context) -> Block:
    searches = _rows(context, "cutpoint_search")
    if searches.empty:
        return missing(f"Cutpoints: not given. {context.why_empty('result.cutpoint_search')}")
    rows = []
    for search in searches.sort_values("kind").to_dict("records"):
        kind = _KINDS.get(str(search["kind"]), clean(search["kind"]))
        if not is_given(search["cutpoint"]):
            rows.append(Row(f"Cutpoint {kind}", ("not estimable", *("–",) * 6)))
            continue
        rows.append(
            Row(
                f"{number(search['cutpoint'], 1).removesuffix('.0')} mm, {kind}",
                (
                    count_of(search["n_at_or_below"], search["n"]),
                    ratio(search["hazard_ratio"]),
                    _or_dash(ratio_interval, search["ci_lower"], search["ci_upper"]),
                    p_value(search["naive_p_value"]),
                    _or_dash(p_value, search["p_value_corrected"]),
                    _or_dash(p_value, search["p_value_lausen_94"]),
                    _or_dash(p_value, search["p_value_lausen_92"]),
                ),
            )
        )
    return Table(
        f"Overall survival by largest diameter, from {ORIGINS[context.origin].label}",
        "Cutpoint",
        (
            Column("At or below"),
            Column("HR"),
            Column("95 % CI"),
            Column("Plain log-rank p"),
            Column("Corrected p"),
            Column("Lausen 1994", "By formula"),
            Column("Bound, Lausen 1992", "By formula"),
        ),
        tuple(rows),
        "result.cutpoint_search",
        _search_notes(searches),
        is_wide=True,
    )


def _or_dash(wording: Callable[..., str], *values: object) -> str:
    """A value in words; a dash where the row has none by its nature."""
    return wording(*values) if all(is_given(value) for value in values) else "–"


def _search_notes(searches: pd.DataFrame) -> tuple[str, ...]:
    notes = [
        "HR: at or below the cutpoint against above it. At a searched cutpoint the ratio is too far from 1, because the "
        "cutpoint was chosen for it; an interval about it would not be one of 95 %, and none is given.",
        "Corrected p: how often a search finds as much where size means nothing, the p value to read. The formula of 1994 "
        "comes near it; that of 1992 is a bound, which calls too little significant.",
    ]
    searched = searches[searches["kind"] == "searched"]
    if len(searched) and is_given(searched["p_value_corrected"].iloc[0]):
        is_drawn = searched["correction"].iloc[0] == "permutation"
        how = (
            f"{count(searched['n_permutations'].iloc[0])} permutations" if is_drawn else "the formula of 1994"
        )
        notes.append(f"The corrected p is that of {how}.")
    if len(searched) and is_given(searched["n_candidates"].iloc[0]):
        notes.append(f"{count(searched['n_candidates'].iloc[0])} candidate cutpoints were searched.")
    if len(searched) and is_given(searched["naive_false_positive_share"].iloc[0]):
        wrong = share(searched["naive_false_positive_share"].iloc[0], 0)
        notes.append(
            f"With size shuffled between these patients, so that it means nothing, a search finds a plain p below 0.05 in {wrong} of cases."
        )
    return tuple(notes)


def _search(context: Context) -> Block:
    title = "The log-rank statistic at every cutpoint, and where bootstrap samples end up"
    candidates, searches = _rows(context, "cutpoint_candidate"), _rows(context, "cutpoint_search")
    if candidates.empty or searches.empty:
        return missing(f"{title}: not drawn. {context.why_empty('result.cutpoint_candidate')}")
    cut = {str(search["kind"]): search["cutpoint"] for search in searches.to_dict("records")}
    chosen = _stability(context)
    fixed, searched = (
        float(cut[kind]) if is_given(cut.get(kind)) else float("nan") for kind in ("fixed", "searched")
    )
    data = candidates.drop(columns=["endpoint", "origin", "variable"]).sort_values("cutpoint")
    if len(chosen):
        data = data.merge(chosen[["cutpoint", "n_selected", "share"]], on="cutpoint", how="outer")
    return context.figures.add(
        "cutpoint_search",
        search_figure(candidates, chosen, fixed, searched, "Cutpoint, largest diameter in mm"),
        data,
        title=title,
        description=f"The largest statistic is at {number(searched, 1)} mm; the study's cutpoint is {number(fixed, 1)} mm.",
        meaning="The higher the line, the more a cut at that size separates survival; the bars show the share of bootstrap "
        "samples in which a search would have chosen that size.",
        limits="That the highest point is a threshold in the disease: some cutpoint always is the highest.",
        source="result.cutpoint_candidate, result.cutpoint_search, result.cutpoint_stability",
    )


def _stability(context: Context) -> pd.DataFrame:
    stability = _rows(context, "cutpoint_stability")
    return stability[stability["cutpoint"].notna()] if len(stability) else stability


def _stability_table(context: Context) -> Block:
    stability = _rows(context, "cutpoint_stability")
    chosen = _stability(context).sort_values(["n_selected", "cutpoint"], ascending=[False, True])
    if chosen.empty:
        note = remark(stability["note"].iloc[0]) if len(stability) else ""
        return missing(
            f"Stability of the searched cutpoint: not given. {note or context.why_empty('result.cutpoint_stability')}"
        )
    rows = [
        Row(f"{row.cutpoint:g} mm", (count(row.n_selected), share(row.share)))
        for row in chosen.head(8).itertuples()
    ]
    n = count(chosen["n_bootstrap"].iloc[0])
    return Table(
        f"Cutpoints that a search chooses in {n} bootstrap samples of the same patients",
        "Cutpoint",
        (Column("Samples"), Column("Share")),
        tuple(rows),
        "result.cutpoint_stability",
        (f"The {min(8, len(chosen))} most frequent of {len(chosen)}.",) if len(chosen) > 8 else (),
    )


def _spline(context: Context) -> Block:
    title = "Hazard of death along the largest diameter, without a cutpoint"
    curve = _rows(context, "cox_spline").sort_values("value")
    if curve.empty:
        tests = _rows(context, "cox_spline_test")
        note = remark(tests["note"].iloc[0]) if len(tests) else ""
        return missing(f"{title}: not drawn. {note or context.why_empty('result.cox_spline')}")
    reference = float(curve["reference_value"].iloc[0])
    return context.figures.add(
        "spline_size",
        spline_figure(
            curve, context.cutpoint_mm, "Largest diameter, mm", f"Hazard ratio against {reference:g} mm"
        ),
        curve.drop(columns=["endpoint", "origin", "variable"]),
        title=title,
        description=f"Hazard ratio against {reference:g} mm, from {number(curve['hazard_ratio'].iloc[0], 2)} at "
        f"{number(curve['value'].iloc[0], 0)} mm to {number(curve['hazard_ratio'].iloc[-1], 2)} at {number(curve['value'].iloc[-1], 0)} mm.",
        meaning=f"The line is the hazard of death at each size against that at {reference:g} mm, the median; the band is where it "
        "may lie with 95 % confidence, point by point.",
        limits="It is not adjusted for other factors, and where patients are few, at both ends, the band says that little is known.",
        source="result.cox_spline",
    )


def _spline_table(context: Context) -> Block | None:
    tests = _rows(context, "cox_spline_test")
    tests = tests[tests["chi_square"].notna()] if len(tests) else tests
    if tests.empty:
        return None
    names = {"overall": "Size matters at all", "nonlinearity": "A straight line is not enough"}
    rows = [
        Row(
            names.get(str(test["test"]), clean(test["test"])),
            (
                number(test["chi_square"], 2),
                number(test["degrees_of_freedom"], 0),
                p_value(test["p_value"]),
                count_of(test["n_event"], test["n"]),
            ),
        )
        for test in tests.sort_values("test", ascending=False).to_dict("records")
    ]
    knots = clean(tests["knots"].iloc[0])
    return Table(
        "Likelihood-ratio tests of the spline",
        "Statement",
        (Column("χ²"), Column("df"), Column("p"), Column("Events of n")),
        tuple(rows),
        "result.cox_spline_test",
        (f"Restricted cubic spline with knots at {knots} mm (Harrell’s quantiles).",),
    )


SECTIONS = (ReportSection("shape", 100, shape_section, is_folded=True),)
