"""What runs in a step stands in the key of what the step makes: other code there makes it anew."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

import schemas
from registry_pipeline.core import source_code
from registry_pipeline.core.home import Home
from registry_pipeline.core.settings import Study
from registry_pipeline.intake.raw import store as raw_store
from registry_pipeline.intake.submissions import rows_in_force
from registry_pipeline.pipeline import analysis_keys, screening, staging, step_keys, suggestions
from registry_pipeline.pipeline.context import RefreshContext, read_context
from registry_pipeline.pipeline.refresh import refresh
from registry_pipeline.store import refill, release
from registry_pipeline.study.analysis import Inputs
from registry_pipeline.study.estimates import analyses
from registry_pipeline.validation.rules.catalogue import catalogue
from tests.support.registry_home import HOSPITAL, good_files, send_all, small_home, without_reports
from tests.unit.steps.drawn_marts import drawn_marts

STUDY = Study(bootstrap_replicates=2)
ROOT = Path(source_code.__file__).resolve().parents[2]
STEPS: dict[str, tuple[Any, Callable[[RefreshContext], object]]] = {
    "_stage": (staging, lambda context: step_keys.staging_digest(context, HOSPITAL)),
    "_screen": (screening, lambda context: step_keys.screening_digest(context, HOSPITAL)),
    "_make": (suggestions, lambda context: suggestions._step(context, HOSPITAL)),
    "read_landed": (rows_in_force, lambda context: raw_store._digest(*_landed(context))),
    "_write_database": (release, lambda _: refill.built_by()),
}
"""Function that does the work -> where it is called from, and what gives the key of what it makes."""
KEYED = (step_keys, suggestions, raw_store, refill)
PACKAGES = ("registry_pipeline/", "schemas/")


NOTED: list[set[str]] = []
"""Of each block that is open the files whose functions ran in it."""


@contextmanager
def noting_files() -> Iterator[set[str]]:
    """Files of the product of which a function runs inside the block, in whatever thread."""
    codes: set[str] = set()
    files: set[str] = set()
    NOTED.append(codes)
    threading.setprofile(note)
    sys.setprofile(note)
    try:
        yield files
    finally:
        NOTED.pop()
        if not NOTED:
            sys.setprofile(None)
            threading.setprofile(None)
        own = (name.removeprefix(f"{ROOT}/") for name in codes)
        files |= {name for name in own if name.startswith(PACKAGES)}


def note(frame: FrameType, event: str, _: object) -> None:
    if event == "call":
        for codes in NOTED:
            codes.add(frame.f_code.co_filename)


def _landed(context: RefreshContext) -> tuple[Any, Any, Any]:
    """A landed file, its source and the limits."""
    return context.ledgers[HOSPITAL][0], context.facility(HOSPITAL).sources[0], context.settings.limits


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    made = small_home(tmp_path_factory.mktemp("keys") / "home")
    files = good_files()
    files["patients_1.csv"] = str(files["patients_1.csv"]).replace("1951-03-14", "1851-03-14", 1)  # a slip
    send_all(made, files)
    return made


@pytest.fixture(scope="module")
def ran(home: Home) -> dict[str, set[str]]:
    """Function of a step -> files of which a function ran in it."""
    schemas.tables(), catalogue()  # declarations run when they are loaded
    found: dict[str, set[str]] = {}

    def noted(module: Any, function: str, patch: pytest.MonkeyPatch) -> None:
        work: Callable[..., Any] = getattr(module, function)

        def run(*given: Any, **named: Any) -> Any:
            with noting_files() as files:
                result = work(*given, **named)
            found.setdefault(function, set()).update(files)
            return result

        patch.setattr(module, function, run)

    with pytest.MonkeyPatch.context() as patch, without_reports():
        for function, (module, _) in STEPS.items():
            noted(module, function, patch)
        refresh(home)
    return found


@pytest.mark.parametrize("function", STEPS)
def test_a_step(function: str, home: Home, ran: dict[str, set[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    modules: list[str] = []
    rooms: list[str] = []
    for keyed in KEYED:
        monkeypatch.setattr(keyed, "code_digest", lambda *names: modules.extend(names) or "")
        monkeypatch.setattr(keyed, "rooms_digest", lambda *names: rooms.extend(names) or "", raising=False)
    for kept in (step_keys._typed_by, refill.built_by):
        kept.cache_clear()
    STEPS[function][1](read_context(home))
    for kept in (step_keys._typed_by, refill.built_by):
        kept.cache_clear()
    known = {Path(path).relative_to(ROOT).as_posix() for path in source_code._closure(modules)}
    missing = {
        name for name in ran[function] - known if not name.startswith(tuple(f"{room}/" for room in rooms))
    }
    assert len(ran[function]) > 5 and missing == set()


@pytest.mark.parametrize("name", sorted(name for name, one in analyses().items() if not one.result_reads))
def test_an_analysis(name: str) -> None:
    analysis = analyses()[name]
    marts = drawn_marts()
    with noting_files() as files:
        analysis.tables(Inputs(marts, STUDY))
    paths = source_code._closure((analysis.run.__module__, *analysis_keys._ESTIMATION))
    known = {Path(path).relative_to(ROOT).as_posix() for path in paths}
    assert len(files) > 5 and files - known == set()
