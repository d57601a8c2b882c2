"""What this study asks is named in schemas/study/: an engine room knows no endpoint, origin or covariate."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import schemas
from registry_pipeline.core.sql_files import SQL_FOLDER, read_sql
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


def test_the_sql_of_its_mart_alone_names_an_endpoint() -> None:
    """Checks, rules and views judge every endpoint that the study has; only survival itself is one that they know."""
    own = set(study.ENDPOINTS) - set(study.RECURRENCE_PATTERNS) - {study.OS.name}
    queries = {
        path: read_sql(path).query for path in SQL_FOLDER.rglob("*.sql") if path.parent.name != "parts"
    }
    named = {path.name for path, query in queries.items() if any(f"'{name}'" in query for name in own)}
    assert named == {"survival_time.sql"}


def test_every_code_of_a_pattern_is_a_kind_of_recurrence() -> None:
    patterns = [endpoint.pattern for endpoint in study.ENDPOINTS.values() if endpoint.pattern]
    assert set(patterns) <= set(study.RECURRENCE_PATTERNS) and len(set(patterns)) == len(patterns)


def test_an_endpoint_includes_only_endpoints_with_nothing_competing() -> None:
    """Events are counted among events only where none of them is kept from happening."""
    for endpoint in study.ENDPOINTS.values():
        for included in endpoint.includes:
            assert not (endpoint.competing_event or included.competing_event)


def test_a_level_follows_the_cutpoint() -> None:
    assert study.SIZE_GROUP.level("small", 20) == "≤ 20 mm"
    assert study.IS_SMALL.group("False", 7.5) == "largest diameter > 7.5 mm"
    assert study.REGIONAL.group("True", 15) == "with concurrent pelvic or para-aortic recurrence"
    assert study.STAGE_GROUP.group("III", 15) == "FIGO stage III"


DISEASE_WORDS = re.compile(
    r"figo|cervi|squamous|adenocarcinoma|scc_ag|supraclav|para-?aortic|pelvi|\bscf\b|\bhpv\b|vagin|parametrium",
    re.IGNORECASE,
)
STANDARDS = {
    "intake/readers/fhir/kinds.py": "names of profiles and codes that mCODE itself gives",
    "intake/parsing/neutral_words.py": "words of anatomy, which are no names of persons",
    "study/published.py": "the published numbers that this study is compared with",
    "reporting/release/disclosure/remarks.py": "items of the same publication",
}
"""Modules whose own matter holds such a word, and why."""


def test_no_engine_room_says_what_only_this_disease_knows() -> None:
    """Another disease exchanges ``schemas/disease/``, ``schemas/study/`` and SQL of marts, and no module or page here."""
    named = {}
    for path in sorted({*ROOT.rglob("*.py"), *ROOT.rglob("*.html"), *ROOT.rglob("*.toml")}):
        own = str(path.relative_to(ROOT))
        if own.startswith("simulate/") or own in STANDARDS:
            continue
        if words := set(DISEASE_WORDS.findall(path.read_text(encoding="utf-8"))):
            named[own] = words
    assert not named


def test_modules_excused_from_it_hold_such_words() -> None:
    for own in STANDARDS:
        assert DISEASE_WORDS.search((ROOT / own).read_text(encoding="utf-8")), own
