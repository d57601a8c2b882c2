"""What a refresh knows before it begins: read once, handed to every step.

Belongs here: settings, facilities, ledgers, mappings, decisions and the end of observation of one refresh, and the
files of the store that follow from them.
Does not belong here: the steps. Imports nothing heavy: a refresh with nothing new needs it too.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from registry_pipeline.core.files import sha256_of, withheld_as_store_error
from registry_pipeline.core.home import Home
from registry_pipeline.core.settings import Settings
from registry_pipeline.core.toml_source import TomlSource, read_toml
from registry_pipeline.core.units import noted_moment
from registry_pipeline.core.working_files import damaged, working_file
from registry_pipeline.intake.landing.ledger import LandedFile, ledger_path, read_ledger
from registry_pipeline.pipeline.decisions import DecisionState, read_decision_state
from registry_pipeline.store.layout import StoreLayout

if TYPE_CHECKING:
    from registry_pipeline.intake.mapping.model import Facility
    from registry_pipeline.validation.rules.catalogue import Catalogue


@dataclass(frozen=True)
class RefreshContext:
    """What one refresh goes by, from beginning to end.

    Attributes:
        home: the registry home.
        settings: registry.toml.
        facility_ids: facilities that have a mapping, in order.
        decisions: every decision, and those in force today.
        mappings, facilities: facility -> its TOML, and that judged; what nobody asks for is not read.
        input_digests: facility -> SHA-256 of its ledger and of its mapping, taken before either was read: what is changed
            while the refresh runs is news for the next one.
        finished: folders of the store that this refresh has made or found to be whole.
        merged_patients: facility -> its patients whom decisions merge, as last looked up since it was staged.
        digests: what staging and screening of a facility go by, as hashes, each made once.
        declared: what a TOML says beside id and name -> a facility that says so: those of one system say the same.
    """

    home: Home
    settings: Settings
    facility_ids: Sequence[str]
    decisions: DecisionState
    input_digests: dict[str, tuple[str, str]]
    mappings: dict[str, TomlSource] = field(default_factory=dict, repr=False, compare=False)
    facilities: dict[str, Facility] = field(default_factory=dict, repr=False, compare=False)
    finished: set[Path] = field(default_factory=set, repr=False, compare=False)
    merged_patients: dict[str, frozenset[str]] = field(default_factory=dict, repr=False, compare=False)
    digests: dict[tuple[object, ...], str] = field(default_factory=dict, repr=False, compare=False)
    declared: dict[str, Facility] = field(default_factory=dict, repr=False, compare=False)

    @property
    def layout(self) -> StoreLayout:
        """Where the store keeps what."""
        return StoreLayout(self.home.store)

    @cached_property
    def ledgers(self) -> dict[str, list[LandedFile]]:
        """Facility -> every file that it ever sent, read when one is asked for: a refresh with nothing new does without.

        Raises:
            ConfigurationError: a ledger is damaged.
        """
        return {facility_id: read_ledger(self.home, facility_id) for facility_id in self.facility_ids}

    @property
    def senders(self) -> list[str]:
        """Facilities that have sent something."""
        return [facility_id for facility_id, ledger in self.ledgers.items() if ledger]

    def mapping(self, facility_id: str) -> TomlSource:
        """A facility's TOML, as read the first time that it was asked for.

        Raises:
            ConfigurationError: it is missing or is not TOML.
        """
        if facility_id not in self.mappings:
            self.mappings[facility_id] = read_toml(self.home.facilities / f"{facility_id}.toml")
        return self.mappings[facility_id]

    def facility(self, facility_id: str) -> Facility:
        """A facility's mapping, judged.

        Raises:
            ConfigurationError: something in it is wrong.
        """
        # here: it loads the readers, which a refresh with nothing new does without
        from registry_pipeline.intake.mapping.facility import facility_of

        if facility_id not in self.facilities:
            mapping = self.mapping(facility_id)
            declared = json.dumps({**mapping.data, "id": None, "name": None}, default=str)
            facility = facility_of(mapping, self.declared.get(declared))
            self.facilities[facility_id] = self.declared[declared] = facility
        return self.facilities[facility_id]

    def digest(self, facility_id: str, make: Callable[[RefreshContext, str], str]) -> str:
        """A hash that a step of a facility goes by, made once for as long as the facility's ledger stays."""
        key = (make.__name__, facility_id, *self.ledgers[facility_id])
        if key not in self.digests:
            self.digests[key] = make(self, facility_id)
        return self.digests[key]

    def take_ledger(self, facility_id: str, files: list[LandedFile]) -> None:
        """Go by another ledger of a facility from now on, which lies in the landing already."""
        self.ledgers[facility_id] = files
        _, mapping = self.input_digests[facility_id]
        self.input_digests[facility_id] = file_digest(ledger_path(self.home, facility_id)), mapping

    @cached_property
    def rules(self) -> Catalogue:
        """The rules as registry.toml has them.

        Raises:
            ConfigurationError: it names a rule, severity or threshold that does not exist.
        """
        return read_rules(self.home, self.settings)

    def extract_date(self, facility_id: str | None = None) -> date:
        """End of observation: as set, else the day on which the newest file was received.

        Args:
            facility_id: of one facility's records, whose end no file of another facility moves; of the whole
                registry if not given.
        """
        ledgers = self.ledgers.values() if facility_id is None else [self.ledgers.get(facility_id, ())]
        received = max((landed.received_at for ledger in ledgers for landed in ledger), default=None)
        moment = None if received is None else noted_moment(received)
        # the day of the decisions: a refresh that runs over midnight goes by one day
        return self.settings.refresh.end_of_observation(moment, self.decisions.day)

    def staged_files(self, frame: str) -> list[Path]:
        """The staged frames of that name of all facilities that have sent something."""
        return self._existing(self.layout.staged_frame(sender, frame) for sender in self.senders)

    def screened_files(self, frame: str) -> list[Path]:
        """The screened frames of that name of all facilities that have sent something."""
        return self._existing(self.layout.screened_frame(sender, frame) for sender in self.senders)

    def accepted_files(self, table: str) -> dict[str, Path]:
        """The accepted records of a table of each facility that has sent something."""
        files = self._existing(self.layout.screened_table(sender, table) for sender in self.senders)
        return {path.parent.name: path for path in files}

    def whole(self, path: Path) -> Path:
        """The path of a working file that has to be there.

        Raises:
            DamagedFile: it is not what was written, or is gone.
        """
        if working_file(path, self.layout.root) is None:
            raise damaged(path)
        return path

    def _existing(self, paths: Iterable[Path]) -> list[Path]:
        """Those that there are.

        Raises:
            DamagedFile: one is not what was written.
        """
        return [path for path in paths if working_file(path, self.layout.root) is not None]


