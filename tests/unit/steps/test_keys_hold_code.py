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
from registry_pipeline.core.settings import Study
from registry_pipeline.pipeline import analysis_keys, screening, staging, step_keys
from registry_pipeline.pipeline.refresh import refresh
from registry_pipeline.store import refill, release
from registry_pipeline.study.analysis import Inputs
from registry_pipeline.study.estimates import analyses
from registry_pipeline.validation.rules.catalogue import catalogue
from tests.support.registry_home import good_files, send_all, small_home, without_reports
from tests.unit.steps.drawn_marts import drawn_marts

STUDY = Study(bootstrap_replicates=2)
ROOT = Path(source_code.__file__).resolve().parents[2]
PACKAGES = ("registry_pipeline/", "schemas/")


@contextmanager
def noting_files() -> Iterator[set[str]]:
    """Files of the product of which a function runs inside the block, in whatever thread."""
    codes: set[str] = set()
    files: set[str] = set()

    def note(frame: FrameType, event: str, _: object) -> None:
        if event == "call":
            codes.add(frame.f_code.co_filename)

    threading.setprofile(note)
    sys.setprofile(note)
    try:
        yield files
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
        own = (name.removeprefix(f"{ROOT}/") for name in codes)
        files |= {name for name in own if name.startswith(PACKAGES)}


def closure(*modules: str) -> set[str]:
    return {Path(path).relative_to(ROOT).as_posix() for path in source_code._closure(modules)}


def lies_in(name: str, rooms: tuple[str, ...]) -> bool:
    return any(name.startswith(f"{room}/") for room in rooms)


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """Step -> files of which a function ran in it."""
    home = small_home(tmp_path_factory.mktemp("keys") / "home")
    send_all(home, good_files())
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
        for module, function in ((staging, "_stage"), (screening, "_screen"), (release, "_write_database")):
            noted(module, function, patch)
        refresh(home)
    return found


def test_typing(ran: dict[str, set[str]]) -> None:
    known = closure(step_keys._STAGING)
    missing = {name for name in ran["_stage"] - known if not lies_in(name, step_keys._READERS)}
    assert len(ran["_stage"]) > 30 and missing == set()


def test_judging(ran: dict[str, set[str]]) -> None:
    known = closure(step_keys._SCREENING)
    missing = {name for name in ran["_screen"] - known if not lies_in(name, step_keys._RULES)}
    assert len(ran["_screen"]) > 30 and missing == set()


def test_filling_a_release(ran: dict[str, set[str]]) -> None:
    assert len(ran["_write_database"]) > 5
    assert ran["_write_database"] - closure(refill._CODE) == set()


@pytest.mark.parametrize("name", sorted(name for name, one in analyses().items() if not one.result_reads))
def test_an_analysis(name: str) -> None:
    analysis = analyses()[name]
    marts = drawn_marts()
    with noting_files() as files:
        analysis.tables(Inputs(marts, STUDY))
    known = closure(analysis.run.__module__, *analysis_keys._ESTIMATION)
    assert len(files) > 5 and files - known == set()
