"""What a release says of its cohort in a few numbers, with those of the releases before."""

from schemas import columns as c
from schemas.columns import count, real, text
from schemas.table import table

MODEL = table(
    "quality.release_metric",
    "One row per release, facility (or the whole registry) and metric; the history that drift is judged against.",
    key=[],
    columns=[
        text("release_id", "Release that the number was computed for"),
        c.facility_id.described("Facility, or 'registry' for all of them"),
        text(
            "metric",
            "share_scf, share_lung, share_other, median_observed_follow_up_months, deaths_per_person_year",
            is_required=True,
        ),
        real("value", "The number", minimum=0),
        count("n", "Patients of the cohort behind it"),
    ],
)
