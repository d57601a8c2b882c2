"""Whose a home is: what root writes into the home of another account shuts that account out.

Belongs here: refusing to, what of a home belongs to somebody else.
Does not belong here: modes (``core/home.py``), who may open a page.
"""

from __future__ import annotations

import os
import pwd
from pathlib import Path

from registry_pipeline.core.files import StoreError

_LEVELS = ("*", "*/*", "landing/*/*")


def refuse_root(root: Path) -> None:
    """To be called before anything is written into a home; files are private, so their owner alone reads them.

    Raises:
        StoreError: this process is root's, and the home is not.
    """
    owner = root.stat().st_uid
    if os.geteuid() == 0 and owner != 0:
        name = account(owner)
        raise StoreError(
            f"{root}: belongs to {name}, who could not read what root writes into it; run the command as that "
            f"account: sudo -u {name} registry ..."
        )


def strange_paths(root: Path) -> list[Path]:
    """What of a home belongs to another account than the home itself and is closed to it, some levels deep.

    Not the inbox: those who send files own them.
    """
    owner, inbox = root.stat().st_uid, root / "inbox"
    found = (path for level in _LEVELS for path in sorted(root.glob(level)) if inbox not in path.parents)
    return [path for path in found if (status := path.lstat()).st_uid != owner and not status.st_mode & 0o004]


def account(number: int) -> str:
    """Name of an account, else its number as commands take it."""
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"#{number}"
