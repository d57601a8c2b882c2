"""Large cohorts from a known survival model: one chunk of patients as typed frames, vectorised.

Belongs here: drawing patients whose records break no rule, and the true hazard ratio of size.
Does not belong here: how a facility writes them (``simulate/population/profile.py``), mistakes (``simulate/population/planting.py``).

Overall survival from the start of therapy is 45 days plus an exponential time (nobody dies during a
course): hazard ``BASE_HAZARD`` per day, times ``HAZARD_RATIO_LARGE`` where the largest lesion measures
more than 15 mm. Censoring is administrative only, so it is independent of survival.
"""

from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray

from registry_pipeline.simulate.population.persons import dates_of, histology_kind
from registry_pipeline.simulate.population.therapies import draw_other_systems, draw_therapies, has_regional

Frames = dict[str, pl.DataFrame]
Ints = NDArray[np.int64]

EXTRACT_DATE = date(2023, 6, 30)
HAZARD_RATIO_LARGE = 3.0
BASE_HAZARD = 0.00025
GUARANTEE_DAYS = 45
CUTPOINT_MM = 15
_EPOCH = date(1970, 1, 1).toordinal()
_SITES = np.array(["scf", "lung", "liver"])
_ICD10 = np.array(["C77.0", "C78.0", "C78.7"])
_REGIONS = ("neck", "chest", "abdomen", "pelvis")
_STAGES = {
    "1994": (("IB1", 30), ("IIB", 45), ("IIIB", 50), ("IVA", 60)),
    "2009": (("IB1", 30), ("IIA1", 30), ("IIIB", 50), ("IVA", 60)),
}
_MORPHOLOGY = np.array(["8070/3", "8071/3", "8140/3", "8560/3"])
_HISTOLOGY = np.array(["scc", "scc", "adeno", "adsq"])


def draw_chunk(seed: int, facility: int, first: int, n: int, hazard_ratio: float = 1.0) -> Frames:
    """Patients ``first`` to ``first + n - 1`` of a facility, as frames keyed by file.

    ``hazard_ratio`` multiplies their hazard of death. Every frame is ordered by ``patient_no``; dates are ``pl.Date``, lengths mm, doses Gy.
    """
    rng = np.random.default_rng([seed, facility, first])
    number = np.arange(first, first + n, dtype=np.int64)
    base = _base(rng, number, *dates_of(seed, facility, number), hazard_ratio)
    tumours = _tumours(rng, base, facility)
    frames = {"patients": _patients(base), "tumours": tumours, "episodes": _episodes(base)}
    lesions = _lesions(base)
    exams = _exams(base)
    frames |= {"lesions": lesions, "exams": exams, "measurements": _measurements(lesions)}
    frames |= {"courses": _courses(base), "targets": _targets(lesions)}
    frames |= {"contacts": _contacts(rng, base), "events": _events(base), "deaths": _deaths(base)}
    return frames | draw_therapies(base) | draw_other_systems(base)


def _base(rng: np.random.Generator, number: Ints, dx: Ints, birth: Ints, hazard_ratio: float) -> pl.DataFrame:
    """One row per patient with the facts that all files share; days are ordinals."""
    n = len(number)
    synchronous = rng.random(n) < 0.1
    gap = np.where(synchronous, rng.integers(100, 166, n), 200 + rng.gamma(2.0, 220.0, n).astype(np.int64))
    omd = dx + np.minimum(gap, 1150)
    last_negative = np.maximum(omd - rng.integers(60, 500, n), dx + 15)
    site = rng.choice(3, n, p=[0.34, 0.59, 0.07])
    size = np.clip(np.round(rng.lognormal(2.95, 0.5, n)), 10, 90).astype(np.int64)
    n_lesions = np.where(size < 15, 1, rng.choice([1, 2, 3], n, p=[0.6, 0.25, 0.15]))
    start = _business_day(omd + rng.integers(20, 40, n))
    conventional = site == 0
    fractions = np.where(conventional, 30, 5)
    end = _business_day(start, fractions - 1)
    return _survival(
        rng,
        pl.DataFrame(
            {
                "patient_no": number, "dx": dx, "birth": birth, "omd": omd, "negative": last_negative,
                "site": site, "size": size, "n_lesions": n_lesions, "start": start, "end": end,
                "fractions": fractions, "dose": np.where(conventional, 2.0, 10.0), "synchronous": gap <= 180,
                "slice": rng.choice([1.0, 2.0], n), "palliative": rng.random(n) < 0.06,
            }
        ),
        hazard_ratio,
    )  # fmt: skip


