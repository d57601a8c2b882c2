"""A registry home in a temporary folder, a facility's TOML and its files, staged."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from registry_pipeline.core.home import Home, make_home
from registry_pipeline.core.settings import Refresh, Settings
from registry_pipeline.intake.landing.land import LandingReport, land_inbox
from registry_pipeline.intake.mapping.facility import read_facility
from registry_pipeline.intake.stage import Staged, stage_facility

SETTINGS = Settings(refresh=Refresh(settle_seconds=0.0))
NOW = datetime(2024, 1, 31, 12, 0, tzinfo=UTC)


class Place:
    """A facility called ``west`` with its inbox."""

    def __init__(self, root: Path, toml: str) -> None:
        self.home: Home = make_home(root / "home")
        self.write_toml(toml)
        self.inbox = self.home.inbox / "west"
        self.inbox.mkdir()

    def write_toml(self, toml: str) -> None:
        (self.home.facilities / "west.toml").write_text('id = "west"\n' + toml, encoding="utf-8")

    def send(self, name: str, text: str) -> None:
        (self.inbox / name).write_text(text, encoding="utf-8")

    def land(self) -> LandingReport:
        return land_inbox(self.home, SETTINGS, NOW)

    def stage(self) -> Staged:
        self.land()
        return self.stage_landed()

    def stage_landed(self) -> Staged:
        facility = read_facility(self.home.facilities / "west.toml")
        return stage_facility(self.home, facility, SETTINGS)


def stage_text(root: Path, toml: str, text: str, name: str = "export.csv") -> Staged:
    """Stage one file of one facility."""
    place = Place(root, toml)
    place.send(name, text)
    return place.stage()


def source(tables: str, *options: str, name: str = "his", files: str = "*.csv") -> str:
    """A ``[[source]]`` with tables; ``options`` are lines of the source."""
    return "\n".join(["[[source]]", f'name = "{name}"', f'files = ["{files}"]', *options, tables, ""])


def table(name: str, *columns: str, **options: str) -> str:
    """A ``[[source.table]]``; ``columns`` are lines, ``options`` are keys with TOML values."""
    head = [f'[[source.table]]\ntable = "{name}"', *(f"{key} = {value}" for key, value in options.items())]
    return "\n".join([*head, "[source.table.columns]", *columns, ""])
