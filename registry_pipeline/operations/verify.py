"""A release made again from what it was made of, and compared table by table.

Belongs here: a home of a release's inputs, the steps of a refresh over it, hashes of tables.
Does not belong here: whether the files of a release are damaged (``store/integrity.py``).

Landed bytes, mappings, settings and decisions are those of then; the code is that of now. Nothing of the home is changed,
and a refresh may run meanwhile.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb

import schemas
from registry_pipeline.core.home import Home
from registry_pipeline.core.private_folders import private_folder
from registry_pipeline.core.toml_source import ConfigurationError
from registry_pipeline.intake.landing.ledger import LEDGER, read_ledger
from registry_pipeline.pipeline.context import RefreshContext, digests_of_inputs
from registry_pipeline.pipeline.decisions import DecisionState, read_decision_state
from registry_pipeline.pipeline.refresh import make_tables
from registry_pipeline.pipeline.release import build_again
from registry_pipeline.pipeline.step import code_version, refresh_lock
from registry_pipeline.store.inputs import INPUTS, kept_inputs
from registry_pipeline.store.integrity import damaged_files, open_whole_release
from registry_pipeline.store.refill import REMADE
from registry_pipeline.store.releases import (
    ANALYST_DATABASE,
    DATABASE,
    choose_release,
    release_folder,
    release_ids,
    switch,
)
from registry_pipeline.validation.decisions.in_force import in_force

OF_HISTORY = ("quality.finding", "quality.finding_impact", "quality.release_metric", "quality.rule_result")
"""Tables that rest on the release before."""


@dataclass(frozen=True)
class Verification:
    """What became of a release that was made again.

    Attributes:
        n_tables: how many tables were compared.
        differing: those that are not equal, in the stewards' database or the analysts'.
        left_out: those that could not be compared, because the release before is gone or damaged.
        code_version, code_now: the code that made it, and that which made it again.
    """

    release_id: str
    n_tables: int
    differing: tuple[str, ...]
    left_out: tuple[str, ...]
    code_version: str
    code_now: str

    @property
    def is_equal(self) -> bool:
        """Whether every compared table is the same."""
        return not self.differing


def verify_release(home: Home, release_id: str) -> Verification:
    """Make a release again from landing, mappings, parameters and decisions, and compare every table by its hash.

    Raises:
        ConfigurationError: the release was made before its inputs were kept with it.
        NoRelease: there is no such release.
        StoreError: landed bytes are gone or have changed, or the release is damaged.
        Refused: what was accepted then is refused now.
    """
    chosen = choose_release(home, release_id)
    release = release_folder(home, chosen)
    if not kept_inputs(release):
        raise ConfigurationError(
            release, None, "was made before releases kept their inputs; it cannot be made again"
        )
    made_by, previous_id, made_on, n_decisions = _made_of(home, chosen)
    with private_folder(home.store) as folder:
        again = _home_of_inputs(home, release, folder / "home")
        has_previous = previous_id is None or _link_earlier(home, again, chosen, previous_id)
        with refresh_lock(again):
            context = _context_of_then(home, again, made_on, n_decisions)
            make_tables(context, context.senders, force=False, progress=lambda _: None)
            build_again(context, chosen)
        left_out = () if has_previous else OF_HISTORY
        names = [name for name in schemas.tables() if name not in (*REMADE, *left_out)]
        made_again = release_folder(again, chosen)
        differing = _unlike(release / DATABASE, made_again / DATABASE, names)
        if (release / ANALYST_DATABASE).is_file():
            analysts = _unlike(release / ANALYST_DATABASE, made_again / ANALYST_DATABASE, names)
            differing += [f"{ANALYST_DATABASE} {name}" for name in analysts]
    return Verification(chosen, len(names), tuple(differing), left_out, made_by, code_version())


def _made_of(home: Home, release_id: str) -> tuple[str, str | None, date, int]:
    """Code, the release before, the day and the number of decisions of a release."""
    query = """
        SELECT code_version, previous_release_id, created_at::DATE, (SELECT count(*) FROM quality.decision)
        FROM meta.release"""
    with open_whole_release(home, release_id) as connection:
        return connection.execute(query).fetchall()[0]


def _home_of_inputs(home: Home, release: Path, root: Path) -> Home:
    """A home with a release's inputs; landed bytes and the key are those of the real one, by links."""
    again = Home(root)
    for path in (again.inbox, again.facilities, again.landing, again.store, again.releases):
        path.mkdir(parents=True, mode=0o700)
    again.key_file.parent.symlink_to(home.key_file.parent)
    for path in kept_inputs(release):
        copy = root / path.relative_to(release / INPUTS)
        copy.parent.mkdir(exist_ok=True, mode=0o700)
        shutil.copyfile(path, copy)
    for ledger in again.landing.glob(f"*/{LEDGER}"):
        for landed in read_ledger(again, ledger.parent.name):
            link = ledger.parent / landed.sha256
            if not link.is_symlink():
                link.symlink_to(home.landing / ledger.parent.name / landed.sha256)
    return again


def _link_earlier(home: Home, again: Home, release_id: str, previous_id: str) -> bool:
    """Show the whole releases before, which findings have their history from; gives whether the last of them is one."""
    for earlier in release_ids(home):
        if earlier < release_id and not damaged_files(home, earlier, only=DATABASE):
            (again.releases / earlier).symlink_to(release_folder(home, earlier))
    is_there = (again.releases / previous_id / DATABASE).is_file()
    if is_there:
        switch(again, previous_id)
    return is_there


def _context_of_then(home: Home, again: Home, day: date, n_decisions: int) -> RefreshContext:
    """What the refresh went by: the ledger of decisions is append-only, its first entries are those of then."""
    decisions = read_decision_state(home).decisions[:n_decisions]
    state = DecisionState(decisions, in_force(decisions, day), day)
    facility_ids = again.facility_ids()
    digests = {facility_id: digests_of_inputs(again, facility_id) for facility_id in facility_ids}
    return RefreshContext(again, again.settings(), facility_ids, state, digests)


def _unlike(database: Path, other: Path, names: list[str]) -> list[str]:
    """Tables whose rows differ between two databases, whatever their order."""
    hashes = []
    for path in (database, other):
        with duckdb.connect(str(path), read_only=True, config={"threads": 1}) as connection:
            hashes.append({name: _hash(connection, name) for name in names})
    return [name for name in names if hashes[0][name] != hashes[1][name]]


def _hash(connection: duckdb.DuckDBPyConnection, name: str) -> object:
    """Number of rows and a hash of them that knows no order; None of a table that is not there."""
    try:
        return connection.execute(
            f"SELECT count(*), sum(hash(t)::HUGEINT), bit_xor(hash(t)) FROM {name} t"
        ).fetchall()
    except duckdb.CatalogException:
        return None
