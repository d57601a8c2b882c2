"""Study report: how far the model of all factors can be trusted.

Belongs here: optimism, influence, coefficients over time, missing values, imputation.
Does not belong here: the model's hazard ratios (study_models), their computation.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from registry_pipeline.reporting.document.blocks import Block, Column, Heading, Row, Section, Table, missing
from registry_pipeline.reporting.document.wording import (
    NOT_GIVEN,
    clean,
    count,
    count_of,
    is_given,
    lower_first,
    number,
    p_value,
    ratio,
    ratio_interval,
    share,
)
from registry_pipeline.reporting.figures.shape import coefficient_figure
from registry_pipeline.reporting.sections.context import Context
from registry_pipeline.reporting.sections.cox_terms import preferred, ratio_cells
from registry_pipeline.reporting.sections.record import ReportSection
from schemas.disease.wording import short_label
from schemas.study import ORIGINS, OS

MODEL = "multivariable"
MOST_PANELS = 8


def checks_section(context: Context) -> Section:
    """What a reader should know of the multivariable model before believing it."""
    section = Section("checks", "How far the model can be trusted")
    if context.no_cohort:
        return section.add(missing(context.no_cohort))
    return section.add(
        _optimism(context),
        Heading("Do the effects change with time?"),
        _coefficients(context),
        Heading("Does one patient carry the result?"),
        _influence(context),
        Heading("What is missing"),
        _missing_table(context),
        _pattern_table(context),
        _imputed(context),
    )


def _rows(context: Context, name: str) -> pd.DataFrame:
    return context.tables.table(
        f"result.{name}", {"endpoint": OS.name, "origin": context.origin, "model": MODEL}
    )


def _optimism(context: Context) -> Block:
    rows = _rows(context, "cox_optimism")
    if rows.empty or not is_given(rows["concordance_corrected"].iloc[0]):
        return missing(f"Optimism of the model: not given. {context.why_not('result.cox_optimism', rows)}")
    optimism = rows.iloc[0]
    cells = (
        count_of(optimism["n_event"], optimism["n"]),
        number(optimism["concordance_apparent"], 3),
        number(optimism["optimism"], 3),
        number(optimism["concordance_corrected"], 3),
        count(optimism["n_used"]),
    )
    return Table(
        "Concordance of the model of all factors: how well it ranks patients",
        "Model",
        (
            Column("Deaths of n"),
            Column("In these patients"),
            Column("Of that, optimism"),
            Column("Corrected"),
            Column("Bootstrap samples"),
        ),
        (Row("All factors together", cells),),
        "result.cox_optimism",
        (
            "The probability that of two patients the one with the higher predicted hazard dies first; 0.5 is chance. A model "
            "looks better in the patients that it was fitted to: the correction refits it in bootstrap samples and judges each "
            f"refit on the patients themselves (Harrell). In {count(optimism['n_not_certified'])} samples the refit had no certified "
            "solution, usually because a group had no event; its last coefficients were used.",
            *_unpenalised(context),
        ),
        is_wide=True,
    )


def _coefficients(context: Context) -> Block:
    title = "Log hazard ratios over time (scaled Schoenfeld residuals)"
    rows = _rows(context, "ph_residual")
    estimates = rows.dropna(subset="coefficient")
    if estimates.empty or not (estimates["kind"] == "smooth").any():
        return missing(f"{title}: not drawn. {context.why_not('result.ph_residual', rows)}")
    terms = _terms(context)
    fitted = (
        _rows(context, "cox_influence").drop_duplicates("term").set_index("term")["coefficient"]
    )  # the same fit
    names = [fromkey for fromkey in dict.fromkeys(rows["term"]) if is_given(fromkey)][:MOST_PANELS]
    panels = []
    for name in names:
        overall = fitted.get(name)
        part = estimates[estimates["term"] == name]
        if (part["kind"] == "smooth").any():
            panels.append(
                (_panel(context, str(name), terms), part, float(overall) if is_given(overall) else np.nan)
            )
    return context.figures.add(
        "ph_residuals",
        coefficient_figure(panels, f"Months from {ORIGINS[context.origin].label}", context.days_per_month),
        estimates.drop(columns=["endpoint", "origin", "model", "status", "note"]),
        title=title,
        description=f"{len(panels)} panels, one per coefficient of the model of all factors.",
        meaning="Each point is one death; the line is the log hazard ratio as it changes with time, its band the 95 % limits; the "
        "dashed line is the one value that the same fit gives. Zero is no effect. "
        + " ".join(_unpenalised(context)),
        limits="A line that leaves the dashed one is not proof of a change: with few deaths it wanders, above all at both ends.",
        source="result.ph_residual, result.cox_influence",
    )


def _shown_terms(context: Context) -> pd.DataFrame:
    """Terms of the plain fit, or of the penalised one where events are too few to show the plain one."""
    terms = context.tables.table(
        "result.cox_term", {"endpoint": OS.name, "origin": context.origin, "model": MODEL}
    )
    plain = terms[terms["method"] == "efron"]
    return plain if len(plain) else terms


def _unpenalised(context: Context) -> list[str]:
    """That a check belongs to another fit than the hazard ratios above, where it does."""
    where = {"endpoint": OS.name, "origin": context.origin, "model": MODEL}
    fits = context.tables.table("result.cox_fit", where)
    if fits.empty or preferred(fits).iloc[0]["method"] != "firth":
        return []
    return [
        "It belongs to the unpenalised fit, which is not the one shown among the hazard ratios: there the penalised fit stands "
        "in its place, and its coefficients differ from these."
    ]


def _terms(context: Context) -> pd.DataFrame:
    """The shown fit's terms, by name."""
    return _shown_terms(context).set_index("term")