def read_rules(home: Home, settings: Settings) -> Catalogue:
    """The rules as registry.toml has them.

    Args:
        settings: registry.toml, as read.

    Raises:
        ConfigurationError: it names a rule, severity or threshold that does not exist.
    """
    from registry_pipeline.validation.rules.catalogue import OverrideError, catalogue

    try:
        return catalogue(settings)
    except OverrideError as problem:
        raise read_toml(home.settings_file).error(problem.keys, str(problem)) from None


def read_context(home: Home, settings: Settings | None = None) -> RefreshContext:
    """What a refresh of a home goes by now.

    Args:
        settings: registry.toml, where it was read already.

    Raises:
        ConfigurationError: registry.toml is wrong.
        StoreError: the ledger of decisions is damaged or was changed by other means.
    """
    facility_ids = home.facility_ids()
    digests = {facility_id: digests_of_inputs(home, facility_id) for facility_id in facility_ids}
    return RefreshContext(home, settings or home.settings(), facility_ids, read_decision_state(home), digests)


def digests_of_inputs(home: Home, facility_id: str) -> tuple[str, str]:
    """SHA-256 of a facility's ledger and of its mapping, as they lie there now."""
    return file_digest(ledger_path(home, facility_id)), file_digest(home.facilities / f"{facility_id}.toml")


def file_digest(path: Path) -> str:
    """SHA-256 of a small file; empty where none is there.

    Raises:
        StoreError: the system withholds it.
    """
    try:
        with withheld_as_store_error(path):
            return sha256_of(path)
    except OSError:
        return ""
