"""Study report: prognostic factors, one at a time and together, and whether the model fits them.

Belongs here: how Cox results are shown. Does not belong here: fitting.
"""

from __future__ import annotations

import pandas as pd

from registry_pipeline.reporting.document.blocks import Block, Column, Row, Section, Table, caution, missing
from registry_pipeline.reporting.document.wording import (
    clean,
    count,
    is_given,
    number,
    p_value,
    ratio,
    ratio_interval,
)
from registry_pipeline.reporting.figures.forest import Line, forest_figure
from registry_pipeline.reporting.sections.context import Context
from registry_pipeline.reporting.sections.cox_terms import FEW_EVENTS, METHOD, STATUS, preferred, ratio_cells
from registry_pipeline.reporting.sections.hazards import hazards_table, other_endpoints_table
from registry_pipeline.reporting.sections.record import ReportSection
from schemas.disease.wording import short_label
from schemas.study import ENDPOINTS, ORIGINS, OS, PRIMARY_DX

LABELLED_EVENTS = 10.0
_TERM = ("endpoint", "origin", "model", "term", "method")
_FEW, _ALIKE = "few events", "does not vary"  # in a note of result.cox_term
_READING = {
    "meaning": "A hazard ratio below 1 means fewer deaths per unit of time than in the group it is compared with, "
    "averaged over follow-up.",
    "limits": "An interval that holds 1 is not proof of no difference, and a factor that stands out is not thereby a cause.",
}


def models_section(context: Context, endpoint: str = OS.name) -> Section:
    """Forest plots, tables of terms and fits, proportional hazards."""
    section = Section("factors", "Prognostic factors for overall survival")
    if context.no_cohort:
        return section.add(missing(context.no_cohort))
    return section.add(*model_blocks(context, endpoint, context.origin)).add(
        caution(
            "Candidate factors were named beforehand (parameters study.univariable and study.multivariable); none was "
            "selected by its p value, and no p value is corrected for the number of factors looked at.",
        ),
        other_endpoints_table(context),
    )


def model_blocks(context: Context, endpoint: str, origin: str) -> list[Block | None]:
    """What the release holds of the Cox models of one endpoint and origin."""
    where = {"endpoint": endpoint, "origin": origin}
    fits = context.tables.in_order("result.cox_fit")
    terms = context.tables.in_order("result.cox_term")
    fits, terms = (
        table[(table["endpoint"] == endpoint) & (table["origin"] == origin)] for table in (fits, terms)
    )
    if fits.empty or terms.empty:
        of_cohort = origin != PRIMARY_DX.name
        return [missing(f"Cox models: not shown. {context.why_empty('result.cox_term', of_cohort)}")]
    chosen = preferred(fits)
    shown = terms.merge(chosen[["model", "method"]], on=["model", "method"])
    alone = shown[shown["model"].str.startswith("univariable:")]
    together = shown[shown["model"] == "multivariable"]
    tests = context.tables.table("result.ph_test", {**where, "transform": "km"})
    return [
        _forest(context, alone, "one factor at a time", f"forest_{endpoint}_{origin}_univariable", where),
        _forest(
            context, together, "all factors together", f"forest_{endpoint}_{origin}_multivariable", where
        ),
        _term_table(context, alone, together, where),
        _fit_table(context, chosen),
        hazards_table(context, tests),
    ]


def _forest(context: Context, terms: pd.DataFrame, how: str, name: str, where: dict[str, str]) -> Block:
    title = f"Hazard ratios for {ENDPOINTS[where['endpoint']].phrase}, {how}"
    if terms.empty or not terms["hazard_ratio"].notna().any():
        return missing(f"{title}: not drawn. The release has no estimate of this kind.")
    lines = _lines(context, terms)
    data = terms[
        [
            "model",
            "term",
            "reference_level",
            "method",
            "hazard_ratio",
            "ci_lower",
            "ci_upper",
            "p_value",
            "status",
        ]
    ]
    return context.figures.add(
        name,
        forest_figure(lines, "Hazard ratio (log scale)", ("Factor", "HR (95 % CI)", "p")),
        data,
        title=f"{title}, from {ORIGINS[where['origin']].label}",
        description="; ".join(f"{line.label}: {line.words}, p {line.more}" for line in lines if line.words),
        source="result.cox_term",
        **_READING,
    )


def _lines(context: Context, terms: pd.DataFrame) -> list[Line]:
    lines: list[Line] = []
    last = ""
    for term in terms.to_dict("records"):
        variable, contrast = context.words.term(str(term["term"]), term["reference_level"])
        if variable != last:
            lines.append(Line(_short(variable, 36), is_head=True))
            last = variable
        if term["status"] != "ok" or not is_given(term["hazard_ratio"]):
            lines.append(Line(_short(contrast, 38), STATUS.get(str(term["status"]), clean(term["status"]))))
            continue
        words = f"{ratio(term['hazard_ratio'])} ({ratio_interval(term['ci_lower'], term['ci_upper'])})"
        ends = term["hazard_ratio"], term["ci_lower"], term["ci_upper"]
        lines.append(Line(_short(contrast, 38), words, p_value(term["p_value"]), *ends))
    return lines


def _short(text: str, most: int) -> str:
    text = short_label(text)
    return text if len(text) <= most else text[: most - 1] + "…"


