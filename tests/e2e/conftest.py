"""The demonstration, run once without Dagster for every test that looks at it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field

import pytest

from registry_pipeline.core.home import Home
from registry_pipeline.pipeline.demo import run_demo
from registry_pipeline.pipeline.refresh import refresh
from registry_pipeline.simulate import Manifest, write_demo
from tests.support.registry_home import quick_demo_settings, without_reports


@dataclass
class Demo:
    """The demonstration after both of its refreshes.

    Attributes:
        home: its home.
        before: a copy of the home as it was between the two refreshes.
        manifest: what was planted in the first exports of both facilities.
        releases: ids of the two releases, in order.
        steps: names of the steps of both refreshes.
        told: the lines that the demonstration printed.
    """

    home: Home
    before: Home
    manifest: Manifest
    releases: list[str] = field(default_factory=list)
    steps: list[list[str]] = field(default_factory=list)
    told: list[str] = field(default_factory=list)

    @property
    def first(self) -> str:
        """The release of the exports with mistakes."""
        return self.releases[0]

    @property
    def corrected(self) -> str:
        """The release of the corrected exports."""
        return self.releases[1]


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """Both refreshes of the demonstration, without Dagster and with ``quick_demo_settings``."""
    folder = tmp_path_factory.mktemp("demo")
    made = Demo(Home(folder / "home"), Home(folder / "before"), write_demo(folder / "exports"))

    def keep(home: Home) -> None:
        steps: list[str] = []
        # The reports of the first release are looked at by no test.
        with nullcontext() if made.releases else without_reports():
            report = refresh(home, progress=steps.append)
        made.releases.append(report.release_id)
        made.steps.append(steps)
        if len(made.releases) == 1:
            shutil.copytree(home.root, made.before.root, symlinks=True)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("registry_pipeline.pipeline.demo.demo_settings", quick_demo_settings)
        run_demo(made.home.root, made.told.append, keep)
        yield made
