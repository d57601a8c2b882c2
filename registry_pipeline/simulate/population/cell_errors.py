"""Rules that a wrong cell or two of one row break.

Belongs here: ``CELL_PLANTERS``. Does not belong here: mistakes that take several rows or files
(``simulate/population/record_errors.py``).
"""

from collections.abc import Callable
from datetime import date

import polars as pl

from registry_pipeline.simulate.population.planting import Change, Chosen, SimulatedPlanter, Texts

Cells = Callable[[Chosen, pl.DataFrame], dict[str, Texts]]


def _on(file: str, cells: Cells, **key: object) -> Callable[[Chosen], list[Change]]:
    """A change of each patient's first row of a file (with ``key``)."""

    def make(chosen: Chosen) -> list[Change]:
        places = chosen.at(file, **key)
        return [Change(file, places, cells(chosen, chosen.rows(file, places)))]

    return make


def _planter(
    file: str,
    table: str,
    item: str,
    cells: Cells,
    needs: pl.Expr | None = None,
    is_error: bool = True,
    **key: object,
) -> SimulatedPlanter:
    return SimulatedPlanter(file, table, item, _on(file, cells, **key), needs, is_error)


def _text(**cells: str) -> Cells:
    return lambda chosen, _: {name: chosen.text(value) for name, value in cells.items()}


def _day(item: str, fact: str, days: int) -> Cells:
    return lambda chosen, _: {item: chosen.day(fact, days)}


def _plus(item: str, amount: float) -> Cells:
    return lambda _, rows: {item: [f"{row + amount:g}" for row in rows[item]]}


def _impossible(chosen: Chosen, _: pl.DataFrame) -> dict[str, Texts]:
    sample = chosen.profile.date_format.replace("%Y", "2013").replace("%m", "02").replace("%d", "30")
    return {"dx_date": chosen.text(sample)}


def _other_class(_: Chosen, rows: pl.DataFrame) -> dict[str, Texts]:
    other = {
        "de_novo_synchronous": "metachronous_oligorecurrence",
        "metachronous_oligorecurrence": "de_novo_synchronous",
    }
    return {"omd_class": [other[row] for row in rows["omd_class"]]}


def _short_over_long(chosen: Chosen, rows: pl.DataFrame) -> dict[str, Texts]:
    return {"short_axis": [chosen.profile.length(row + 4) for row in rows["long_axis"]]}


def _dose(factor: float) -> Cells:
    return lambda chosen, rows: {
        "total_dose": [chosen.profile.dose(row * factor) for row in rows["total_dose"]]
    }


def _length(**millimetres: float) -> Cells:
    return lambda chosen, _: {
        name: chosen.text(chosen.profile.length(value)) for name, value in millimetres.items()
    }


def _both(*parts: Cells) -> Cells:
    def cells(chosen: Chosen, rows: pl.DataFrame) -> dict[str, Texts]:
        return {name: texts for part in parts for name, texts in part(chosen, rows).items()}

    return cells


def _stranger(_: Chosen, rows: pl.DataFrame) -> dict[str, Texts]:
    return {"patient": [f"U{row:08d}" for row in rows["patient_no"]]}


def _swapped(item: str, first: str, second: str) -> Cells:
    return lambda _, rows: {item: [second if row == first else first for row in rows[item]]}


def _more_planned(chosen: Chosen, rows: pl.DataFrame) -> dict[str, Texts]:
    return {"planned": [str(row + 4) for row in rows["planned"]], "ended": chosen.text("")}


def _tenth(_: Chosen, rows: pl.DataFrame) -> dict[str, Texts]:
    """The size in words of a report, a tenth of it: centimetres written as millimetres."""
    return {"size": [f"{float(row.split(' ')[0]) / 8:g} mm" for row in rows["size"]]}


def _without_unit(_: Chosen, rows: pl.DataFrame) -> dict[str, Texts]:
    return {"size": [row.removesuffix(" mm") for row in rows["size"]]}


_BEFORE_WINDOW = date(2006, 6, 15)
_IS_METACHRONOUS = pl.col("omd_class") == "metachronous_oligorecurrence"
_IS_NODE = pl.col("site") == "scf"
_IS_FULL_DOSE = pl.col("technique") == "sbrt"

