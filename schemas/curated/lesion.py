"""One metastasis."""

from datetime import date

import polars as pl

from schemas import codes
from schemas import columns as c
from schemas.columns import boolean, coded, partial_date, text
from schemas.disease import expressions as judge
from schemas.rules.temporal import gap_days_at_least, not_before
from schemas.table import Rule, table

DETECTED_AFTER_NEGATIVE = not_before("detection_date", "last_negative_date", minimum_days=1)

MODEL = table(
    "curated.lesion",
    "One row per metastatic lesion of an episode.",
    key=["lesion_id"],
    columns=[
        c.lesion_id,
        c.episode_id.required().pointing_to("curated.omd_episode"),
        c.patient_id.required().pointing_to("curated.patient"),
        c.facility_id.required(),
        c.source_record_id,
        coded("lesion_site", codes.LESION_SITE, "Anatomical site of the lesion", is_required=True),
        text("lesion_site_text", "Site in the facility's words", is_free_text=True),
        text("icd10_secondary_code", "ICD-10 code of the secondary neoplasm, C77-C79", is_identifying=True),
        coded("laterality", codes.LATERALITY, "Side of the body"),
        boolean("is_node", "The lesion is a lymph node"),
        *partial_date("detection", "Date on which imaging first showed the lesion", is_required=True),
        boolean("is_biopsied", "The lesion was proved by biopsy"),
        boolean("is_treated", "The lesion received locoregional therapy"),
        text("not_treated_reason", "Why a lesion was not treated", is_free_text=True),
        *partial_date(
            "last_negative", "Last examination of the region that did not show the lesion, as stated"
        ),
        coded("lesion_status", codes.LESION_STATUS, "Index, new or regional lesion"),
    ],
    rules=[
        Rule(
            "L02",
            "error",
            ("laterality", "lesion_site"),
            "The side does not fit the site: supraclavicular and lung lesions are left or right, midline sites are"
            " neither. Give L or R, or mid.",
            lambda _: judge.is_side_possible(),
            "conformance/relational",
            "P",
            passing=({"lesion_site": "lung", "laterality": "L"}, {"lesion_site": "mediastinal_ln"}),
            failing=(
                {"lesion_site": "scf", "laterality": "mid"},
                {"lesion_site": "mediastinal_ln", "laterality": "R"},
                {"lesion_site": "lung", "_severity": "warning"},
            ),
            warning=lambda _: (
                ~(pl.col("lesion_site").is_in(["scf", "lung"]) & pl.col("laterality").is_null())
            ),
        ),
        Rule(
            "L03",
            "error",
            ("lesion_site", "icd10_secondary_code", "is_node", "lesion_site_text"),
            "Site, ICD-10 code, node mark and wording of the lesion disagree (C77.0 supraclavicular, C78.0 lung,"
            " C78.7 liver, C79.5 bone, …). Correct the one that is wrong.",
            lambda _: judge.does_icd10_fit_site() & judge.does_node_fit_site(),
            "conformance/relational",
            "P",
            suggest=lambda _: pl.when(~judge.does_icd10_fit_site()).then(judge.site_of_icd10()),
            passing=(
                {"lesion_site": "lung", "icd10_secondary_code": "C78.0", "is_node": False},
                {"lesion_site": "scf", "lesion_site_text": "左锁骨上淋巴结", "is_node": True},
                {"lesion_site": "bone", "lesion_site_text": "第3腰椎"},
                {"lesion_site": "lung", "lesion_site_text": "right lower lobe of lung, near the liver"},
                {"lesion_site": "other", "lesion_site_text": "inguinal node"},
            ),
            failing=(
                {"lesion_site": "lung", "icd10_secondary_code": "C78.7"},
                {"lesion_site": "scf", "is_node": False},
                {"lesion_site": "lung", "is_node": True},
                {"lesion_site": "lung", "lesion_site_text": "肝右叶", "_severity": "warning"},
                {"lesion_site": "bone", "lesion_site_text": "Supraclavicular, left", "_severity": "warning"},
            ),
            warning=lambda _: judge.does_text_fit_site(),
            version=2,
        ),
        Rule(
            "L05",
            "error",
            ("detection_date", "last_negative_date"),
            "The last negative examination must lie before the detection of the lesion. Correct one of the dates.",
            DETECTED_AFTER_NEGATIVE[0],
            "plausibility/temporal",
            "P",
            passing=({"detection_date": date(2019, 5, 2), "last_negative_date": date(2019, 1, 9)},),
            failing=(
                {"detection_date": date(2019, 5, 2), "last_negative_date": date(2019, 5, 2)},
                {
                    "detection_date": date(2019, 5, 2),
                    "last_negative_date": date(2019, 5, 15),
                    "last_negative_date_lower": date(2019, 5, 1),
                    "last_negative_date_upper": date(2019, 5, 31),
                    "_severity": "warning",
                },
            ),
            warning=DETECTED_AFTER_NEGATIVE[1],
        ),
        Rule(
            "L06",
            "warning",
            ("last_negative_date", "detection_date"),
            "The last negative examination lies more than {maximum_months} months before detection. Name a later"
            " one, or confirm that there was none.",
            lambda parameters: (
                gap_days_at_least("detection_date", "last_negative_date")
                <= parameters["maximum_months"] * parameters["days_per_month"]
            ),
            "plausibility/temporal",
            "P",
            passing=({"detection_date": date(2019, 5, 2), "last_negative_date": date(2019, 1, 9)},),
            failing=({"detection_date": date(2019, 5, 2), "last_negative_date": date(2016, 1, 9)},),
            thresholds={"maximum_months": 24},
        ),
        Rule(
            "V19",
            "warning",
            ("lesion_site", "lesion_status", "icd10_secondary_code"),
            "A para-aortic node is regional disease (FIGO IIIC2), not a distant metastasis. Set the lesion's status"
            " to regional, or record it as a regional recurrence.",
            lambda _: judge.is_paraaortic_regional(),
            "conformance/relational",
            "F,S28",
            passing=({"lesion_site": "paraaortic", "lesion_status": "regional"}, {"lesion_site": "lung"}),
            failing=(
                {"lesion_site": "paraaortic", "lesion_status": "index"},
                {"lesion_site": "other", "icd10_secondary_code": "C77.2"},
            ),
            suggestion="regional",
        ),
    ],
)
