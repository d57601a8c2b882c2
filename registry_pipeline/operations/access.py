"""Who may read and write a home: the doctor's question.

Belongs here: modes, owners, a disk that takes no writing. Does not belong here: mending them (``core/home.py``).
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from shlex import quote

from registry_pipeline.core.home import Home
from registry_pipeline.core.ownership import account, strange_paths
from registry_pipeline.operations.diagnosis import ERROR, WELL, Diagnosis

MOST_NAMED = 10


def modes(home: Home) -> Iterator[Diagnosis]:
    """What others may read, what nobody may write here, what belongs to another account."""
    private = (home.landing, home.store, home.releases, home.key_file.parent, home.key_file, home.decisions)
    open_to_others = [path for path in private if path.exists() and stat.S_IMODE(path.stat().st_mode) & 0o077]
    if open_to_others:
        remedy = f"chmod go-rwx {' '.join(quote(str(path)) for path in open_to_others)}"
        yield Diagnosis("modes", ERROR, f"open to others: {', '.join(map(str, open_to_others))}", remedy)
    else:
        yield Diagnosis("modes", WELL, "what is private is closed to others")
    folders = (
        home.root,
        home.landing,
        home.store,
        home.releases,
        home.key_file.parent,
        home.root / "dagster",
    )
    if closed := [str(path) for path in folders if path.exists() and not os.access(path, os.W_OK)]:
        remedy = "check owner and mode, and whether the disk was mounted to be read only"
        yield Diagnosis("modes", ERROR, f"cannot be written: {', '.join(closed)}; no refresh can end", remedy)
    if strange := strange_paths(home.root):
        names = ", ".join(map(str, strange[:MOST_NAMED])) + (" ..." if len(strange) > MOST_NAMED else "")
        owner = account(home.root.stat().st_uid)
        remedy = f"as root: chown -R {owner} {quote(str(home.root))}; then run commands as {owner} only"
        yield Diagnosis("modes", ERROR, f"belong to another account than the home: {names}", remedy)