def _reference(terms: pd.DataFrame, term: str) -> object:
    return terms["reference_level"].get(term)


def _panel(context: Context, term: str, terms: pd.DataFrame) -> str:
    variable, contrast = context.words.term(term, _reference(terms, term))
    short = short_label(variable if contrast.startswith(("per ", "yes")) else contrast)
    return short if len(short) <= 34 else short[:33] + "…"


def _influence(context: Context) -> Block:
    rows = _rows(context, "cox_influence")
    estimates = rows.dropna(subset="dfbetas")
    if estimates.empty:
        return missing(f"Influence: not given. {context.why_not('result.cox_influence', rows)}")
    result = []
    terms = _terms(context)
    for term, part in estimates.groupby("term", sort=False):
        largest = part.sort_values("rank").iloc[0]
        variable, contrast = context.words.term(str(term), _reference(terms, str(term)))
        result.append(
            Row(
                f"{variable}: {contrast}",
                (
                    _ratio_of(largest["coefficient"]),
                    _ratio_of(largest["coefficient_without"]),
                    number(largest["dfbetas"], 2),
                ),
            )
        )
    return Table(
        "The single patient who matters most to each coefficient",
        "Factor",
        (
            Column("HR, all patients"),
            Column("HR without that patient"),
            Column("Change in standard errors"),
        ),
        tuple(result),
        "result.cox_influence",
        (
            "Approximate (dfbeta). A change beyond one standard error, or a ratio that crosses 1, says that one record decides: look it "
            "up. The ten most influential patients of each factor stand in the table, by pseudonym.",
            *_unpenalised(context),
        ),
    )


def _ratio_of(coefficient: object) -> str:
    return ratio(float(np.exp(float(coefficient)))) if is_given(coefficient) else NOT_GIVEN  # type: ignore[arg-type]


def _missing_table(context: Context) -> Block:
    rows = context.tables.in_order("result.missing_data")
    variables = rows.dropna(subset="variable")
    if variables.empty:
        return missing(f"Missing values: not given. {context.why_not('result.missing_data', rows)}")
    gone = variables[variables["n_missing"] != 0]
    n = count(variables["n"].iloc[0])
    if gone.empty:
        names = ", ".join(lower_first(context.words.variable(str(name))) for name in variables["variable"])
        return missing(
            f"No value is missing in the {n} patients of the study, in any of: {names} (result.missing_data)."
        )
    result = [
        Row(
            context.words.variable(str(item["variable"])),
            (count(item["n_missing"]), share(item["share_missing"])),
        )
        for item in gone.to_dict("records")
    ]
    complete = len(variables) - len(gone)
    return Table(
        f"Values that are missing in the {n} patients of the study",
        "Variable",
        (Column("Missing"), Column("Share")),
        tuple(result),
        "result.missing_data",
        (f"{complete} further variables are complete.",) if complete else (),
    )


def _pattern_table(context: Context) -> Block | None:
    rows = context.tables.in_order("result.missing_pattern")
    patterns = rows.dropna(subset="pattern")
    if len(patterns) < 2:
        return None
    result = []
    for pattern in patterns.head(10).to_dict("records"):
        names = [
            context.words.variable(name) for name in clean(pattern["missing_variables"]).split(", ") if name
        ]
        result.append(Row("; ".join(names) or "Nothing is missing", (count(pattern["n"]),)))
    return Table(
        "What is missing together",
        "Variables",
        (Column("Patients"),),
        tuple(result),
        "result.missing_pattern",
        ("Models use the patients in whom none of their factors is missing (complete cases).",),
    )


def _imputed(context: Context) -> Block:
    rows = _rows(context, "imputed_cox")
    estimates = rows.dropna(subset="hazard_ratio")
    if estimates.empty:
        return missing(f"Multiple imputation: not done. {context.why_not('result.imputed_cox', rows)}")
    other = {str(term["term"]): term for term in _shown_terms(context).to_dict("records")}
    result = []
    for term in estimates.to_dict("records"):
        variable, contrast = context.words.term(str(term["term"]), term["reference_level"])
        cells = f"{ratio(term['hazard_ratio'])} ({ratio_interval(term['ci_lower'], term['ci_upper'])})"
        imputed = (cells, p_value(term["p_value"]), share(term["fraction_missing_information"], 0))
        result.append(Row(f"{variable}: {contrast}", (*ratio_cells(other.get(str(term["term"]))), *imputed)))
    first = estimates.iloc[0]
    return Table(
        "The model of all factors with and without the patients whose values are missing",
        "Factor",
        (
            Column("HR (95 % CI)", "Complete cases"),
            Column("p", "Complete cases"),
            Column("HR (95 % CI)", "After imputation"),
            Column("p", "After imputation"),
            Column("Information lost", "After imputation"),
        ),
        tuple(result),
        "result.imputed_cox, result.cox_term",
        (
            f"{count(first['n_imputations'])} imputations by chained equations, pooled by Rubin’s rules; "
            f"{count_of(first['n_missing'], first['n'])} patients had an imputed value. Right only if values are "
            "missing for reasons that the other factors, the time and the event explain.",
        ),
        is_wide=True,
    )


SECTIONS = (ReportSection("checks", 90, checks_section, is_folded=True),)
