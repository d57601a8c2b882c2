"""One course of locoregional therapy."""

from datetime import date

import polars as pl

from schemas import codes
from schemas import columns as c
from schemas.columns import boolean, coded, integer, partial_date, real, text
from schemas.disease import therapy_expressions as judge
from schemas.rules.temporal import not_before
from schemas.table import Rule, table

IN_CENTIGRAY = 20_000
"""Doses entered in cGy are for rules T04 and T05 to tell; beyond this no unit explains a dose."""
ENDS_AFTER_START = not_before("end_date", "start_date")

MODEL = table(
    "curated.lrt_course",
    "One row per course of radiotherapy, operation or ablation of metastases.",
    key=["lrt_id"],
    columns=[
        c.lrt_id,
        c.episode_id.required().pointing_to("curated.omd_episode"),
        c.patient_id.required().pointing_to("curated.patient"),
        c.facility_id.required(),
        c.source_record_id,
        coded("lrt_modality", codes.LRT_MODALITY, "Radiotherapy, surgery or ablation", is_required=True),
        coded("lrt_technique", codes.LRT_TECHNIQUE, "Technique of the therapy"),
        coded("intent", codes.INTENT, "Intent of the therapy"),
        *partial_date("start", "First day of the therapy", is_required=True),
        *partial_date("end", "Last day of the therapy"),
        integer("n_fractions_planned", "Fractions planned", minimum=0, maximum=200),
        integer("n_fractions_delivered", "Fractions delivered", minimum=0, maximum=200),
        real("dose_per_fraction_gy", "Dose per fraction", "Gy", minimum=0, maximum=IN_CENTIGRAY),
        real("total_dose_gy", "Total physical dose delivered", "Gy", minimum=0, maximum=IN_CENTIGRAY),
        real(
            "bed10_gy", "Biologically effective dose as stored, alpha/beta 10", "Gy", minimum=0, maximum=2000
        ),
        real(
            "eqd2_gy",
            "Equivalent dose in 2 Gy fractions as stored, alpha/beta 10",
            "Gy",
            minimum=0,
            maximum=2000,
        ),
        coded("margin", codes.MARGIN, "Resection margin"),
        boolean("is_reirradiation", "The field overlaps an earlier one"),
        coded("termination_reason", codes.TERMINATION, "Why the course ended"),
        text("plan_name", "Plan in the radiotherapy system", is_free_text=True),
    ],
    rules=[
        Rule(
            "T03",
            "info",
            ("intent", "lrt_modality"),
            "Not eligible: the study takes definitive radiotherapy, surgery or ablation.",
            lambda _: (
                pl.col("lrt_modality").is_in(["rt", "surgery", "ablation"])
                & (pl.col("intent") == "definitive").fill_null(True)
            ),
            "eligibility",
            "A",
            passing=({"lrt_modality": "rt", "intent": "definitive"}, {"lrt_modality": "surgery"}),
            failing=({"lrt_modality": "rt", "intent": "palliative"}, {"lrt_modality": "systemic"}),
        ),
        Rule(
            "T04",
            "error",
            ("total_dose_gy", "n_fractions_delivered", "dose_per_fraction_gy"),
            "Fractions must be 1 to 45, the dose per fraction {minimum_gy} to {maximum_gy} Gy, and the total dose"
            " fractions times dose per fraction (within 1 %). Correct the wrong one; doses in Gy, not cGy.",
            lambda parameters: judge.is_fractionation_possible(parameters),
            "conformance/computational",
            "P",
            passing=(
                {
                    "lrt_modality": "rt",
                    "n_fractions_delivered": 5,
                    "dose_per_fraction_gy": 10.0,
                    "total_dose_gy": 50.0,
                },
            ),
            failing=(
                {
                    "lrt_modality": "rt",
                    "n_fractions_delivered": 5,
                    "dose_per_fraction_gy": 10.0,
                    "total_dose_gy": 60.0,
                },
                {"lrt_modality": "rt", "n_fractions_delivered": 50},
                {"lrt_modality": "rt", "dose_per_fraction_gy": 200.0},
            ),
            suggest=lambda _: judge.total_dose(),
            thresholds={"minimum_gy": 0.5, "maximum_gy": 34.0},
        ),
        Rule(
            "T05",
            "error",
            ("total_dose_gy",),
            "A total dose above {impossible_gy} Gy was entered in cGy; one below {low_gy} or above {high_gy} Gy is"
            " unusual. Write the total dose in Gy.",
            lambda parameters: judge.of_radiotherapy(pl.col("total_dose_gy") <= parameters["impossible_gy"]),
            "plausibility/atemporal",
            "P",
            suggest=judge.dose_from_cgy,
            passing=({"lrt_modality": "rt", "total_dose_gy": 60.0},),
            failing=(
                {"lrt_modality": "rt", "total_dose_gy": 6000.0},
                {"lrt_modality": "rt", "total_dose_gy": 120.0, "_severity": "warning"},
                {"lrt_modality": "rt", "total_dose_gy": 12.0, "_severity": "warning"},
            ),
            warning=lambda parameters: judge.of_radiotherapy(
                pl.col("total_dose_gy").is_between(parameters["low_gy"], parameters["high_gy"])
            ),
            thresholds={"impossible_gy": 200.0, "low_gy": 20.0, "high_gy": 100.0},
        ),
        Rule(
            "T06",
            "error",
            ("bed10_gy", "eqd2_gy"),
            "The stored BED10 or EQD2 is not what the doses give (BED = D(1 + d/10), EQD2 = D(d + 10)/12, within"
            " {tolerance_gy} Gy). Correct the doses or leave the derived value out.",
            lambda parameters: judge.are_derived_doses_right(parameters["tolerance_gy"]),
            "conformance/computational",
            "R:H",
            passing=(
                {
                    "n_fractions_delivered": 5,
                    "dose_per_fraction_gy": 10.0,
                    "bed10_gy": 100.0,
                    "eqd2_gy": 83.33,
                },
            ),
            failing=(
                {"n_fractions_delivered": 5, "dose_per_fraction_gy": 10.0, "bed10_gy": 90.0},
                {"n_fractions_delivered": 30, "dose_per_fraction_gy": 2.0, "eqd2_gy": 72.0},
            ),
            suggest=lambda _: judge.derived_doses(),
            thresholds={"tolerance_gy": 0.1},
        ),
        Rule(
            "T07",
            "warning",
            ("lrt_technique", "dose_per_fraction_gy", "n_fractions_delivered", "intent"),
            "Technique, fractionation and intent do not go together (stereotactic: at least 5 Gy in at most 10"
            " fractions; conventional: at most 5 Gy; definitive: BED10 of at least 50 Gy). Check the course.",
            lambda _: judge.does_technique_fit_dose(),
            "plausibility/atemporal",
            "P",
            passing=(
                {"lrt_technique": "sbrt", "dose_per_fraction_gy": 10.0, "n_fractions_delivered": 5},
                {"lrt_technique": "sbrt", "dose_per_fraction_gy": 5.0, "n_fractions_delivered": 10},
                {"intent": "definitive", "dose_per_fraction_gy": 2.5, "n_fractions_delivered": 16},
            ),
            failing=(
                {"lrt_technique": "sbrt", "dose_per_fraction_gy": 2.0, "n_fractions_delivered": 30},
                {"lrt_technique": "3dcrt", "dose_per_fraction_gy": 8.0, "n_fractions_delivered": 1},
                {
                    "lrt_technique": "imrt",
                    "dose_per_fraction_gy": 2.0,
                    "n_fractions_delivered": 10,
                    "intent": "definitive",
                },
            ),
        ),
        Rule(
            "T08",
            "warning",
            ("n_fractions_delivered", "n_fractions_planned", "termination_reason"),
            "Fewer than 90 % of the planned fractions were delivered. Give the reason why the course ended.",
            lambda _: judge.is_shortfall_explained(),
            "completeness",
            "mCODE",
            passing=(
                {"n_fractions_planned": 30, "n_fractions_delivered": 30},
                {"n_fractions_planned": 30, "n_fractions_delivered": 10, "termination_reason": "toxicity"},
            ),
            failing=({"n_fractions_planned": 30, "n_fractions_delivered": 10},),
        ),
        Rule(
            "T09",
            "warning",
            ("start_date", "end_date", "n_fractions_delivered"),
            "The days from start to end do not fit the number of fractions (five a week, tolerance {tolerance_days}"
            " days). Check dates and fractions.",
            lambda parameters: judge.does_span_fit_fractions(parameters["tolerance_days"]),
            "plausibility/temporal",
            "P",
            passing=(
                {
                    "lrt_modality": "rt",
                    "start_date": date(2020, 3, 2),
                    "end_date": date(2020, 4, 10),
                    "n_fractions_delivered": 30,
                },
                {
                    "lrt_modality": "rt",
                    "start_date": date(2020, 3, 2),
                    "end_date": date(2020, 3, 16),
                    "n_fractions_delivered": 5,
                },
            ),
            failing=(
                {
                    "lrt_modality": "rt",
                    "start_date": date(2020, 3, 2),
                    "end_date": date(2020, 3, 6),
                    "n_fractions_delivered": 30,
                },
            ),
            thresholds={"tolerance_days": 10},
        ),
        Rule(
            "T11",
            "error",
            ("lrt_modality", "total_dose_gy", "margin"),
            "An operation or ablation carries no radiation dose, and an operation needs a margin status (R0, R1, R2,"
            " or RX where it was not assessed).",
            lambda _: judge.is_dose_absent_without_radiotherapy(),
            "conformance/relational",
            "P",
            passing=({"lrt_modality": "surgery", "margin": "R0"}, {"lrt_modality": "ablation"}),
            failing=(
                {"lrt_modality": "surgery", "margin": "R0", "total_dose_gy": 50.0},
                {"lrt_modality": "surgery", "_severity": "warning"},
            ),
            warning=lambda _: pl.when(pl.col("lrt_modality") == "surgery").then(
                pl.col("margin").is_not_null()
            ),
        ),
        Rule(
            "T12",
            "error",
            ("end_date", "start_date"),
            "The course ends before it starts. Correct one of the dates.",
            ENDS_AFTER_START[0],
            "plausibility/temporal",
            "D",
            passing=({"start_date": date(2020, 3, 2), "end_date": date(2020, 3, 2)},),
            failing=({"start_date": date(2020, 3, 2), "end_date": date(2020, 3, 1)},),
            warning=ENDS_AFTER_START[1],
        ),
    ],
)
