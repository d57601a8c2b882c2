"""The lesions of the index episode, with their size at detection."""

from schemas import codes
from schemas import columns as c
from schemas.columns import coded, real
from schemas.table import table

MODEL = table(
    "mart.index_lesion",
    "One row per index lesion of an index episode, in the study or not.",
    key=["lesion_id"],
    columns=[
        c.lesion_id,
        c.patient_id.required(),
        c.episode_id.required(),
        coded("lesion_site", codes.LESION_SITE, "Anatomical site of the lesion", is_required=True),
        coded("lesion_site_group", codes.LESION_SITE_GROUP, "Site group of the lesion", is_required=True),
        c.Column("detection_date", "date", "Imaging that first showed the lesion", is_required=True),
        real("diameter_mm", "Diameter at detection on the axis that the study compares", "mm", minimum=0),
        coded("size_qualifier", codes.QUALIFIER, "Whether the diameter is exact, a bound or a range"),
    ],
)
