"""Rules that take another row, or several files, to break.

Belongs here: ``RECORD_PLANTERS``. Does not belong here: mistakes in one row (``simulate/population/cell_errors.py``).
"""

from collections.abc import Callable
from datetime import timedelta

import numpy as np
import polars as pl

from registry_pipeline.simulate.population.planting import Change, Chosen, SimulatedPlanter
from registry_pipeline.simulate.population.population import EXTRACT_DATE

_LOST_SINCE = EXTRACT_DATE - timedelta(days=400)


def _named(chosen: Chosen, file: str, **key: object) -> Change:
    """The row that the finding will name, as it is."""
    return Change(file, chosen.at(file, **key), {})


def _dates(chosen: Chosen, days: pl.Series) -> list[str]:
    return chosen.profile.date_text(days)


def _second_index(chosen: Chosen) -> list[Change]:
    cells = {"episode_no": chosen.text("2"), "omd_date": chosen.day("omd_date", 90)}
    return [Change("episodes", chosen.at("episodes"), cells, is_new=True)]


def _no_ct(chosen: Chosen) -> list[Change]:
    return [
        _named(chosen, "episodes"),
        Change("exams", chosen.at("exams", exam="D"), {"modality": chosen.text("us")}),
    ]


def _dead_in_a_visit(chosen: Chosen) -> list[Change]:
    places = chosen.last("contacts")
    return [Change("contacts", places, {"alive": chosen.text("no"), "status": chosen.text("unk")})]


def _same_lesion_other_site(chosen: Chosen) -> list[Change]:
    cells = {"site": chosen.text("adrenal"), "icd10": chosen.text("C79.7"), "is_node": chosen.text("no")}
    return [_named(chosen, "lesions"), Change("lesions", chosen.at("lesions"), cells, is_new=True)]


def _lesion_twice(chosen: Chosen) -> list[Change]:
    number = {"lesion_no": chosen.text("9")}
    return [
        Change(file, chosen.at(file), number, is_new=True) for file in ("lesions", "measurements", "targets")
    ]


def _measured_while_negative(chosen: Chosen) -> list[Change]:
    return [
        _named(chosen, "lesions"),
        Change("measurements", chosen.at("measurements"), {"exam": chosen.text("N")}, is_new=True),
    ]


def _small_node(chosen: Chosen) -> list[Change]:
    short = chosen.text(chosen.profile.length(7))
    return [
        Change("measurements", chosen.at("measurements"), {"short_axis": short}),
        Change("lesions", chosen.at("lesions"), {"biopsied": chosen.text("no")}),
    ]


def _exam_before_therapy(chosen: Chosen) -> Change:
    cells = {"exam": chosen.text("P"), "exam_date": chosen.day("omd_date", 5)}
    return Change("exams", chosen.at("exams", exam="D"), cells, is_new=True)


def _shrunk(chosen: Chosen) -> list[Change]:
    half = [chosen.profile.length(fact / 2) for fact in chosen.facts["size"]]
    less = [chosen.profile.length(fact / 3) for fact in chosen.facts["size"]]
    cells = {"exam": chosen.text("P"), "long_axis": half, "short_axis": less}
    new = Change("measurements", chosen.at("measurements"), cells, is_new=True)
    return [new, _exam_before_therapy(chosen)]


def _copied(chosen: Chosen) -> list[Change]:
    sizes = {"size": [f"{fact:g} x {fact / 2:g} mm" for fact in chosen.facts["size"]]}
    again = Change("measurements", chosen.at("measurements"), {"exam": chosen.text("P")}, is_new=True)
    return [Change("reports", chosen.at("reports"), sizes), again, _exam_before_therapy(chosen)]


def _other_modality(chosen: Chosen) -> list[Change]:
    return [
        _named(chosen, "reports"),
        Change("exams", chosen.at("exams", exam="R"), {"modality": chosen.text("mri")}),
    ]


def _other_size(chosen: Chosen) -> list[Change]:
    sizes = {"long_axis": [chosen.profile.length(fact + 1) for fact in chosen.facts["size"]]}
    return [
        _named(chosen, "measurements"),
        Change("measurements", chosen.at("measurements"), sizes, is_new=True),
    ]


def _other_cause(chosen: Chosen) -> list[Change]:
    return [_named(chosen, "deaths"), Change("civil", chosen.at("civil"), {"cause": chosen.text("other")})]


def _other_day(chosen: Chosen) -> list[Change]:
    return [
        _named(chosen, "deaths"),
        Change("civil", chosen.at("civil"), {"death_date": chosen.day("death_date", 40)}),
    ]


def _untreated(chosen: Chosen) -> list[Change]:
    return [
        _named(chosen, "lesions"),
        Change("targets", chosen.at("targets", lesion_no=1), {"lesion_no": chosen.text("2")}),
    ]


def _same_field_again(chosen: Chosen) -> list[Change]:
    second = {"course_no": chosen.text("2")}
    days = {"start_date": chosen.day("start_date", 182), "end_date": chosen.day("end_date", 182)}
    return [
        Change("courses", chosen.at("courses"), second | days, is_new=True),
        Change("targets", chosen.at("targets"), second, is_new=True),
    ]


def _examined_later(chosen: Chosen) -> list[Change]:
    cells = {"exam": chosen.text("Z"), "exam_date": chosen.day("last_date", 10)}
    return [
        Change("contacts", chosen.last("contacts"), {}),
        Change("exams", chosen.at("exams", exam="N"), cells, is_new=True),
    ]


