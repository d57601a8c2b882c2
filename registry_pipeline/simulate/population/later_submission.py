"""A later submission of every facility, in which the past was rewritten: what only a second refresh can find.

Belongs here: ``write_later``: the mistakes between submissions (S03, G03 to G05, G11) and of the whole cohort
(G06 to G09, G12, G13). Does not belong here: mistakes within one submission.

The cohort's mistakes touch most patients, so they are in this submission and not in the first: patients with
supraclavicular lesions are gone (fewer rows, other shares of sites), negative examinations are missing,
sizes are rounded to 5 mm, every therapy starts on a Sunday.
"""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path

import polars as pl

from registry_pipeline.simulate.manifest import Mistake, PlantedError
from registry_pipeline.simulate.population.population import EXTRACT_DATE, Frames
from registry_pipeline.simulate.population.profile import Profile

LATER_DATE = EXTRACT_DATE + timedelta(days=30)
REWRITTEN_EVERY = 50
_OTHER_STAGE = {"IB1": "IIIB", "IIA1": "IIIB", "IIB": "IIIB", "IIIB": "IB1", "IVA": "IIIB"}


def rewritten(frames: Frames) -> Frames:
    """The frames of a chunk as they are sent the second time."""
    without_neck = frames["lesions"].filter(pl.col("site") != "scf")["patient_no"].unique().implode()
    result = {name: frame.filter(pl.col("patient_no").is_in(without_neck)) for name, frame in frames.items()}
    chosen = pl.col("patient_no") % REWRITTEN_EVERY == 1
    result["patients"] = result["patients"].with_columns(
        pl.when(chosen)
        .then(pl.col("birth_date").dt.offset_by("3d"))
        .otherwise("birth_date")
        .alias("birth_date")
    )
    other = pl.col("figo_stage").replace(_OTHER_STAGE)
    result["tumours"] = result["tumours"].with_columns(
        pl.when(pl.col("patient_no") % REWRITTEN_EVERY == 2)
        .then(other)
        .otherwise("figo_stage")
        .alias("figo_stage"),
        scc_ag=pl.when(pl.col("patient_no") % REWRITTEN_EVERY != 3).then("scc_ag"),
    )
    result["lesions"] = result["lesions"].with_columns(
        pl.lit(None, dtype=pl.Date).alias("last_negative_date")
    )
    result["exams"] = result["exams"].filter(pl.col("exam") != "N")
    rounded = [((pl.col(name) / 5).round() * 5).alias(name) for name in ("long_axis", "short_axis")]
    result["measurements"] = result["measurements"].with_columns(rounded)
    to_sunday = pl.duration(days=7 - pl.col("start_date").dt.weekday())
    result["courses"] = result["courses"].with_columns(start_date=pl.col("start_date") + to_sunday)
    return result


def later_mistakes(first: Frames, later: Frames) -> Iterator[tuple[Mistake, str, int | None]]:
    """(mistake, file, row in the file's frame or None for all of it) of a chunk's patients."""
    for rule, file, item, remainder, description in (
        ("G03", "patients", "birth_date", 1, "rewritten since the first submission"),
        ("G05", "tumours", "figo_stage", 2, "rewritten since the first submission"),
        ("G11", "tumours", "scc_ag", 3, "empty since the first submission"),
    ):
        rows = (
            later[file].with_row_index("_place").filter(pl.col("patient_no") % REWRITTEN_EVERY == remainder)
        )
        for place in rows["_place"]:
            yield _mistake(rule, item, description, is_error=rule == "G03"), file, int(place)
    n_gone = len(first["patients"]) - len(later["patients"])
    if n_gone:
        yield _mistake("G04", "", f"{n_gone} patients are gone"), "patients", None


def _mistake(rule: str, item: str, description: str, is_error: bool = True) -> Mistake:
    return Mistake(rule, "", item, "simulated later", description, is_error, submission=2)


def cohort_mistakes(profile: Profile, names: Mapping[str, str]) -> list[PlantedError]:
    """The mistakes that a facility's later submission makes as a whole."""
    result = (
        ("S03", "lesions", "", "fewer rows than before"),
        ("G06", "lesions", "last_negative_date", "no negative examinations"),
        ("G12", "lesions", "last_negative_date", "no value of a column any more"),
        ("G13", "exams", "exam", "negative examinations are no longer sent"),
        ("G07", "lesions", "site", "no supraclavicular lesions"),
        ("G08", "measurements", "long_axis", "sizes rounded to 5 mm"),
        ("G09", "courses", "start_date", "every therapy starts on a Sunday"),
    )
    return [
        Mistake(rule, "", item, "simulated cohort", text, is_error=False, submission=2).at(
            profile.facility_id, names[file], 0
        )
        for rule, file, item, text in result
    ]


def later_name(file: str) -> str:
    """Name of a file of the later submission."""
    return f"{file}_{LATER_DATE.isoformat()}.csv"


def later_folder(out: Path, profile: Profile) -> Path:
    """Where a facility's later submission is written: not in the inbox, somebody drops it there."""
    folder = out / "later" / profile.facility_id
    folder.mkdir(parents=True, exist_ok=True)
    return folder
