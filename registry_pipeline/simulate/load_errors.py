"""Mistakes in simulated exports: for each rule, cells that break it, planted at a rate.

Belongs here: ``SIMULATED_PLANTERS`` (rule id -> how it is broken) and planting in a chunk.
Does not belong here: the demo's mistakes (``plant_*.py``).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import polars as pl

from registry_pipeline.simulate.load_profile import Profile
from registry_pipeline.simulate.load_world import Frames

Texts = Sequence[str]
Maker = Callable[["Chosen"], dict[str, Texts]]


@dataclass(frozen=True)
class Chosen:
    """The rows that a mistake changes, typed, with the patients' other facts joined.

    Attributes:
        rows: one row per mistake: the columns of the file plus birth, diagnosis, start of therapy, omd.
        profile: how the facility writes.
    """

    rows: pl.DataFrame
    profile: Profile

    def __len__(self) -> int:
        return len(self.rows)

    def constant(self, text: str) -> Texts:
        """The same text in every row."""
        return [text] * len(self.rows)

    def day(self, column: str, days: int) -> Texts:
        """A date of the patient, shifted."""
        return self.profile.date_text(self.rows[column] + timedelta(days=days))


@dataclass(frozen=True)
class SimulatedPlanter:
    """How one rule is broken.

    Attributes:
        file: frame whose first row of a patient is changed.
        table: curated table that the rule judges.
        item: column of the file that the manifest names.
        make: chosen rows -> new texts by column.
        is_error: the rule quarantines the record.
    """

    file: str
    table: str
    item: str
    make: Maker
    is_error: bool = True


def _constant(**cells: str) -> Maker:
    return lambda chosen: {name: chosen.constant(text) for name, text in cells.items()}


def _shifted(item: str, column: str, days: int) -> Maker:
    return lambda chosen: {item: chosen.day(column, days)}


def _impossible(chosen: Chosen) -> dict[str, Texts]:
    sample = chosen.profile.date_format.replace("%Y", "2013").replace("%m", "02").replace("%d", "30")
    return {"dx_date": chosen.constant(sample)}


def _other_class(chosen: Chosen) -> dict[str, Texts]:
    other = {
        "de_novo_synchronous": "metachronous_oligorecurrence",
        "metachronous_oligorecurrence": "de_novo_synchronous",
    }
    return {"omd_class": [other[one] for one in chosen.rows["omd_class"]]}


def _plus(item: str, amount: float) -> Maker:
    return lambda chosen: {item: [f"{one + amount:g}" for one in chosen.rows[item]]}


def _short_over_long(chosen: Chosen) -> dict[str, Texts]:
    return {"short_axis": [chosen.profile.length(one + 4) for one in chosen.rows["long_axis"]]}


def _double_total(chosen: Chosen) -> dict[str, Texts]:
    return {"total_dose": [chosen.profile.dose(one * 1.5) for one in chosen.rows["total_dose"]]}


def _hundredfold(chosen: Chosen) -> dict[str, Texts]:
    return {"total_dose": [chosen.profile.dose(one * 100) for one in chosen.rows["total_dose"]]}


def _huge(chosen: Chosen) -> dict[str, Texts]:
    return {"long_axis": chosen.constant(chosen.profile.length(260))}


def _stranger(chosen: Chosen) -> dict[str, Texts]:
    return {"patient": [f"U{one:08d}" for one in chosen.rows["patient_no"]]}


def _other_group(chosen: Chosen) -> dict[str, Texts]:
    return {"site_group": ["lung" if one == "scf" else "scf" for one in chosen.rows["site_group"]]}


def _other_histology(chosen: Chosen) -> dict[str, Texts]:
    return {"histology": ["adeno" if one == "scc" else "scc" for one in chosen.rows["histology"]]}


def _other_technique(chosen: Chosen) -> dict[str, Texts]:
    return {"technique": ["sbrt" if one == "imrt" else "imrt" for one in chosen.rows["technique"]]}


def _more_planned(chosen: Chosen) -> dict[str, Texts]:
    return {"planned": [str(one + 4) for one in chosen.rows["planned"]], "ended": chosen.constant("")}


SIMULATED_PLANTERS: dict[str, SimulatedPlanter] = {
    "V02": SimulatedPlanter("patients", "patient", "sex", _constant(sex="M")),
    "V03": SimulatedPlanter("patients", "patient", "birth_date", _shifted("birth_date", "dx_date", -3000)),
    "V04": SimulatedPlanter("tumours", "primary_tumour", "age_years", _plus("age_years", 12)),
    "V08": SimulatedPlanter("tumours", "primary_tumour", "morphology", _constant(morphology="80703")),
    "V11": SimulatedPlanter("tumours", "primary_tumour", "basis", _constant(basis="1")),
    "V12": SimulatedPlanter("tumours", "primary_tumour", "grade", _constant(grade="7")),
    "V13": SimulatedPlanter("tumours", "primary_tumour", "figo_stage", _constant(figo_stage="IIIC1")),
    "V14": SimulatedPlanter("tumours", "primary_tumour", "figo_edition", _constant(figo_edition="")),
    "V20": SimulatedPlanter("tumours", "primary_tumour", "scc_ag", _constant(scc_ag="1500"), False),
    "S05": SimulatedPlanter("patients", "patient", "sex", _constant(sex="X")),
    "V07": SimulatedPlanter("tumours", "primary_tumour", "topography", _constant(topography="C54.1")),
    "V09": SimulatedPlanter(
        "tumours", "primary_tumour", "morphology", _constant(morphology="8720/3", histology="other"), False
    ),
    "V10": SimulatedPlanter("tumours", "primary_tumour", "histology", _other_histology, False),
    "S09": SimulatedPlanter("tumours", "primary_tumour", "dx_date", _impossible),
    "E02": SimulatedPlanter("episodes", "omd_episode", "omd_date", _shifted("omd_date", "dx_date", -200)),
    "E03": SimulatedPlanter("episodes", "omd_episode", "n_lesions", _plus("n_lesions", 2), False),
    "E06": SimulatedPlanter("episodes", "omd_episode", "omd_class", _other_class),
    "E12": SimulatedPlanter("episodes", "omd_episode", "site_group", _other_group),
    "L02": SimulatedPlanter("lesions", "lesion", "side", _constant(side="mid")),
    "L03": SimulatedPlanter("lesions", "lesion", "icd10", _constant(icd10="C79.7")),
    "L05": SimulatedPlanter(
        "lesions", "lesion", "last_negative_date", _shifted("last_negative_date", "detection_date", 0)
    ),
    "M01": SimulatedPlanter("measurements", "measurement", "long_axis", _huge),
    "M02": SimulatedPlanter("measurements", "measurement", "short_axis", _short_over_long),
    "T02": SimulatedPlanter("courses", "lrt_course", "start_date", _shifted("start_date", "omd_date", -40)),
    "T04": SimulatedPlanter("courses", "lrt_course", "total_dose", _double_total),
    "T05": SimulatedPlanter("courses", "lrt_course", "total_dose", _hundredfold),
    "T06": SimulatedPlanter("courses", "lrt_course", "bed10", _plus("bed10", 15)),
    "T07": SimulatedPlanter("courses", "lrt_course", "technique", _other_technique, False),
    "T08": SimulatedPlanter("courses", "lrt_course", "planned", _more_planned, False),
    "U01": SimulatedPlanter(
        "contacts", "followup", "contact_date", _shifted("contact_date", "start_date", -60), False
    ),
    "S18": SimulatedPlanter("contacts", "followup", "patient", _stranger),
    "H02": SimulatedPlanter("deaths", "death", "death_date", _shifted("death_date", "start_date", -100)),
}
_FACTS = (
    ("tumours", "dx_date"),
    ("courses", "start_date"),
    ("episodes", "omd_date"),
)


@dataclass(frozen=True)
class PlantedCell:
    """A mistake in a chunk: ``row`` is the position in the chunk's frame of ``file``."""

    rule_id: str
    file: str
    row: int
    planter: SimulatedPlanter