def _lost_to_follow_up(chosen: Chosen) -> list[Change]:
    """Every contact of the last year moved to one that lies long ago."""
    rows = chosen.frames["contacts"].with_row_index("_place")
    late = rows.filter(
        pl.col("patient_no").is_in(chosen.facts["patient_no"].implode())
        & (pl.col("contact_date") > _LOST_SINCE)
    )
    when = _dates(chosen, pl.Series([_LOST_SINCE] * len(late), dtype=pl.Date))
    return [
        _named(chosen, "patients"),
        Change("contacts", late["_place"].to_numpy().astype(np.int64), {"contact_date": when}),
    ]


def _new_lesion(chosen: Chosen) -> list[Change]:
    cells = {
        "lesion_no": chosen.text("8"),
        "status": chosen.text("new"),
        "detection_date": chosen.day("end_date", 3),
    }
    return [Change("lesions", chosen.at("lesions"), cells, is_new=True)]


def _other_birth(chosen: Chosen) -> list[Change]:
    return [
        _named(chosen, "patients"),
        Change("patients", chosen.at("patients"), {"birth_date": chosen.day("birth_date", 400)}, is_new=True),
    ]


def _twin(chosen: Chosen) -> list[Change]:
    number = {"patient": [f"Q{fact:08d}" for fact in chosen.facts["patient_no"]]}
    return [Change(file, chosen.at(file), number, is_new=True) for file in ("patients", "tumours")]


def _test_patient(chosen: Chosen) -> list[Change]:
    number = [f"TEST{fact:08d}" for fact in chosen.facts["patient_no"]]
    cells = {"patient": number, "birth_date": chosen.day("birth_date", 3)}
    return [Change("patients", chosen.at("patients"), cells, is_new=True)]


def _early_metastasis(chosen: Chosen) -> list[Change]:
    cells = {
        "detection_date": chosen.day("dx_date", 60),
        "last_negative_date": chosen.day("dx_date", 10),
    }
    return [_named(chosen, "tumours"), Change("lesions", chosen.at("lesions"), cells)]


def _line_out_of_order(chosen: Chosen) -> list[Change]:
    cells = {"line_no": chosen.text("0"), "start_date": chosen.day("end_date", 60)}
    return [Change("systemic", chosen.at("systemic"), cells, is_new=True)]


def _planter(
    file: str,
    table: str,
    item: str,
    make: Callable[[Chosen], list[Change]],
    needs: pl.Expr | None = None,
    is_error: bool = False,
) -> SimulatedPlanter:
    return SimulatedPlanter(file, table, item, make, needs, is_error)


_HAS_NO_EVENT = ~pl.col("has_recurrence") & ~pl.col("has_spread")

RECORD_PLANTERS: dict[str, SimulatedPlanter] = {
    "E01": _planter("episodes", "omd_episode", "index", _second_index, None, True),
    "E11": _planter("episodes", "omd_episode", "omd_date", _no_ct, pl.col("size") > 0),
    "H01": _planter("contacts", "followup", "alive", _dead_in_a_visit, ~pl.col("is_dead")),
    "L01": _planter("lesions", "lesion", "site", _same_lesion_other_site, pl.col("site") != "adrenal", True),
    "L04": _planter("lesions", "lesion", "lesion_no", _lesion_twice, None),
    "L07": _planter(
        "lesions", "lesion", "last_negative_date", _measured_while_negative, None, True
    ),
    "M05": _planter("measurements", "measurement", "short_axis", _small_node, pl.col("site") == "scf"),
    "M07": _planter("measurements", "measurement", "long_axis", _shrunk, pl.col("size") >= 12),
    "M09": _planter("reports", "measurement", "exam", _other_modality, pl.col("has_reports"), False),
    "M10": _planter("reports", "measurement", "size", _copied, pl.col("has_reports")),
    "S16": _planter("measurements", "measurement", "long_axis", _other_size, None, True),
    "S17": _planter("deaths", "death", "cause", _other_cause, pl.col("has_civil")),
    "H03": _planter("deaths", "death", "death_date", _other_day, pl.col("has_civil")),
    "T01": _planter("lesions", "lesion", "lesion_no", _untreated, pl.col("n_lesions") > 1, True),
    "T10": _planter(
        "courses", "lrt_course", "start_date", _same_field_again,
        _HAS_NO_EVENT & ~pl.col("is_dead") & (pl.col("last_date") - pl.col("end_date") > timedelta(days=200)),
    ),
    "U02": _planter(
        "contacts", "followup", "contact_date", _examined_later,
        ~pl.col("is_dead") & (pl.col("last_date") < EXTRACT_DATE - timedelta(days=20)),
    ),
    "U03": _planter(
        "patients", "patient", "patient", _lost_to_follow_up,
        _HAS_NO_EVENT & ~pl.col("is_dead"),
    ),
    "U08": _planter("lesions", "lesion", "status", _new_lesion, _HAS_NO_EVENT),
    "V01": _planter("patients", "patient", "birth_date", _other_birth, None, True),
    "V05": _planter("patients", "patient", "patient", _twin, None),
    "V06": _planter("patients", "patient", "patient", _test_patient, None, True),
    "V17": _planter("tumours", "primary_tumour", "figo_stage", _early_metastasis, None, True),
    "Y02": _planter("systemic", "systemic_line", "line_no", _line_out_of_order, pl.col("has_systemic")),
}  # fmt: skip
