"""What all tests share: how they are dealt out to workers, and that drawn examples may take their time.

Belongs here: hooks of pytest for the whole suite. Does not belong here: fixtures (beside the tests they serve).
"""

from __future__ import annotations

import os
from typing import Any

import pytest
from hypothesis import settings
from xdist.scheduler import LoadScopeScheduling

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as under a command: estimates agree to the last digit
settings.register_profile("busy machine", deadline=None)
settings.load_profile("busy machine")
LONG_KINDS = ("e2e", "fault", "cluster", "browser", "simulation")
"""Kinds of tests whose files take minutes: dealt out first, so that no worker ends alone with one of them."""
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
    """Long kinds first, every other test where it stood."""
    folders = [*LONG_KINDS, ""]
    items.sort(
        key=lambda item: folders.index(item.path.parent.name if item.path.parent.name in folders else "")
    )


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say in one line how to have the tests that were skipped."""
    skipped = terminalreporter.stats.get("skipped", [])
    if any("not installed" in str(report.longrepr) for report in skipped):
        terminalreporter.write_line(
            "Some tests need programs that are not installed: `make test-all` installs them."
        )
