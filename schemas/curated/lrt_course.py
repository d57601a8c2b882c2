"""One course of locoregional therapy."""

from schemas import codes
from schemas import columns as c
from schemas.columns import boolean, coded, integer, partial_date, real, text
from schemas.table import table

MODEL = table(
    "curated.lrt_course",
    "One row per course of radiotherapy, operation or ablation of metastases.",
    key=["lrt_id"],
    columns=[
        c.lrt_id,
        c.episode_id.required().pointing_to("curated.omd_episode"),
        c.patient_id.required().pointing_to("curated.patient"),
        c.facility_id.required(),
        coded("lrt_modality", codes.LRT_MODALITY, "Radiotherapy, surgery or ablation", is_required=True),
        coded("lrt_technique", codes.LRT_TECHNIQUE, "Technique of the therapy"),
        coded("intent", codes.INTENT, "Intent of the therapy"),
        *partial_date("start", "First day of the therapy", is_required=True),
        *partial_date("end", "Last day of the therapy"),
        integer("n_fractions_planned", "Fractions planned"),
        integer("n_fractions_delivered", "Fractions delivered"),
        real("dose_per_fraction_gy", "Dose per fraction", "Gy"),
        real("total_dose_gy", "Total physical dose delivered", "Gy"),
        real("bed10_gy", "Biologically effective dose as stored, alpha/beta 10", "Gy"),
        real("eqd2_gy", "Equivalent dose in 2 Gy fractions as stored, alpha/beta 10", "Gy"),
        coded("margin", codes.MARGIN, "Resection margin"),
        boolean("is_reirradiation", "The field overlaps an earlier one"),
        coded("termination_reason", codes.TERMINATION, "Why the course ended"),
        text("plan_name", "Plan in the radiotherapy system", is_identifying=True),
    ],
    rules=[],
)
