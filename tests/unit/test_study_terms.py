"""What this study asks is named in schemas/study.py: an engine room knows no endpoint, origin or covariate."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import schemas
from schemas import study
from schemas.table import columns_of

ROOT = Path(__file__).parents[2] / "registry_pipeline"
ROOMS = ("core", "intake", "validation", "store", "analysis", "pipeline", "stewardship", "web")
PAGES = (
    "reporting/document",
    "reporting/figures",
    "reporting/release",
    "reporting/quality",
    "reporting/sections",
)
COUNTS = {"n_lesions"}
"""Also the name of a count in result tables."""
RECORDED = {"histology_group", "figo_stage", "facility_id", "is_dead", "lesion_site"}
"""Also columns of curated tables, by which records are linked and judged."""
TERMS = {*study.ENDPOINTS, *study.ORIGINS, *study.VARIABLES} - COUNTS - RECORDED - {study.OVERALL.name}
EVENTS = {"analysis/survival/recurrence.py": {"new_oligomet"}, "study/course.py": {"new_oligomet"}}
"""Kinds of recurrence, which share the name of an endpoint."""


def literals(path: Path) -> set[str]:
    """Texts of a module that are exactly a name."""
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    return {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}


@pytest.mark.parametrize("room", [*ROOMS, *PAGES, "study"])
def test_no_room_names_a_term_of_the_study_by_itself(room: str) -> None:
    named = {}
    for path in sorted((ROOT / room).rglob("*.py")):
        own = str(path.relative_to(ROOT))
        if found := (literals(path) & TERMS) - EVENTS.get(own, set()):
            named[own] = found
    assert not named


def test_variables_of_the_study_are_columns_of_the_cohort_or_the_registry() -> None:
    known = {
        column.name
        for table in ("mart.cohort", "mart.registry_patient", "mart.lesion_growth", "mart.vital_status")
        for column in columns_of(schemas.tables()[table])
    }
    assert set(study.VARIABLES) - {study.OVERALL.name} <= known


def test_groupings_and_covariates_are_entered() -> None:
    for names in (study.COHORT_GROUPINGS, study.REGISTRY_GROUPINGS, study.MAIN_GROUPINGS, study.DESCRIBED):
        assert set(names) <= set(study.VARIABLES)
    for names in (study.UNIVARIABLE, study.MULTIVARIABLE, study.MAIN_COVARIATES, study.REGISTRY_COVARIATES):
        assert set(names) <= set(study.COVARIATES)


def test_endpoints_and_origins_are_those_of_the_code_lists() -> None:
    from schemas import codes

    assert set(study.ENDPOINTS) == set(codes.ENDPOINT.codes)
    assert set(study.ORIGINS) == set(codes.ORIGIN.codes)


def test_a_level_follows_the_cutpoint() -> None:
    assert study.SIZE_GROUP.level("small", 20) == "≤ 20 mm"
    assert study.IS_SMALL.group("False", 7.5) == "largest diameter > 7.5 mm"
    assert study.REGIONAL.group("True", 15) == "with concurrent pelvic or para-aortic recurrence"
    assert study.FIGO_GROUP.group("III", 15) == "FIGO stage III"