def _business_day(ordinal: Ints, offset: Ints | int = 0) -> Ints:
    days = (ordinal - _EPOCH).astype("datetime64[D]")
    moved = np.busday_offset(days, offset, roll="forward").astype(np.int64)
    return np.asarray(moved + _EPOCH, dtype=np.int64)


def _survival(rng: np.random.Generator, base: pl.DataFrame, hazard_ratio: float) -> pl.DataFrame:
    start, end, size = (base[name].to_numpy() for name in ("start", "end", "size"))
    n = len(base)
    hazard = hazard_ratio * BASE_HAZARD * np.where(size > CUTPOINT_MM, HAZARD_RATIO_LARGE, 1.0)
    death = start + GUARANTEE_DAYS + np.ceil(rng.exponential(1 / hazard)).astype(np.int64)
    seen = EXTRACT_DATE.toordinal() - rng.integers(0, 300, n)
    dead = death <= seen
    last = np.where(dead, death, seen)
    recurrence = end + 75 + np.ceil(rng.exponential(1 / 0.00012, n)).astype(np.int64)
    spread = end + 75 + np.ceil(rng.exponential(1 / 0.0005, n)).astype(np.int64)
    never = np.int64(0)
    return base.with_columns(
        pl.Series("last", last),
        pl.Series("is_dead", dead),
        pl.Series("recurrence", np.where(recurrence < last, recurrence, never)),
        pl.Series("spread", np.where(spread < last, spread, never)),
    )


def _day(column: str) -> pl.Expr:
    return (pl.col(column) - _EPOCH).cast(pl.Int32).cast(pl.Date)


def _patients(base: pl.DataFrame) -> pl.DataFrame:
    facts = {"sex": pl.lit("F"), "consent": pl.lit("yes")}
    return base.select("patient_no", _day("birth").alias("birth_date"), **facts)


def _tumours(rng: np.random.Generator, base: pl.DataFrame, facility: int) -> pl.DataFrame:
    n = len(base)
    group, kind = rng.choice(4, n, p=[0.3, 0.35, 0.3, 0.05]), rng.choice(4, n, p=[0.55, 0.2, 0.15, 0.1])
    kind = histology_kind(facility, base["patient_no"].to_numpy(), kind)
    is_old = base["dx"].to_numpy() < date(2009, 1, 1).toordinal()
    stages = {edition: np.array([stage[0] for stage in four]) for edition, four in _STAGES.items()}
    sizes = {edition: np.array([stage[1] for stage in four]) for edition, four in _STAGES.items()}
    squamous = kind < 2
    antigen = np.where(squamous, rng.uniform(0.8, 30.0, n), rng.uniform(0.3, 2.4, n))
    return base.select(
        "patient_no",
        _day("dx").alias("dx_date"),
        ((pl.col("dx") - pl.col("birth")) / 365.25).floor().cast(pl.Int64).alias("age_years"),
        pl.lit("C53.9").alias("topography"),
        pl.Series("morphology", _MORPHOLOGY[kind]),
        pl.Series("histology", _HISTOLOGY[kind]),
        pl.Series("grade", rng.choice(["1", "2", "3", "9"], n)),
        pl.lit("7").alias("basis"),
        pl.Series("figo_stage", np.where(is_old, stages["1994"][group], stages["2009"][group])),
        pl.Series("figo_edition", np.where(is_old, "1994", "2009")),
        pl.Series("tumour_size", np.where(is_old, sizes["1994"][group], sizes["2009"][group]).astype(float)),
        pl.Series("scc_ag", np.round(antigen, 1)),
    )


