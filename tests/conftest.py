"""What all tests share: how they are dealt out to workers, and that drawn examples may take their time.

Belongs here: hooks of pytest for the whole suite. Does not belong here: fixtures (beside the tests they serve).
"""

from __future__ import annotations

import os
import time
from typing import Any

import pytest
from hypothesis import settings
from xdist.scheduler import LoadScopeScheduling

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as under a command: estimates agree to the last digit
settings.register_profile("busy machine", deadline=None)
settings.load_profile("busy machine")
LONG_KINDS = ("cluster", "fault", "e2e", "browser", "simulation")
"""Kinds of tests whose files take minutes: dealt out last, those with the longest tests first."""
BEGIN_BEFORE = float(os.environ.get("TESTS_BEGIN_BEFORE", "inf"))
"""Until when (seconds since 1970) a test of these may begin: ``.ci/run`` has 20 minutes, on whatever machine."""
LOOK_AT_ONE_DEMONSTRATION = (
    "test_analyst_demo.py",
    "test_dagster_demo.py",
    "test_demo.py",
    "test_demo_truth.py",
    "test_trace.py",
)


class _ByFile(LoadScopeScheduling):
    """Tests of one file go to one worker, so that what a file prepares is prepared once."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.split("::")[0]
        return "demonstration" if file.endswith(LOOK_AT_ONE_DEMONSTRATION) else file


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    """Deal out by file; the marks of ``--dist loadgroup`` are not seen by this version of pytest."""
    config.option.loadscopereorder = False  # in the order of collection, not files of many tests first
    return _ByFile(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long kinds last, every other test where it stood."""
    items.sort(key=lambda item: ("", *LONG_KINDS).index(_long_kind(item)))


def _long_kind(item: pytest.Item) -> str:
    return item.path.parent.name if item.path.parent.name in LONG_KINDS else ""


@pytest.hookimpl(tryfirst=True)  # before what its file prepares
def pytest_runtest_setup(item: pytest.Item) -> None:
    """A slow machine runs as many of the long tests as there is time for, and names the others."""
    if _long_kind(item) and time.time() > BEGIN_BEFORE:
        pytest.skip("the time of .ci/run was up before it could begin; make test runs it")


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say in one line how to have the tests that were skipped."""
    skipped = terminalreporter.stats.get("skipped", [])
    if any("not installed" in str(report.longrepr) for report in skipped):
        terminalreporter.write_line(
            "Some tests need programs that are not installed: `make test-all` installs them."
        )
