"""The registry home: the folders of one deployment.

Belongs here: paths, making and opening a home. Does not belong here: what registry.toml may say
(``core/settings.py``), anything that reads records.
"""

import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from registry_pipeline.core.settings import Settings
from registry_pipeline.core.settings_file import read_settings, settings_template
from registry_pipeline.core.toml_source import ConfigurationError


@dataclass(frozen=True)
class Home:
    """The folders of one deployment.

    Attributes:
        root: the registry home, absolute.
    """

    root: Path

    @property
    def settings_file(self) -> Path:
        """registry.toml"""
        return self.root / "registry.toml"

    @property
    def facilities(self) -> Path:
        """One mapping per facility."""
        return self.root / "facilities"

    @property
    def inbox(self) -> Path:
        """Where files are dropped, one folder per facility."""
        return self.root / "inbox"

    @property
    def landing(self) -> Path:
        """Bytes as received, by sha256."""
        return self.root / "landing"

    @property
    def store(self) -> Path:
        """Working Parquet files."""
        return self.root / "store"

    @property
    def releases(self) -> Path:
        """One folder per release."""
        return self.root / "releases"

    @property
    def current(self) -> Path:
        """Symbolic link to the release that is served."""
        return self.root / "current"

    @property
    def decisions(self) -> Path:
        """The ledger of data managers' decisions, append-only."""
        return self.root / "decisions.sqlite"

    @property
    def key_file(self) -> Path:
        """Key of the pseudonyms, 0600."""
        return self.root / "secrets" / "pseudonym.key"

    def settings(self) -> Settings:
        """The settings of registry.toml."""
        return read_settings(self.settings_file)

    def key(self) -> bytes:
        """The key of the pseudonyms.

        Raises:
            ConfigurationError: the key file is missing or too short.
        """
        try:
            key = bytes.fromhex(self.key_file.read_text().strip())
        except (OSError, ValueError):
            key = b""
        if len(key) < 32:
            raise ConfigurationError(
                self.key_file, None, "the pseudonym key is missing; restore it from the backup"
            )
        return key

    def facility_ids(self) -> list[str]:
        """Facilities that have a mapping, in order."""
        return sorted(path.stem for path in self.facilities.glob("*.toml"))


def open_home(root: Path) -> Home:
    """An existing registry home.

    Raises:
        ConfigurationError: the folder holds no registry.toml.
    """
    home = Home(root.expanduser().resolve())
    if not home.settings_file.is_file():
        raise ConfigurationError(
            home.root, None, "is no registry home; make one with: registry init " + str(root)
        )
    return home


def make_home(root: Path) -> Home:
    """A new registry home: folders (0700), a commented registry.toml, a key. Keeps what is there."""
    home = Home(root.expanduser().resolve())
    for folder in (
        home.root,
        home.facilities,
        home.inbox,
        home.landing,
        home.store,
        home.releases,
        home.key_file.parent,
    ):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not home.key_file.exists():
        with os.fdopen(os.open(home.key_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
            out.write(secrets.token_hex(32) + "\n")
    if not home.settings_file.exists():
        home.settings_file.write_text(settings_template(), encoding="utf-8")
    return home