def _term_table(
    context: Context, alone: pd.DataFrame, together: pd.DataFrame, where: dict[str, str]
) -> Table:
    """Both readings of each factor in one line."""
    joint = {str(estimate["term"]): estimate for estimate in together.to_dict("records")}
    counts = {
        str(level["term"]): (count(level["n_level"]), count(level["n_event_level"]))
        for level in pd.concat([together, alone]).to_dict("records")
    }
    rows: list[Row] = []
    seen: set[str] = set()
    last = ""
    for estimate in [*alone.to_dict("records"), *together.to_dict("records")]:
        term = str(estimate["term"])
        if term in seen:
            continue
        seen.add(term)
        variable, contrast = context.words.term(term, estimate["reference_level"])
        if variable != last:
            rows.append(Row(variable, ("",) * 7, "group"))
            last = variable
        single = estimate if str(estimate["model"]).startswith("univariable:") else None
        notes = " ".join(str(each["note"]) for each in (single, joint.get(term)) if each is not None)
        cells = (
            *counts[term],
            *ratio_cells(single),
            *ratio_cells(joint.get(term)),
            "few events" if _FEW in notes else "everybody is alike" if _ALIKE in notes else "",
        )
        trace = context.trace("result.cox_term", joint.get(term, estimate), _TERM)
        rows.append(Row(contrast, cells, "level", trace))
    return Table(
        f"Hazard ratios for {ENDPOINTS[where['endpoint']].phrase}, from {ORIGINS[where['origin']].label}",
        "Factor",
        _term_columns(together),
        tuple(rows),
        "result.cox_term",
        (
            "Ties by Efron. Firth: penalised likelihood, profile-likelihood intervals, likelihood-ratio p. “Not estimable” "
            "means that the data have no finite best value for the coefficient, usually because a group has no event, or because "
            "everybody is alike.",
            "Patients and events: in the level that is named first; none for a factor that is a number. Few events: fewer than "
            "5 in that level or in the one that it is compared with; its interval is too narrow, and fewer than 3 patients bear "
            "no p value.",
        ),
        is_wide=True,
    )


def _term_columns(together: pd.DataFrame) -> tuple[Column, ...]:
    methods = sorted({METHOD.get(str(method), clean(method)) for method in together["method"]})
    joined = f"Together ({', '.join(methods)})" if methods else "Together"
    return (
        Column("Patients", "In the level", origin="result.cox_term.n_level"),
        Column("Events", "In the level", origin="result.cox_term.n_event_level"),
        *(
            Column(label, group, origin=f"result.cox_term.{name}")
            for group in ("One at a time", joined)
            for label, name in (("HR (95 % CI)", "hazard_ratio, ci_lower, ci_upper"), ("p", "p_value"))
        ),
        Column("Remark", is_number=False, origin="result.cox_term.note"),
    )


def _fit_table(context: Context, fits: pd.DataFrame) -> Table:
    rows = []
    for fit in fits.to_dict("records"):
        few = _few_events_label(fit["events_per_variable"])
        remark = few if fit["status"] == "ok" else STATUS.get(str(fit["status"]), clean(fit["status"]))
        rows.append(
            Row(
                _model_name(context, str(fit["model"])),
                (
                    METHOD.get(str(fit["method"]), clean(fit["method"])),
                    count(fit["n"]),
                    count(fit["n_missing"]),
                    count(fit["n_event"]),
                    number(fit["events_per_variable"]),
                    number(fit["concordance"], 3),
                    number(fit["concordance_se"], 3),
                    p_value(fit["likelihood_ratio_p_value"]),
                    remark,
                ),
            )
        )
    return Table(
        "The models behind the hazard ratios",
        "Model",
        (
            Column("Method", is_number=False),
            Column("n", origin="result.cox_fit.n"),
            Column("Left out", origin="result.cox_fit.n_missing"),
            Column("Events", origin="result.cox_fit.n_event"),
            Column("Events per coefficient", origin="result.cox_fit.events_per_variable"),
            Column("Concordance", origin="result.cox_fit.concordance"),
            Column("SE", origin="result.cox_fit.concordance_se"),
            Column("p, whole model", origin="result.cox_fit.likelihood_ratio_p_value"),
            Column("Remark", is_number=False),
        ),
        tuple(rows),
        "result.cox_fit",
        (
            "Left out: patients in whom a factor of the model is missing. Concordance is apparent, on the patients that the "
            "model was fitted to; new patients would be ranked less well. Below five events per coefficient only the penalised "
            "fit is shown.",
        ),
        is_wide=True,
    )


def _few_events_label(per_variable: object) -> str:
    if not is_given(per_variable):
        return ""
    value = float(per_variable)  # type: ignore[arg-type]
    if value < FEW_EVENTS:
        return "fewer than 5 events per coefficient: read with great caution"
    return "fewer than 10 events per coefficient: read with caution" if value < LABELLED_EVENTS else ""


def _model_name(context: Context, model: str) -> str:
    kind, _, variable = clean(model).partition(":")
    if not variable:
        return "All factors together" if kind == "multivariable" else kind
    return context.words.measure(variable)


SECTIONS = (ReportSection("models", 80, models_section),)
