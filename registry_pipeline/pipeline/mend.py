"""What is put right of a home before a refresh reads it; each repair is a line.

Belongs here: modes, the key, the link to the served release, a damaged release, what killed processes left.
Does not belong here: working files (``pipeline/step.py``: a damaged one is made again), the refresh.
"""

from __future__ import annotations

import hmac
import shutil
from pathlib import Path

from registry_pipeline.core.chain_head import appending
from registry_pipeline.core.files import StoreError, sweep
from registry_pipeline.core.home import Home, mend_modes
from registry_pipeline.core.private_folders import sweep_private_folders
from registry_pipeline.core.toml_source import ConfigurationError
from registry_pipeline.pipeline.cluster.lease import end_earlier_work
from registry_pipeline.pipeline.step import refresh_lock
from registry_pipeline.store.integrity import leave_damaged_release, newest_whole_release
from registry_pipeline.store.releases import DATABASE, clock_problem, release_facts, release_folder, switch

_AFTER_ALL = "~"
"""Sorts after the id of every release."""


def mend_home(home: Home) -> list[str]:
    """Put right what can be put right without a loss; a line for everything that a person should know.

    Raises:
        ConfigurationError: the key is not the one that the home's pseudonyms were made with, or others can read
            what they must not and the mode cannot be changed.
        StoreError: another refresh is running, or workers are still busy for an earlier one.
    """
    with refresh_lock(home):
        lines = mend_modes(home)
        end_earlier_work(home)  # sweeping takes away what others are writing
        sweep(home.store)
        sweep(home.facilities)
        with appending(home.decisions):  # nobody writes a head now
            sweep(home.key_file.parent)
        sweep_private_folders(home.root)
        lines += [
            line for line in (_mend_link(home), leave_damaged_release(home), clock_problem(home)) if line
        ]
        _know_key(home)
    return lines


def _mend_link(home: Home) -> str | None:
    """A copy of a home that followed links (``cp -rL``) holds the served release twice, one that left links out has none."""
    copy = home.current
    if copy.is_symlink():
        return None
    if not copy.is_dir():
        newest = newest_whole_release(home, before=_AFTER_ALL)
        if newest is None:
            return None
        switch(home, newest)
        return f"{copy}: was gone; release {newest}, the newest that is whole, is served"
    release_id = _release_id(copy / DATABASE)
    if release_id is None:
        raise StoreError(f"{copy}: is a folder that holds no release; move it away, it must be a link")
    if not (release_folder(home, release_id) / DATABASE).is_file():
        copy.rename(release_folder(home, release_id))
    else:
        shutil.rmtree(copy)
    switch(home, release_id)
    return f"{copy}: was a copy of release {release_id}; it is a link again"


def _release_id(database: Path) -> str | None:
    import duckdb  # here: it is needed for a copied home only

    try:
        with duckdb.connect(database, read_only=True) as connection:
            row = connection.execute("SELECT release_id FROM meta.release").fetchone()
    except duckdb.Error:
        return None
    return None if row is None else str(row[0])


def _know_key(home: Home) -> None:
    """Write down the key's check value where the home has none, unless the served release names another."""
    value = home.key_check()
    if home.key_check_file.is_file():
        return
    check = release_facts(home).get("key_check")  # older releases name none
    if check and not hmac.compare_digest(str(check), value):
        raise ConfigurationError(
            home.key_file,
            None,
            "is not the key that the served release was made with; restore that one from the backup",
        )
    home.write_key_check()
