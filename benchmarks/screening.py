"""Screening: a million rows, 20 columns, 25 rules, every failing row back, against one DuckDB pass.

Belongs here: the synthetic table, the 25 rules in both languages, the two ways to judge them.
Does not belong here: the engine (``validation/screening/within_table.py``).

Both sides read the same Parquet file and hand back the same rows: number of the row, id of the rule.
"""

import tempfile
from pathlib import Path
from typing import Any

from benchmarks.job import Work
from benchmarks.measuring import Figure, alternate, figure, run_job

TARGET = 1.3
DATES, NUMBERS, CODES, TEXTS = 5, 7, 4, 3


def benchmark(out: Path, rows: int = 1_000_000, repeats: int = 5) -> list[Figure]:
    """Judging, and the making of findings from what was found (no floor: SQL has no such thing)."""
    with tempfile.TemporaryDirectory(dir=out) as folder:
        path = f"{folder}/rows.parquet"
        run_job("screening.write_rows", out, path=path, rows=rows)
        ours, floor = alternate(
            lambda: run_job("screening.by_engine", out, path=path),
            lambda: run_job("screening.by_duckdb", out, path=path),
            repeats,
        )
        if ours[0].reported != floor[0].reported:
            raise AssertionError(f"the two found different rows: {ours[0].reported} and {floor[0].reported}")
        findings = [run_job("screening.findings", out, rows=rows) for _ in range(repeats)]
    return [
        figure(f"screening, {rows:,} x 20, 25 rules", ours, floor, TARGET),
        figure("findings of what was found", findings),
    ]


def write_rows(path: str, rows: int) -> Work:
    """The table: dates in order but for some, numbers out of range now and then, codes, texts, gaps."""
    import numpy as np
    import polars as pl

    rng = np.random.default_rng(1)

    def column(values: Any, share_missing: float = 0.02) -> pl.Series:
        return pl.Series(values).set(pl.Series(rng.random(rows) < share_missing), None)

    def work() -> dict[str, Any]:
        day = rng.integers(10_000, 19_000, rows)
        columns: dict[str, pl.Series] = {"_row_id": pl.Series(range(rows), dtype=pl.Int64)}
        for at in range(DATES):
            day = day + rng.integers(-2, 400, rows)
            columns[f"d{at}"] = column(day.astype(np.int32)).cast(pl.Date)
        for at in range(NUMBERS):
            columns[f"n{at}"] = column(rng.normal(50, 12, rows).round(1))
        for at in range(CODES):
            columns[f"c{at}"] = column(rng.choice(["lung", "liver", "bone", "node", "other", "?"], rows,
                                               p=[0.3, 0.2, 0.2, 0.2, 0.0995, 0.0005]))  # fmt: skip
        for at in range(TEXTS):
            columns[f"t{at}"] = column("P" + pl.Series(rng.integers(0, 10**6, rows)).cast(pl.String), 0.001)
        pl.DataFrame(columns).write_parquet(path)
        return {"rows": rows, "columns": len(columns)}

    return work


def rules() -> list[tuple[str, Any, str]]:
    """Rule id, polars expression and SQL condition (true pass, false broken, null not applicable)."""
    import polars as pl

    col, checks = pl.col, []
    for at in range(1, DATES):
        checks.append((col(f"d{at}") >= col(f"d{at - 1}"), f"d{at} >= d{at - 1}"))
        span = (col(f"d{at}") - col(f"d{at - 1}")).dt.total_days() <= 390
        checks.append((span, f"d{at} - d{at - 1} <= 390"))
    for at in range(NUMBERS):
        checks.append((col(f"n{at}").is_between(10, 90), f"n{at} BETWEEN 10 AND 90"))
    checks.append((col("n0") + col("n1") <= 160, "n0 + n1 <= 160"))
    checks.append((col("n2") <= col("n3") + 60, "n2 <= n3 + 60"))
    sites = ["lung", "liver", "bone", "node", "other"]
    listed = ", ".join(f"'{site}'" for site in sites)
    for at in range(CODES):
        checks.append((col(f"c{at}").is_in(sites), f"c{at} IN ({listed})"))
    both = pl.when(col("c0") == "node").then(col("n4") <= 85)
    checks.append((both, "CASE WHEN c0 = 'node' THEN n4 <= 85 END"))
    for at in range(TEXTS):
        checks.append((col(f"t{at}").is_not_null(), f"t{at} IS NOT NULL"))
    return [(f"R{at:02d}", expression, sql) for at, (expression, sql) in enumerate(checks, start=1)]


