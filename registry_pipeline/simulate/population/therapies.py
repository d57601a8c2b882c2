"""What a simulated patient's other systems hold: therapies beside the local one, and second opinions.

Belongs here: treatment of the primary, systemic lines, toxicity, regional recurrences; the civil register,
imaging reports in words and letters, which repeat or complete the main files. Not every patient has them.
Does not belong here: the main files (``simulate/population/population.py``), mistakes (``load_planters*.py``).
"""

from datetime import date

import polars as pl

_EPOCH = date(1970, 1, 1).toordinal()


def has_regional() -> pl.Expr:
    """Patients with a pelvic recurrence that was treated together with the oligometastases."""
    return pl.col("patient_no") % 40 == 0


def draw_therapies(base: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """``treatments``, ``systemic``, ``toxicity`` and ``regional`` of the patients of ``base``."""
    treated = base.select(
        "patient_no",
        pl.lit("ebrt").alias("modality"),
        pl.lit("definitive").alias("intent"),
        _day(pl.col("dx") + 21).alias("start_date"),
        _day(pl.col("dx") + 54).alias("end_date"),
        pl.lit("50").alias("dose"),
        pl.lit(25).alias("fractions"),
        pl.lit("").alias("regimen"),
    )
    lines = base.filter((pl.col("patient_no") % 8 == 0) & (pl.col("last") > pl.col("end") + 130)).select(
        "patient_no",
        pl.lit(1).alias("line_no"),
        pl.lit("post_progression").alias("setting"),
        pl.lit("cisplatin+paclitaxel").alias("agents"),
        _day(pl.col("end") + 30).alias("start_date"),
        _day(pl.col("end") + 110).alias("end_date"),
    )
    toxicity = base.filter(pl.col("patient_no") % 6 == 0).select(
        "patient_no",
        pl.lit(1).alias("no"),
        pl.lit("Fatigue").alias("term"),
        pl.lit(2).alias("grade"),
        _day(pl.col("start") + 10).alias("onset_date"),
        pl.lit("probable").alias("attribution"),
        pl.lit("yes").alias("acute"),
    )
    regional = base.filter(has_regional()).select(
        "patient_no",
        pl.lit("pelvic").alias("site"),
        _day(pl.col("omd")).alias("dx_date"),
        pl.lit("yes").alias("treated"),
    )
    return {"treatments": treated, "systemic": lines, "toxicity": toxicity, "regional": regional}


def draw_other_systems(base: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """``civil`` (deaths again), ``reports`` (sizes in words after therapy) and ``letters`` (contacts)."""
    civil = base.filter(pl.col("is_dead") & (pl.col("patient_no") % 5 == 0)).select(
        "patient_no", _day(pl.col("last")).alias("death_date"), pl.lit("cancer").alias("cause")
    )
    long = (pl.col("size") * 0.8).round().cast(pl.Int64)
    short = (pl.col("size") * 0.6).floor().cast(pl.Int64)
    is_seen = (pl.col("patient_no") % 5 == 1) & (pl.col("end") + 55 < pl.col("last"))
    reports = base.filter(is_seen).select(
        "patient_no",
        pl.lit(1).alias("lesion_no"),
        pl.lit("R").alias("exam"),
        pl.format("{} x {} mm", long, short).alias("size"),
    )
    letters = base.filter(pl.col("patient_no") % 10 == 3).select(
        "patient_no",
        _day(pl.col("end") + 2).dt.strftime("%Y-%m-%d").alias("date"),
        pl.lit("yes").alias("alive"),
    )
    return {"civil": civil, "reports": reports, "letters": letters}


def _day(ordinal: pl.Expr) -> pl.Expr:
    return (ordinal - _EPOCH).cast(pl.Int32).cast(pl.Date)