def _episodes(base: pl.DataFrame) -> pl.DataFrame:
    site = base["site"].to_numpy()
    return base.select(
        "patient_no",
        pl.lit(1).alias("episode_no"),
        pl.lit("yes").alias("index"),
        _day("omd").alias("omd_date"),
        "n_lesions",
        pl.Series("site_group", np.array(["scf", "lung", "other"])[site]),
        pl.when("synchronous")
        .then(pl.lit("de_novo_synchronous"))
        .otherwise(pl.lit("metachronous_oligorecurrence"))
        .alias("omd_class"),
        pl.lit("controlled").alias("primary_status"),
        pl.lit("no").alias("active_systemic"),
        pl.lit("no").alias("history"),
        pl.when(has_regional()).then(pl.lit("yes")).otherwise(pl.lit("no")).alias("concurrent_regional"),
    )


def _lesions(base: pl.DataFrame) -> pl.DataFrame:
    rows = base.select(pl.all().repeat_by("n_lesions").explode()).with_columns(
        (pl.int_range(pl.len()).over("patient_no") + 1).alias("lesion_no")
    )
    site = rows["site"].to_numpy()
    side = np.where(site == 2, "na", np.where(rows["lesion_no"].to_numpy() % 2 == 1, "L", "R"))
    return rows.select(
        "patient_no",
        "lesion_no",
        pl.Series("site", _SITES[site]),
        pl.Series("icd10", _ICD10[site]),
        pl.Series("side", side),
        pl.Series("is_node", np.where(site == 0, "yes", "no")),
        _day("omd").alias("detection_date"),
        _day("negative").alias("last_negative_date"),
        pl.Series("biopsied", np.where(site == 0, "yes", "no")),
        pl.lit("index").alias("status"),
        (pl.col("size") - 2 * (pl.col("lesion_no") - 1)).cast(pl.Float64).alias("size"),
    )


def _exams(base: pl.DataFrame) -> pl.DataFrame:
    """Negative, detecting and (where time allows) response examination, and one for a recurrence."""
    kinds = [("N", "negative"), ("D", "omd"), ("R", "response"), ("L", "recurrence")]
    base = base.with_columns((pl.col("end") + 55).alias("response")).with_columns(
        pl.when(pl.col("response") < pl.col("last")).then("response").otherwise(0).alias("response")
    )
    parts = [base.with_columns(pl.lit(code).alias("kind"), pl.col(day).alias("day")) for code, day in kinds]
    rows = pl.concat(parts).filter(pl.col("day") > 0).sort("patient_no", "day", maintain_order=True)
    impressions = {"N": "neg", "D": "pos", "R": "equivocal", "L": "pos"}
    own = pl.col("kind").replace_strict(impressions, return_dtype=pl.String)
    return rows.select(
        "patient_no",
        pl.col("kind").alias("exam"),
        _day("day").alias("exam_date"),
        pl.lit("ct").alias("modality"),
        pl.col("slice").alias("slice_mm"),
        *[
            pl.when(pl.col("site") == number).then(own).otherwise(pl.lit("neg")).alias(region)
            for number, region in enumerate(_REGIONS)
        ],
    )


def _measurements(lesions: pl.DataFrame) -> pl.DataFrame:
    long = lesions["size"].to_numpy()
    return lesions.select(
        "patient_no",
        "lesion_no",
        pl.lit("D").alias("exam"),
        pl.Series("long_axis", long),
        pl.Series("short_axis", np.maximum(np.round(long * 0.75), 3.0)),
        *[pl.lit("").alias(name) for name in ("lower", "upper", "suvmax", "measurable")],
    )


