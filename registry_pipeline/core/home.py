"""The registry home: the folders of one deployment.

Belongs here: paths, making and opening a home. Does not belong here: what registry.toml may say
(``core/settings.py``), anything that reads records.
"""

import hashlib
import hmac
import os
import re
import secrets
import stat
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from shlex import quote

from registry_pipeline.core.files import entries, withheld_as_store_error, write_text
from registry_pipeline.core.settings import Settings
from registry_pipeline.core.settings_file import read_settings, settings_template
from registry_pipeline.core.toml_source import ConfigurationError

WHOLE_REGISTRY = "registry"
"""What stands for the facility in findings over all of them."""
_TOML = ".toml"
_FACILITY_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
FACILITY_ID_FORM = f"a-z, 0-9, '_' and '-', such as west_hospital, and not '{WHOLE_REGISTRY}'"


def is_facility_id(text: str) -> bool:
    """Whether a facility may be called so; its mapping, its folders and its findings all are."""
    return _FACILITY_ID.fullmatch(text) is not None and text != WHOLE_REGISTRY


@dataclass(frozen=True)
class Home:
    """The folders of one deployment.

    Attributes:
        root: the registry home, absolute.
    """

    root: Path

    @cached_property
    def command(self) -> str:
        """How a command over this home begins, as a shell takes it: its path may hold blanks."""
        return f"registry --home {quote(str(self.root))}"

    @cached_property
    def settings_file(self) -> Path:
        """registry.toml"""
        return self.root / "registry.toml"

    @cached_property
    def facilities(self) -> Path:
        """One mapping per facility."""
        return self.root / "facilities"

    @cached_property
    def inbox(self) -> Path:
        """Where files are dropped, one folder per facility."""
        return self.root / "inbox"

    @property
    def has_linked_landing(self) -> bool:
        """Whether links in the landing folder are ours; otherwise somebody put one in the place of received bytes."""
        return False

    @cached_property
    def landing(self) -> Path:
        """Bytes as received, by sha256."""
        return self.root / "landing"

    @cached_property
    def store(self) -> Path:
        """Working Parquet files."""
        return self.root / "store"

    @cached_property
    def releases(self) -> Path:
        """One folder per release."""
        return self.root / "releases"

    @cached_property
    def analysts(self) -> Path:
        """What analysts may have: approved files, which a group may read that passes through the home."""
        return self.root / "analysts"

    @cached_property
    def current(self) -> Path:
        """Symbolic link to the release that is served."""
        return self.root / "current"

    @cached_property
    def decisions(self) -> Path:
        """The ledger of data managers' decisions, append-only."""
        return self.root / "decisions.sqlite"

    @cached_property
    def key_file(self) -> Path:
        """Key of the pseudonyms, 0600."""
        return self.root / "secrets" / "pseudonym.key"

    @cached_property
    def key_check_file(self) -> Path:
        """Check value of the key that the pseudonyms of this home are made with."""
        return self.key_file.with_suffix(".check")

    def settings(self) -> Settings:
        """The settings of registry.toml."""
        return read_settings(self.settings_file)

    def key(self) -> bytes:
        """The key of the pseudonyms.

        Raises:
            ConfigurationError: the key file is missing or too short, or holds another key than it did.
            StoreError: the system withholds it; it may be whole.
        """
        key = self._read_key()
        if (
            self.key_check_file.is_file()
            and self.key_check_file.read_bytes().strip() != _check_value(key).encode()
        ):
            message = (
                f"is not the key that the pseudonyms were made with, or {self.key_check_file.name} beside it is damaged; "
                "restore both from the backup"
            )
            raise ConfigurationError(self.key_file, None, message)
        return key

    def key_check(self) -> str:
        """A value that tells one key from another and gives nothing of it away."""
        return _check_value(self.key())

    def write_key_check(self) -> None:
        """Write down the check value of the key that the home has now."""
        write_text(_check_value(self._read_key()) + "\n", self.key_check_file)

    def _read_key(self) -> bytes:
        try:
            with withheld_as_store_error(self.key_file):
                key = bytes.fromhex(self.key_file.read_text().strip())
        except (OSError, ValueError):
            key = b""
        if len(key) < 32:
            raise ConfigurationError(
                self.key_file, None, "the pseudonym key is missing or damaged; restore it from the backup"
            )
        return key

    def facility_ids(self) -> list[str]:
        """Facilities that have a mapping, in order."""
        if not self.facilities.is_dir():
            return []
        names = (entry.name for entry in entries(self.facilities))
        return sorted(name.removesuffix(_TOML) for name in names if name.endswith(_TOML))


def open_home(root: Path) -> Home:
    """An existing registry home.

    Raises:
        ConfigurationError: the folder holds no registry.toml.
    """
    try:
        home = Home(root.expanduser().resolve())
    except FileNotFoundError:  # it is relative
        raise ConfigurationError(
            root, None, "cannot be looked for: the folder that the command was started in is gone"
        ) from None
    if not home.settings_file.is_file():
        raise ConfigurationError(
            home.root, None, "is no registry home; make one with: registry init " + quote(str(root))
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
        home.write_key_check()
    if not home.settings_file.exists():
        home.settings_file.write_text(settings_template(), encoding="utf-8")
    return home


def mend_modes(home: Home) -> list[str]:
    """Take from others what they must not have: a line for each file or folder that was open to them.

    The home itself may let a group pass through to the inbox and to approved files (0710), no more; that group may
    read these.

    Raises:
        ConfigurationError: the mode cannot be changed, for somebody else owns the file.
    """
    forbidden = dict.fromkeys(
        (home.landing, home.store, home.releases, home.key_file.parent, home.key_file, home.decisions), 0o077
    )
    lines = []
    for path, bits in ({home.root: 0o067, home.analysts: 0o027} | forbidden).items():
        mode = stat.S_IMODE(path.stat().st_mode) if path.exists() else 0
        if not mode & bits:
            continue
        try:
            path.chmod(mode & ~bits)
        except PermissionError:
            raise ConfigurationError(
                path, None, f"is open to others; its owner must run: chmod go-rwx {quote(str(path))}"
            ) from None
        lines.append(f"{path}: was open to others ({mode:04o}); it is {mode & ~bits:04o} now")
    return lines


def _check_value(key: bytes) -> str:
    return hmac.new(key, b"registry-pipeline: which key is this?", hashlib.sha256).hexdigest()[:16]
