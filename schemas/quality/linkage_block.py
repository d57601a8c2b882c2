"""Which patients were compared with each other at all."""

from schemas.columns import count, text
from schemas.table import table

MODEL = table(
    "quality.linkage_block",
    "One row per blocking key: patients who share one are compared, unless too many share it.",
    key=["blocking_key"],
    columns=[
        text("blocking_key", "What has to be equal"),
        count("n_blocks", "Groups of patients who share it and were compared", is_required=True),
        count("n_pairs", "Pairs compared", is_required=True),
        count("n_blocks_cut", "Groups too large to be compared by this key", is_required=True),
        count("n_patients_cut", "Patients in them", is_required=True),
        count(
            "n_pairs_left_out",
            "Probable pairs that share it and are counted only, where a registry has too many to list; a pair counts "
            "for the first key that it shares",
            is_required=True,
        ),
    ],
)
