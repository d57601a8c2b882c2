"""A marimo notebook: one release, its headline numbers, survival by size, the Cox model, and a finding down to its row.

It reads the database that ``REGISTRY_DATABASE`` names, as ``registry notebook`` does; run as a script it computes all the
same. Source: marimo's file format (https://docs.marimo.io).
"""

import marimo

__generated_with = "0.25.2"
app = marimo.App(app_title="A release of the registry")

with app.setup:
    import os
    from pathlib import Path

    import duckdb
    import marimo as mo
    import numpy as np
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from registry_pipeline.analysis import fit_cox, kaplan_meier

    DATABASE = "REGISTRY_DATABASE"


@app.function
def open_database() -> duckdb.DuckDBPyConnection:
    """The database that the environment names, read-only."""
    path = os.environ.get(DATABASE, "")
    if not Path(path).is_file():
        raise SystemExit(f"{DATABASE} names no file; start the notebook by: registry notebook")
    return duckdb.connect(path, read_only=True)


@app.function
def largest_difference(own: pd.DataFrame, stored: pd.DataFrame, on: list[str], columns: list[str]) -> float:
    """Largest absolute difference between estimates made here and those of the release; NaN where none is in both."""
    joined = own.merge(stored, on=on, suffixes=("", "_stored"))
    differences = [(joined[name] - joined[f"{name}_stored"]).abs().to_numpy(dtype=float) for name in columns]
    values = np.concatenate(differences)
    return float(np.nanmax(values)) if np.isfinite(values).any() else float("nan")


@app.function
def draw_curves(curves: pd.DataFrame, days_per_month: float) -> Axes:
    """Kaplan-Meier curves with their limits, time in months."""
    axes = Figure(figsize=(7, 4)).add_subplot()
    for name, curve in curves.groupby("stratum"):
        months = np.concatenate([[0.0], curve["duration_days"] / days_per_month])
        (line,) = axes.step(months, np.concatenate([[1.0], curve["survival"]]), where="post", label=f"{name}")
        lower, upper = (np.concatenate([[np.nan], curve[end]]) for end in ("ci_lower", "ci_upper"))
        axes.fill_between(months, lower, upper, step="post", alpha=0.15, color=line.get_color())
    axes.set(xlabel="Months since the start of local therapy", ylabel="Overall survival", ylim=(0, 1.02))
    axes.legend(title="Largest lesion")
    return axes


@app.cell
def _():
    release = open_database()
    about = release.sql("SELECT release_id, created_at, data_statement FROM meta.release").df().iloc[0]
    parameters = dict(release.sql("SELECT name, value FROM meta.parameter").fetchall())
    tables = {
        name
        for (name,) in release.sql(
            "SELECT table_schema || '.' || table_name FROM information_schema.tables"
        ).fetchall()
    }
    mo.md(f"# Release {about.release_id}\n\n{about.data_statement}")
    return parameters, release, tables


@app.cell
def _(release):
    headline = release.sql("""
        SELECT headline, description, computed_value, unit, lowest, highest, status
        FROM result.bounds WHERE item IS NULL
    """).df()
    mo.vstack([mo.md("## Headline numbers, and what open questions could make of them"), headline])
    return (headline,)


@app.cell
def _(parameters, release):
    times = release.sql("""
        SELECT duration_days, event, cohort.*
        FROM mart.survival_time JOIN mart.cohort USING (patient_id)
        WHERE endpoint = 'os' AND origin = 'lrt_start'
    """).df()
    curves = kaplan_meier(times, "duration_days", "event", by="size_group") if len(times) else pd.DataFrame()
    stored_curves = release.sql("""
        SELECT * FROM result.km_curve
        WHERE endpoint = 'os' AND origin = 'lrt_start' AND stratum_variable = 'size_group'
    """).df()
    curve_difference = (
        largest_difference(curves, stored_curves, ["stratum", "duration_days"], ["survival"])
        if len(times)
        else float("nan")
    )
    mo.vstack([
        mo.md("## Overall survival by size"),
        draw_curves(curves, float(parameters["study.days_per_month"])) if len(times) else mo.md("There is no cohort."),
        mo.md(f"Largest difference from `result.km_curve`: {curve_difference:.2g} (analysts' curves are coarser)"),
    ])  # fmt: skip
    return curve_difference, curves, times


@app.cell
def _(parameters, release, times):
    covariates = [name.strip() for name in parameters["study.multivariable"].split(",")]
    stored_terms = release.sql("""
        SELECT term, method, hazard_ratio, ci_lower, ci_upper, p_value, status, note FROM result.cox_term
        WHERE endpoint = 'os' AND origin = 'lrt_start' AND model = 'multivariable'
    """).df()
    penalty = "firth" if "firth" in set(stored_terms["method"]) else None
    if len(times) and len(stored_terms):
        terms = fit_cox(times, "duration_days", "event", covariates, penalty=penalty).terms
        term_difference = largest_difference(terms, stored_terms, ["term"], ["hazard_ratio"])
    else:
        terms, term_difference = stored_terms, float("nan")
    mo.vstack([
        mo.md("## Cox model of overall survival"),
        terms,
        mo.md(f"Largest difference from `result.cox_term`: {term_difference:.2g} (analysts' ages are whole years)"),
    ])  # fmt: skip
    return term_difference, terms


@app.cell
def _(release, tables):
    if "quality.finding" in tables:
        finding = release.sql("""
            SELECT finding_id, rule_id, severity, message, table_name, record_key, items, source_file, sheet, source_row,
                source_column, value_text
            FROM quality.finding WHERE record_key IS NOT NULL AND source_row IS NOT NULL
            ORDER BY
                status IN ('open', 'sent', 'answered', 'reopened') DESC,
                (table_name, record_key) IN (SELECT (table_name, record_key) FROM meta.lineage) DESC,
                severity, finding_id
            LIMIT 1
        """).df()
        origin = release.execute("""
            SELECT DISTINCT source_sheet.source_file, source_sheet.sheet, lineage.source_row, lineage.items
            FROM meta.lineage JOIN meta.source_sheet USING (sheet_no)
            WHERE lineage.table_name = ? AND lineage.record_key = ?
        """, [*finding[["table_name", "record_key"]].iloc[0]]).df() if len(finding) else finding  # fmt: skip
        followed = mo.vstack([
            mo.md("## A finding, and the rows of files that its record was made of"),
            finding.T.set_axis([f"finding {n + 1}" for n in finding.index], axis=1).reset_index(names="item"),
            origin if len(origin) else mo.md("Its record is in quarantine: no curated row was made of it."),
        ])  # fmt: skip
    else:
        finding = origin = pd.DataFrame()
        followed = mo.md("Findings and what the records were made of stay with the stewards.")
    followed  # noqa: B018 (what the cell shows)
    return finding, origin


if __name__ == "__main__":
    app.run()