def by_engine(path: str) -> Work:
    """Through the engine of the screening, denominators included."""
    import polars as pl

    from registry_pipeline.validation.screening.within_table import Judgement, Outcome, judge

    judgements = [Judgement(rule_id, "error", rule_id, expression) for rule_id, expression, _ in rules()]

    def work() -> dict[str, Any]:
        outcome = Outcome()
        judge("synthetic", pl.read_parquet(path), judgements, [], outcome)
        broken = outcome.violations.whole()
        if outcome.failures or len(outcome.denominators[0]) != len(judgements):
            raise AssertionError("a rule failed to run")
        return _summary(broken.select("_row_id", pl.col("rule_id").cast(pl.String)))

    return work


def by_duckdb(path: str) -> Work:
    """By hand: one pass that gives each failing row with the rules that it breaks, and the denominators."""
    import duckdb

    bits = [f"CASE WHEN NOT ({sql}) THEN {2**at} ELSE 0 END" for at, (_, _, sql) in enumerate(rules())]
    names = [f"CASE WHEN broken & {2**at} <> 0 THEN '{name}' END" for at, (name, _, _) in enumerate(rules())]
    query = f"""
        SELECT _row_id, unnest(list_filter([{", ".join(names)}], lambda rule: rule IS NOT NULL)) AS rule_id
        FROM (SELECT _row_id, {" + ".join(bits)} AS broken FROM read_parquet('{path}'))
        WHERE broken <> 0"""

    def work() -> dict[str, Any]:
        with duckdb.connect(":memory:") as connection:
            return _summary(connection.execute(query).pl())

    return work


def _summary(broken: Any) -> dict[str, Any]:
    """What must be the same on both sides."""
    return {"failing": broken.height, "hash": int(broken.hash_rows(seed=1).sum() % 2**53)}


def findings(rows: int) -> Work:
    """Findings of one failing record in ten of a real table: place, cell, wording, stable id."""
    import polars as pl

    from registry_pipeline.validation.records import complete
    from registry_pipeline.validation.rules.catalogue import catalogue
    from registry_pipeline.validation.screening.facilities import Facilities
    from registry_pipeline.validation.screening.findings import FindingContext, build_findings
    from registry_pipeline.validation.screening.violations import violation_frame

    numbers = pl.DataFrame({"_row_id": pl.Series(range(rows), dtype=pl.Int64)})
    name = pl.concat_str(pl.lit("P"), pl.col("_row_id"))
    records = complete("death", numbers.with_columns(name.alias("patient_id"), pl.lit("D").alias("cause")))
    records = records.with_columns(pl.col("_row_id").alias("_origin"))
    where = {"submission_id": "s", "source_file": "f.csv", "sheet": "", "source_name": "deaths"}
    places = numbers.with_columns(
        pl.lit(value).alias(column) for column, value in where.items()
    ).with_columns(pl.col("_row_id").alias("source_row"))
    broken = numbers.filter(pl.col("_row_id") % 10 == 0).with_columns(
        pl.lit("death").alias("table_name"),
        pl.lit("S14").alias("rule_id"),
        pl.lit("error").alias("severity"),
        pl.lit("patient_id").alias("items"),
    )
    origins = pl.DataFrame(
        schema={"table_name": pl.String, "_row_id": pl.Int64, "column_name": pl.String, "_origin": pl.Int64}
    )
    evidence = FindingContext(
        Facilities(("west",)),
        {"death": records},
        origins,
        places,
        [{("deaths", "death", "patient_id"): "id"}],
    )

    def work() -> dict[str, Any]:
        return {"findings": build_findings(violation_frame(broken), evidence, catalogue()).height}

    return work
