"""One occurrence of oligometastatic disease."""

from schemas import codes
from schemas import columns as c
from schemas.columns import boolean, coded, integer, partial_date, real
from schemas.table import table

MODEL = table(
    "curated.omd_episode",
    "One row per episode of oligometastatic disease of a patient.",
    key=["episode_id"],
    columns=[
        c.episode_id,
        c.patient_id.required().pointing_to("curated.patient"),
        c.facility_id.required(),
        c.source_record_id,
        integer("episode_number", "Order of the episode within the patient, from 1", minimum=1, maximum=50),
        boolean("is_index", "The episode that the study analyses"),
        *partial_date("omd_dx", "Date of diagnosis of the oligometastatic disease", is_required=True),
        integer("n_lesions_stated", "Number of metastases as stated by the facility", minimum=0, maximum=500),
        coded("lesion_site_group", codes.LESION_SITE_GROUP, "Dominant site as stated by the facility"),
        coded("omd_class", codes.OMD_CLASS, "ESTRO-EORTC class as stated by the facility"),
        coded("primary_status", codes.PRIMARY_STATUS, "Primary tumour at diagnosis of the episode"),
        coded("active_systemic", codes.PRESENCE, "Under systemic therapy at diagnosis of the episode"),
        coded("history_polymet", codes.PRESENCE, "Polymetastatic disease at any time before"),
        coded("history_omd", codes.PRESENCE, "Oligometastatic disease at any time before"),
        boolean("has_progressive_lesion", "A lesion is progressive on imaging"),
        boolean("has_concurrent_regional", "Pelvic or para-aortic recurrence treated at the same time"),
        coded("imaging_basis", codes.IMAGING_MODALITY, "Imaging that the diagnosis rests on"),
        integer("ecog", "ECOG performance status, 0 to 4", minimum=0, maximum=5),
        real(
            "scc_ag_ng_ml",
            "Squamous cell carcinoma antigen at the episode",
            "ng/mL",
            minimum=0,
            maximum=100_000,
        ),
    ],
    rules=[],
)
