"""Study report: proportional hazards, and hazard ratios for the other endpoints.

Belongs here: tables beside the main models. Does not belong here: the main models (study_models).
"""

from __future__ import annotations

import pandas as pd

from registry_pipeline.reporting.document.blocks import Block, Column, Row, Table, missing
from registry_pipeline.reporting.document.wording import (
    count,
    number,
    p_value,
)
from registry_pipeline.reporting.sections.context import Context
from registry_pipeline.reporting.sections.cox_terms import METHOD, preferred, ratio_cells
from schemas.study import ENDPOINTS, OS


def hazards_table(context: Context, tests: pd.DataFrame) -> Block:
    """Score tests of proportional hazards: each factor alone, and in the model of all."""
    if tests.empty:
        return missing("Proportional hazards: no test in result.ph_test for these models.")
    by_term: dict[str, dict[str, tuple[str, str]]] = {}
    for test in tests.to_dict("records"):
        is_joint = test["model"] == "multivariable"
        if test["term"] == "GLOBAL" and not is_joint:
            continue
        cells = (number(test["chi_square"], 2), p_value(test["p_value"]))
        by_term.setdefault(str(test["term"]), {})["joint" if is_joint else "alone"] = cells
    terms = [*(term for term in by_term if term != "GLOBAL"), *(["GLOBAL"] if "GLOBAL" in by_term else [])]
    rows = []
    for term in terms:
        variable, contrast = context.words.term(term, None)
        head = "All factors, whole model" if term == "GLOBAL" else f"{variable}: {contrast}"
        none = ("–", "–")
        rows.append(Row(head, (*by_term[term].get("alone", none), *by_term[term].get("joint", none))))
    return Table(
        "Do hazards stay proportional? Score tests on Kaplan-Meier time",
        "Factor",
        (Column("χ²", "Alone"), Column("p", "Alone"), Column("χ²", "Together"), Column("p", "Together")),
        tuple(rows),
        "result.ph_test",
        (
            "A small p says that the ratio of hazards changes with time, so that one hazard ratio is an average that may "
            "hide a crossing; look at the curves and the restricted means then. A large p, in few patients, says little. "
            "The tests belong to the unpenalised fits; rank and identity transforms are in result.ph_test too.",
        ),
    )


def other_endpoints_table(context: Context) -> Block | None:
    """Site and size against the other endpoints."""
    fits, terms = (context.tables.in_order(f"result.cox_{kind}") for kind in ("fit", "term"))
    rows: list[Row] = []
    for endpoint in (name for name in ENDPOINTS if name != OS.name):
        chosen = fits[(fits["endpoint"] == endpoint) & (fits["origin"] == context.origin)]
        if chosen.empty:
            continue
        best = preferred(chosen)
        shown = terms[(terms["endpoint"] == endpoint) & (terms["origin"] == context.origin)]
        shown = shown.merge(best[["model", "method", "n_event"]], on=["model", "method"])
        rows.append(Row(ENDPOINTS[endpoint].label, ("",) * 4, "group"))
        for term in shown.to_dict("records"):
            variable, contrast = context.words.term(str(term["term"]), term["reference_level"])
            method = METHOD.get(str(term["method"]), "")
            rows.append(
                Row(
                    f"{variable}: {contrast}",
                    (count(term["n_event"]), *ratio_cells(term), method),
                    "level",
                )
            )
    if not rows:
        return None
    return Table(
        "Site and size against the other endpoints, one factor at a time",
        "Endpoint and factor",
        (Column("Events"), Column("HR (95 % CI)"), Column("p"), Column("Method", is_number=False)),
        tuple(rows),
        "result.cox_term, result.cox_fit",
        (
            "Where events compete these are cause-specific hazard ratios: patients who had the competing event are censored.",
        ),
    )