def plant_in_chunk(
    frames: Frames, texts: Frames, profile: Profile, rate: float, rng: np.random.Generator
) -> list[PlantedCell]:
    """Break one rule for each of about ``rate`` of the patients; ``texts`` is changed in place.

    A rule that needs a row that the patient does not have (a death) is left out for her.
    """
    numbers = frames["patients"]["patient_no"].to_numpy()
    chosen = numbers[rng.random(len(numbers)) < rate]
    rules = rng.choice(np.array(list(SIMULATED_PLANTERS)), len(chosen))
    planted: list[PlantedCell] = []
    for rule_id, planter in SIMULATED_PLANTERS.items():
        patients = chosen[rules == rule_id]
        if len(patients):
            planted += _plant(frames, texts, profile, rule_id, planter, patients)
    return planted


def _plant(
    frames: Frames,
    texts: Frames,
    profile: Profile,
    rule_id: str,
    planter: SimulatedPlanter,
    patients: np.ndarray,
) -> list[PlantedCell]:
    frame = frames[planter.file]
    own = frame["patient_no"].to_numpy()
    places = np.searchsorted(own, patients)
    is_there = places < len(own)
    is_there[is_there] &= own[places[is_there]] == patients[is_there]
    places = places[is_there]
    if not len(places):
        return []
    made = planter.make(Chosen(_with_facts(frames, frame[places]), profile))
    text = texts[planter.file]
    texts[planter.file] = text.with_columns(
        [text[column].scatter(places, pl.Series(values, dtype=pl.String)) for column, values in made.items()]
    )
    return [PlantedCell(rule_id, planter.file, int(place), planter) for place in places]


def _with_facts(frames: Frames, rows: pl.DataFrame) -> pl.DataFrame:
    for file, column in _FACTS:
        if column not in rows.columns:
            facts = frames[file].select("patient_no", column)
            rows = rows.join(facts, on="patient_no", how="left", maintain_order="left")
    return rows
