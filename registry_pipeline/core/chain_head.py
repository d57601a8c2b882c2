"""Where a chain of entries ends: kept apart from it, so that entries cut off at its end are missed.

Belongs here: writing the head of a ledger, comparing a ledger with its heads.
Does not belong here: the ledgers (``validation/decisions/ledger.py``, ``operations/audit.py``), which hash entry by entry.

A chain of hashes shows every change but one: its last entries can be cut off. So the number and the hash of the last entry
stand, with a keyed hash of both, in ``secrets/``, and a copy of that in every release. A head is written after its entry: a
process that is killed between the two leaves a head that is behind, never one that is ahead.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from registry_pipeline.core.files import BUILDING, LOCK, withheld_as_store_error, write_json
from registry_pipeline.core.locks import locked
from registry_pipeline.core.ownership import refuse_root

SUFFIX = ".head"
RELEASES = "releases"
SECRETS = "secrets"


class ChainCut(Exception):
    """Entries that a ledger held are missing, or its head is; says what to restore."""


def head_path(ledger: Path) -> Path:
    """Where the head of a ledger of the home lies."""
    return ledger.parent / SECRETS / f"{ledger.stem}{SUFFIX}"


@contextmanager
def appending(ledger: Path) -> Iterator[None]:
    """One process at a time appends to a ledger and writes its head; others wait.

    Raises:
        StoreError: this process is root's, and the home is not.
    """
    refuse_root(ledger.parent)
    folder = head_path(ledger).parent
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with locked(folder / LOCK):
        yield


def write_head(ledger: Path, n_entries: int, last_hash: str, key: bytes, first_hash: str = "") -> None:
    """Note where a ledger ends; to be called within :func:`appending`, after the entry is on the disk.

    Args:
        first_hash: of its first entry, where a damaged ledger may be set aside for a new one: what a release knows of
            the end of another one does not bind this one.

    Raises:
        StoreError: the disk is full or the folder cannot be written.
    """
    head = {"n_entries": n_entries, "last_hash": last_hash} | (
        {"first_hash": first_hash} if first_hash else {}
    )
    write_json(head | {"mac": _mac(ledger, head, key)}, head_path(ledger))


def copy_heads(root: Path, folder: Path) -> None:
    """Put copies of a home's heads into a release."""
    for path in sorted((root / SECRETS).glob(f"*{SUFFIX}")):
        shutil.copyfile(path, folder / path.name)


def read_heads(ledger: Path, key: bytes) -> list[tuple[int, str]]:
    """Number and hash of the entries that a ledger must hold; to be read before the ledger is.

    Raises:
        ChainCut: the head is damaged, or gone although a release has a copy of it.
        StoreError: the system withholds it; it may be whole.
    """
    own = head_path(ledger)
    copies = sorted((ledger.parent / RELEASES).glob(f"*/{own.name}"))
    copies = [path for path in copies if BUILDING not in path.parent.name][-1:]
    heads = [_read(ledger, path, key) for path in (own, *copies) if path.is_file()]
    if heads and heads[0] is None:
        raise ChainCut(f"{own}: is damaged; restore it and {ledger.name} from the backup")
    if copies and not own.is_file():
        raise ChainCut(f"{own}: is missing; restore it and {ledger.name} from the backup")
    known = [head for head in heads if head is not None]
    return [(head["n_entries"], head["last_hash"]) for head in known if _first(head) == _first(known[0])]


def check_heads(ledger: Path, heads: Sequence[tuple[int, str]], hashes: Sequence[str]) -> None:
    """Whether the entries of a ledger go at least as far as its heads say.

    Args:
        hashes: of all entries, in order.

    Raises:
        ChainCut: entries at the end are missing, or are others.
    """
    for n_entries, last_hash in heads:
        if len(hashes) < n_entries or not hmac.compare_digest(hashes[n_entries - 1], last_hash):
            raise ChainCut(
                f"{ledger}: entry {min(n_entries, len(hashes) + 1)} of {n_entries} is missing or another one; "
                f"restore it and {SECRETS}/{head_path(ledger).name} from the backup"
            )


def _first(head: dict[str, Any]) -> str:
    return str(head.get("first_hash", ""))


def _read(ledger: Path, path: Path, key: bytes) -> dict[str, Any] | None:
    """A head that was written with the key; None for any other content."""
    try:
        with withheld_as_store_error(path):
            head: Any = json.loads(path.read_text(encoding="utf-8"))
        is_ours = hmac.compare_digest(head["mac"], _mac(ledger, head, key)) and head["n_entries"] > 0
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return head if is_ours else None


def _mac(ledger: Path, head: dict[str, Any], key: bytes) -> str:
    first = [_first(head)] if _first(head) else []  # heads of ledgers that are never begun anew have none
    text = json.dumps(["head", ledger.stem, head["n_entries"], head["last_hash"], *first])
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
