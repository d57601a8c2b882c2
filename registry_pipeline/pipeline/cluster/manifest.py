"""The manifest of a refresh: what every worker has to go by, written by the coordinator before it asks for work.

Belongs here: writing it, reading it, the refresh context of a worker. Does not belong here: whether the coordinator
still lives (``lease.py``). It lies in the home (0600) like the records: a correction in force holds a value.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

from registry_pipeline.core.files import read_hashed_json, write_hashed_json
from registry_pipeline.core.home import Home
from registry_pipeline.pipeline.context import RefreshContext, digests_of_inputs
from registry_pipeline.pipeline.decisions import DecisionState
from registry_pipeline.pipeline.errors import Refused
from registry_pipeline.pipeline.step import code_version
from registry_pipeline.store.layout import StoreLayout
from registry_pipeline.validation.decisions.ledger import Decision

STARTED_WITH: list[str] = []
"""The code that this process loaded, where it said so: what lies on the disk may be newer."""


@dataclass(frozen=True)
class RefreshManifest:
    """What a refresh goes by, for those who do a part of it.

    Attributes:
        refresh_id: of the refresh.
        code_version: of the coordinator.
        settings_digest: of registry.toml, as far as a result can depend on it.
        key_check: check value of the key that pseudonyms are made with.
        day: on which decisions were in force (ISO).
        facilities: facility -> [SHA-256 of its ledger of received files, of its mapping, end of observation (ISO)].
        decisions: entries of the ledger that are in force on that day.
    """

    refresh_id: str
    code_version: str
    settings_digest: str
    key_check: str
    day: str
    facilities: dict[str, list[str]]
    decisions: list[dict[str, Any]]


def manifest_path(home: Home) -> Path:
    """Where the manifest of the refresh lies that workers may work for."""
    return StoreLayout(home.store).cluster() / "manifest.json"


def write_manifest(context: RefreshContext, refresh_id: str) -> RefreshManifest:
    """Write down what a refresh goes by."""
    manifest = RefreshManifest(
        refresh_id,
        code_version(),
        context.settings.digest(),
        context.home.key_check(),
        context.decisions.day.isoformat(),
        {facility_id: _facility_inputs(context, facility_id) for facility_id in context.facility_ids},
        [asdict(decision) for decision in context.decisions.in_force],
    )
    write_hashed_json(asdict(manifest), manifest_path(context.home))
    return manifest


def read_manifest(home: Home, refresh_id: str) -> RefreshManifest:
    """The manifest of a refresh.

    Raises:
        Refused: that refresh asks for no work any more.
    """
    has_ended = Refused(
        "the refresh that asked for this work has ended, or has another home than this worker; nothing was done for it "
        f"({manifest_path(home)})"
    )
    try:
        manifest = RefreshManifest(**read_hashed_json(manifest_path(home)))
    except (OSError, ValueError, TypeError):
        raise has_ended from None
    if manifest.refresh_id != refresh_id:
        raise has_ended
    return manifest


def worker_context(home: Home, manifest: RefreshManifest, facility_ids: Sequence[str]) -> RefreshContext:
    """What a worker goes by for some facilities: the coordinator's decisions, and files that it saw as they are here.

    The ledger of decisions is not opened: SQLite's locks are not to be trusted on a network's file system.

    Raises:
        Refused: code, registry.toml, the key, a mapping or a ledger is not the coordinator's.
        ConfigurationError: registry.toml, the key or a ledger is wrong.
    """
    _refuse_other_code(manifest)
    settings = home.settings()
    if settings.digest() != manifest.settings_digest:
        raise Refused(f"{home.settings_file}: is not what the refresh began with; start a refresh anew")
    if home.key_check() != manifest.key_check:
        raise Refused(f"{home.key_file}: is another key than the coordinator's; pseudonyms would be others")
    decisions = [Decision(**entry) for entry in manifest.decisions]
    state = DecisionState(decisions, decisions, date.fromisoformat(manifest.day))
    context = RefreshContext(home, settings, list(manifest.facilities), state, {})
    ledgers = context.ledgers  # read before they are hashed: what is changed in between has another hash
    for facility_id in facility_ids:
        context.input_digests[facility_id] = digests_of_inputs(home, facility_id)
        is_known = facility_id in ledgers
        if not is_known or _facility_inputs(context, facility_id) != manifest.facilities[facility_id]:
            raise Refused(
                f"{facility_id}: its mapping or what has landed of it is not what the refresh began with; "
                "start a refresh anew"
            )
    return context


def _facility_inputs(context: RefreshContext, facility_id: str) -> list[str]:
    return [*context.input_digests[facility_id], context.extract_date(facility_id).isoformat()]


def _refuse_other_code(manifest: RefreshManifest) -> None:
    """Of the code that was loaded and of the code that lies on the disk: modules are loaded when they are needed."""
    code_version.cache_clear()
    for version in {*STARTED_WITH, code_version()} - {manifest.code_version}:
        raise Refused(
            f"this worker runs version {version} of the pipeline, the refresh {manifest.code_version}; "
            "install the same on all machines and start the workers anew"
        )
