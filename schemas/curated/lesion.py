"""One metastasis."""

from schemas import codes
from schemas import columns as c
from schemas.columns import boolean, coded, partial_date, text
from schemas.table import table

MODEL = table(
    "curated.lesion",
    "One row per metastatic lesion of an episode.",
    key=["lesion_id"],
    columns=[
        c.lesion_id,
        c.episode_id.required().pointing_to("curated.omd_episode"),
        c.patient_id.required().pointing_to("curated.patient"),
        c.facility_id.required(),
        coded("lesion_site", codes.LESION_SITE, "Anatomical site of the lesion", is_required=True),
        text("lesion_site_text", "Site in the facility's words", is_identifying=True),
        text("icd10_secondary_code", "ICD-10 code of the secondary neoplasm, C77-C79"),
        coded("laterality", codes.LATERALITY, "Side of the body"),
        boolean("is_node", "The lesion is a lymph node"),
        *partial_date("detection", "Date on which imaging first showed the lesion", is_required=True),
        boolean("is_biopsied", "The lesion was proved by biopsy"),
        boolean("is_treated", "The lesion received locoregional therapy"),
        text("not_treated_reason", "Why a lesion was not treated", is_identifying=True),
        *partial_date(
            "last_negative", "Last examination of the region that did not show the lesion, as stated"
        ),
        coded("lesion_status", codes.LESION_STATUS, "Index, new or regional lesion"),
    ],
    rules=[],
)