def _courses(base: pl.DataFrame) -> pl.DataFrame:
    total = pl.col("fractions") * pl.col("dose")
    return base.select(
        "patient_no",
        pl.lit(1).alias("course_no"),
        pl.lit("rt").alias("modality"),
        pl.when(pl.col("fractions") == 30).then(pl.lit("imrt")).otherwise(pl.lit("sbrt")).alias("technique"),
        pl.when("palliative").then(pl.lit("palliative")).otherwise(pl.lit("definitive")).alias("intent"),
        _day("start").alias("start_date"),
        _day("end").alias("end_date"),
        pl.col("fractions").alias("planned"),
        pl.col("fractions").alias("delivered"),
        pl.col("dose").alias("dose_per_fraction"),
        total.alias("total_dose"),
        (total * (1 + pl.col("dose") / 10)).alias("bed10"),
        (total * (pl.col("dose") + 10) / 12).alias("eqd2"),
        pl.lit("completed").alias("ended"),
    )


def _targets(lesions: pl.DataFrame) -> pl.DataFrame:
    return lesions.select("patient_no", pl.lit(1).alias("course_no"), "lesion_no")


def _contacts(rng: np.random.Generator, base: pl.DataFrame) -> pl.DataFrame:
    """A visit some weeks after therapy, then two a year; the last contact is a visit or word of the death."""
    first = base.with_columns(
        (pl.col("end") + pl.Series("wait", rng.integers(25, 35, len(base)))).alias("first")
    )
    visits = first.with_columns(
        pl.int_ranges("first", pl.max_horizontal("first", "last"), 182).alias("day")
    ).explode("day", empty_as_null=True, keep_nulls=True)
    visits = visits.filter(pl.col("day") < pl.col("last")).with_columns(pl.lit(False).alias("is_word"))
    last = first.with_columns(pl.col("last").alias("day"), pl.col("is_dead").alias("is_word"))
    rows = pl.concat([visits, last]).sort("patient_no", "day", maintain_order=True)
    event = pl.min_horizontal(
        pl.when(pl.col("recurrence") > 0).then("recurrence"), pl.when(pl.col("spread") > 0).then("spread")
    )
    has_disease = (pl.col("day") >= event).fill_null(False)
    return rows.select(
        "patient_no",
        (pl.int_range(pl.len()).over("patient_no") + 1).alias("contact_no"),
        _day("day").alias("contact_date"),
        pl.when("is_word").then(pl.lit("phone")).otherwise(pl.lit("visit")).alias("source"),
        pl.when("is_word").then(pl.lit("no")).otherwise(pl.lit("yes")).alias("alive"),
        pl.when("is_word")
        .then(pl.lit("unk"))
        .when(has_disease)
        .then(pl.lit("awd"))
        .otherwise(pl.lit("ned"))
        .alias("status"),
    )


def _events(base: pl.DataFrame) -> pl.DataFrame:
    parts = [
        base.filter(pl.col(column) > 0).select(
            "patient_no",
            pl.lit(code).alias("event"),
            pl.lit(kind).alias("type"),
            _day(column).alias("event_date"),
            pl.lit(lesion, dtype=pl.Int64).alias("lesion_no"),
            pl.lit("imaging").alias("evidence"),
            pl.lit("").alias("new_lesions"),
        )
        for column, code, kind, lesion in (
            ("recurrence", "LR", "local_recurrence", 1),
            ("spread", "PM", "polymet", None),
        )
    ]
    return pl.concat(parts).sort("patient_no", "event", maintain_order=True)


def _deaths(base: pl.DataFrame) -> pl.DataFrame:
    return base.filter("is_dead").select(
        "patient_no", _day("last").alias("death_date"), pl.lit("cancer").alias("cause")
    )
