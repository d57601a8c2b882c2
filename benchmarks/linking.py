"""Probable pairs of a million persons, and how many of them are true, against splink on the same persons.

Belongs here: the persons, asking both engines, precision and recall against the truth.
Does not belong here: the linkage (``validation/registry_wide``), drawing persons (``tests/support/duplicates.py``).

splink is no dependency of ours: where it is not installed, ours is measured alone. It gets the blocking keys and levels
of agreement of ours, DuckDB with as much memory as a refresh of a million patients may take, and starting values as its
documentation advises; the end of the national number is no blocking key of its, a hundred million pairs share it.
"""

import tempfile
from collections.abc import Collection
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from benchmarks.job import Work
from benchmarks.measuring import Figure, figure, run_job

SURE = (0.5, 0.9)
"""Scores from which on a pair is counted as called one person."""
MEMORY = "6GB"
WITH = {"names": True, "dates alone": False}
BIRTH = {
    "equal": "birth_l = birth_r",
    "close": "birth_l IS NOT NULL AND birth_r IS NOT NULL AND (CAST(year_l = year_r AS INT) + CAST(month(birth_l) = month(birth_r) AS INT)"
    " + CAST(day(birth_l) = day(birth_r) AS INT) = 2"
    " OR (year_l = year_r AND day(birth_l) = month(birth_r) AND month(birth_l) = day(birth_r)))",
    "possible": "birth_date_lower_l <= birth_date_upper_r AND birth_date_lower_r <= birth_date_upper_l",
}
DIAGNOSIS = {"equal": "dx_l = dx_r", "close": "abs(dx_l - dx_r) <= 31", "possible": "abs(dx_l - dx_r) <= 366"}
NAME = {"equal": "name_key_l = name_key_r", "close": "sound_key_l = sound_key_r"}
EQUAL_FIELD = "{0}_l = {0}_r"


def benchmark(out: Path, persons: int = 1_000_000) -> list[Figure]:
    """Pairs by names, numbers and dates, and by dates and histology alone."""
    figures = []
    for known in WITH:
        with tempfile.TemporaryDirectory(dir=out) as folder:
            run_job("linking.draw", out, folder=folder, persons=persons, known=known)
            ours = run_job("linking.by_ours", out, folder=folder)
            theirs = (
                [run_job("linking.by_splink", out, folder=folder, known=known)] if find_spec("splink") else []
            )
        name = f"probable pairs of {persons:,} persons, by {known}"
        figures.append(figure(name, [ours], theirs))
        figures += [figure(f"{name}, splink", theirs)] if theirs else []
    return figures


def draw(folder: str, persons: int, known: str) -> Work:
    """Persons, of whom one in fifty stands twice, and the truth."""
    import polars as pl

    from tests.support.duplicates import draw_duplicates

    def work() -> dict[str, Any]:
        drawn = draw_duplicates(persons, has_names=WITH[known])
        drawn.persons.write_parquet(f"{folder}/persons.parquet")
        pl.DataFrame({"pair_key": sorted(drawn.truth)}).write_parquet(f"{folder}/truth.parquet")
        return {"persons": drawn.persons.height, "true pairs": len(drawn.truth)}

    return work


def by_ours(folder: str) -> Work:
    """The linkage of a refresh."""
    import polars as pl

    from registry_pipeline.validation.registry_wide.linkage import find_pairs

    persons = pl.read_parquet(f"{folder}/persons.parquet")
    truth = set(pl.read_parquet(f"{folder}/truth.parquet")["pair_key"])

    def work() -> dict[str, Any]:
        pairs = find_pairs(persons).pairs
        return _quality(
            {score: set(pairs.filter(pl.col("score") >= score)["pair_key"]) for score in SURE}, truth
        )

    return work


def by_splink(folder: str, known: str) -> Work:
    """Parameters by sampling and expectation-maximisation, then every pair of the blocks."""
    import duckdb
    import polars as pl
    from splink import DuckDBAPI, Linker, SettingsCreator, block_on  # type: ignore[import-not-found]

    truth = set(pl.read_parquet(f"{folder}/truth.parquet")["pair_key"])
    has_names = WITH[known]
    connection = duckdb.connect(config={"memory_limit": MEMORY, "temp_directory": folder})
    born, sound = block_on("year", "lower_part", "upper_part"), block_on("sound_key", "year")
    rules = [born, block_on("dx", "year")]
    fields = {
        "birth": BIRTH,
        "dx": DIAGNOSIS,
        "histology_group": {"equal": EQUAL_FIELD.format("histology_group")},
    }
    if has_names:
        rules += [sound, block_on("name_key", "year"), block_on("name_key", "dx_year")]
        fields |= {"name_key": NAME, "national_id_key": {"equal": EQUAL_FIELD.format("national_id_key")}}
    settings = SettingsCreator(
        link_type="dedupe_only",
        comparisons=[_comparison(field, levels) for field, levels in fields.items()],
        blocking_rules_to_generate_predictions=rules,
        retain_matching_columns=False,
    )

    def work() -> dict[str, Any]:
        connection.execute(
            f"""CREATE TABLE persons AS SELECT
                *, patient_id AS unique_id, dx_date_lower AS dx, year(dx_date_lower) AS dx_year,
                CASE WHEN birth_date_lower = birth_date_upper THEN birth_date_lower END AS birth,
                year(birth_date_lower) AS year, least(day(birth), month(birth)) AS lower_part,
                greatest(day(birth), month(birth)) AS upper_part
            FROM '{folder}/persons.parquet'"""
        )
        database = DuckDBAPI(connection=connection)
        linker = Linker(database.register("persons"), settings)
        sure = block_on("birth", "name_key") if has_names else block_on("birth", "dx", "histology_group")
        linker.training.estimate_probability_two_random_records_match([sure], recall=0.6)
        linker.training.estimate_u_using_random_sampling(max_pairs=5e6, seed=1)
        for rule in (born, block_on("name_key", "dx_year") if has_names else rules[1]):
            linker.training.estimate_parameters_using_expectation_maximisation(rule)
        found = linker.inference.predict(threshold_match_probability=SURE[0]).physical_name
        rows = connection.execute(
            f"""SELECT match_probability, least(unique_id_l, unique_id_r) || '|' || greatest(unique_id_l, unique_id_r)
            FROM {found}"""
        ).fetchall()
        return _quality({score: {key for value, key in rows if value >= score} for score in SURE}, truth)

    return work


def _comparison(field: str, levels: dict[str, str]) -> dict[str, Any]:
    """A field in the words of splink, from the highest level down."""
    is_unknown = " OR ".join(f"{_known(field)}_{side} IS NULL" for side in "lr")
    steps = [{"sql_condition": is_unknown, "label_for_charts": "unknown", "is_null_level": True}]
    steps += [{"sql_condition": sql, "label_for_charts": name} for name, sql in levels.items()]
    return {
        "output_column_name": field,
        "comparison_levels": [*steps, {"sql_condition": "ELSE", "label_for_charts": "different"}],
    }


def _known(field: str) -> str:
    """The column that says whether a field is known."""
    return "birth_date_lower" if field == "birth" else field


def _quality(called: dict[float, set[str]], truth: Collection[str]) -> dict[str, Any]:
    """Precision and recall at each score."""
    result: dict[str, Any] = {}
    for score, pairs in called.items():
        hits = len(pairs & set(truth))
        result[f"at {score:g}"] = {
            "pairs": len(pairs),
            "precision": round(hits / max(len(pairs), 1), 3),
            "recall": round(hits / max(len(truth), 1), 3),
        }
    return result