CELL_PLANTERS: dict[str, SimulatedPlanter] = {
    "V02": _planter("patients", "patient", "sex", _text(sex="M")),
    "V03": _planter("patients", "patient", "birth_date", _day("birth_date", "dx_date", -3000)),
    "S05": _planter("patients", "patient", "sex", _text(sex="X")),
    "E14": _planter("patients", "patient", "consent", _text(consent="no"), None, False),
    "V04": _planter("tumours", "primary_tumour", "age_years", _plus("age_years", 12)),
    "V07": _planter("tumours", "primary_tumour", "topography", _text(topography="C54.1")),
    "V08": _planter("tumours", "primary_tumour", "morphology", _text(morphology="80703")),
    "V09": _planter(
        "tumours", "primary_tumour", "morphology", _text(morphology="8720/3", histology="other"), None, False
    ),
    "V10": _planter(
        "tumours", "primary_tumour", "histology", _swapped("histology", "scc", "adeno"), None, False
    ),
    "V11": _planter("tumours", "primary_tumour", "basis", _text(basis="1")),
    "V12": _planter("tumours", "primary_tumour", "grade", _text(grade="7")),
    "V13": _planter("tumours", "primary_tumour", "figo_stage", _text(figo_stage="IIIC1")),
    "V14": _planter("tumours", "primary_tumour", "figo_edition", _text(figo_edition="")),
    "V15": _planter(
        "tumours", "primary_tumour", "tumour_size", _length(tumour_size=70), pl.col("figo_stage") == "IB1", False
    ),
    "V16": _planter(
        "tumours", "primary_tumour", "figo_stage", _text(figo_stage="IIIC1", figo_edition="2018"), None, False
    ),
    "V18": _planter(
        "tumours", "primary_tumour", "figo_stage", _text(figo_stage="IVB"), _IS_METACHRONOUS, False
    ),
    "V20": _planter("tumours", "primary_tumour", "scc_ag", _text(scc_ag="1500"), None, False),
    "V25": _planter("tumours", "primary_tumour", "tumour_size", _text(tumour_size="0"), None, False),
    "S09": _planter("tumours", "primary_tumour", "dx_date", _impossible),
    "V21": _planter("treatments", "primary_treatment", "start_date", _day("start_date", "dx_date", -60)),
    "V22": _planter(
        "treatments", "primary_treatment", "modality", _text(modality="surgery", dose="", fractions=""),
        pl.col("figo_stage") == "IVA", False,
    ),
    "V23": _planter(
        "treatments", "primary_treatment", "start_date",
        _both(_day("start_date", "dx_date", 250), _day("end_date", "dx_date", 283)), None, False,
    ),
    "V24": _planter("treatments", "primary_treatment", "modality", _text(modality="ccrt")),
    "V26": _planter("treatments", "primary_treatment", "dose", _text(dose="0"), None, False),
    "E02": _planter("episodes", "omd_episode", "omd_date", _day("omd_date", "dx_date", -200)),
    "E03": _planter("episodes", "omd_episode", "n_lesions", _plus("n_lesions", 2), None, False),
    "E13": _planter(
        "episodes", "omd_episode", "n_lesions", _plus("n_lesions", 1), pl.col("n_lesions") < 3, False
    ),
    "E06": _planter("episodes", "omd_episode", "omd_class", _other_class),
    "E07": _planter("episodes", "omd_episode", "omd_class", _text(omd_class="induced_oligorecurrence")),
    "E08": _planter(
        "episodes", "omd_episode", "omd_class", _text(omd_class="metachronous_oligoprogression"),
        _IS_METACHRONOUS, False,
    ),
    "E09": _planter(
        "episodes", "omd_episode", "primary_status", _text(primary_status="residual"), _IS_METACHRONOUS, False
    ),
    "E10": _planter(
        "episodes", "omd_episode", "concurrent_regional", _text(concurrent_regional="yes"),
        pl.col("concurrent_regional") == "no",
    ),
    "E12": _planter("episodes", "omd_episode", "site_group", _swapped("site_group", "scf", "lung")),
    "S19": _planter("episodes", "omd_episode", "n_lesions", _text(n_lesions="-2"), None, False),
    "E04": _planter(
        "lesions", "lesion", "site", _text(site="brain", icd10="C79.3", side="na", is_node="no"), None, False
    ),
    "L02": _planter("lesions", "lesion", "side", _text(side="mid"), pl.col("site") != "liver"),
    "L03": _planter("lesions", "lesion", "icd10", _text(icd10="C79.7")),
    "L05": _planter(
        "lesions", "lesion", "last_negative_date", _day("last_negative_date", "detection_date", 0)
    ),
    "L06": _planter(
        "lesions", "lesion", "last_negative_date", _day("last_negative_date", "detection_date", -900), None, False
    ),
    "S14": _planter("lesions", "lesion", "site", _text(site="")),
    "V19": _planter(
        "lesions", "lesion", "site", _text(site="paraaortic", icd10="C77.2", side="na", is_node="yes"), None, False
    ),
    "M01": _planter("measurements", "measurement", "long_axis", _length(long_axis=260)),
    "M02": _planter("measurements", "measurement", "short_axis", _short_over_long),
    "M06": _planter(
        "measurements", "measurement", "measurable",
        _both(_length(long_axis=8, short_axis=6), _text(measurable="yes")), ~_IS_NODE, False,
    ),
    "M11": _planter("measurements", "measurement", "suvmax", _text(suvmax="6.3"), None, False),
    "M12": _planter("measurements", "measurement", "lower", _length(lower=90, upper=80)),
    "M08": _planter("exams", "imaging_exam", "exam_date", _day("exam_date", "birth_date", -100)),
    "M03": _planter(
        "reports", "measurement", "size", _text(size="about as large as a plum"), pl.col("has_reports")
    ),
    "M04": _planter("reports", "measurement", "size", _tenth, pl.col("has_reports") & (pl.col("size") >= 16), False),
    "S13": _planter("reports", "measurement", "size", _without_unit, pl.col("has_reports"), False),
    "T02": _planter("courses", "lrt_course", "start_date", _day("start_date", "omd_date", -40)),
    "T03": _planter(
        "courses", "lrt_course", "intent", _text(intent="palliative"), pl.col("intent") == "definitive", False
    ),
    "T04": _planter("courses", "lrt_course", "total_dose", _dose(1.5)),
    "T05": _planter("courses", "lrt_course", "total_dose", _dose(100)),
    "T06": _planter("courses", "lrt_course", "bed10", _plus("bed10", 15)),
    "T07": _planter("courses", "lrt_course", "technique", _swapped("technique", "imrt", "sbrt"), None, False),
    "T08": _planter("courses", "lrt_course", "planned", _more_planned, None, False),
    "T09": _planter("courses", "lrt_course", "end_date", _day("end_date", "end_date", 60), None, False),
    "T11": _planter("courses", "lrt_course", "modality", _text(modality="ablation"), _IS_FULL_DOSE),
    "T12": _planter("courses", "lrt_course", "end_date", _day("end_date", "start_date", -5)),
    "E05": _planter(
        "courses", "lrt_course", "start_date",
        lambda chosen, rows: {
            "start_date": chosen.profile.date_text(pl.Series([_BEFORE_WINDOW] * len(rows))),
        },
        pl.col("start_date").dt.year() > 2006, False,
    ),
    "Y01": _planter("systemic", "systemic_line", "end_date", _day("end_date", "start_date", -30), pl.col("has_systemic")),
    "X01": _planter("toxicity", "toxicity", "grade", _text(grade="7"), pl.col("has_toxicity")),
    "X02": _planter(
        "toxicity", "toxicity", "onset_date", _day("onset_date", "start_date", -30), pl.col("has_toxicity"), False
    ),
    "S10": _planter("contacts", "followup", "contact_date", _text(contact_date="")),
    "U01": _planter("contacts", "followup", "contact_date", _day("contact_date", "start_date", -60), None, False),
    "U09": _planter("contacts", "followup", "alive", _text(alive="", source=""), None, False),
    "S18": _planter("contacts", "followup", "patient", _stranger),
    "S11": _planter("letters", "followup", "date", _text(date="43567"), pl.col("has_letters")),
    "S12": _planter("letters", "followup", "date", _text(date="03/04/2019"), pl.col("has_letters")),
    "U04": _planter("events", "event", "lesion_no", _text(lesion_no="9"), pl.col("has_recurrence"), True, event="LR"),
    "U05": _planter(
        "events", "event", "new_lesions", _text(type="new_oligomet", new_lesions="7"), pl.col("has_spread"), True,
        event="PM",
    ),
    "U06": _planter("events", "event", "evidence", _text(evidence="clinical"), pl.col("has_recurrence"), False, event="LR"),
    "U07": _planter(
        "events", "event", "event_date", _day("event_date", "death_date", 30),
        pl.col("is_dead") & (pl.col("has_recurrence") | pl.col("has_spread")),
    ),
    "H02": _planter("deaths", "death", "death_date", _day("death_date", "start_date", -100), pl.col("is_dead")),
}  # fmt: skip
