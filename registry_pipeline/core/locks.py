"""Locks that the system frees when their process or its machine dies, for every room.

Belongs here: taking one, asking whether somebody holds it.
Does not belong here: what a lock protects, and what is said when somebody else holds it.

Locks are flock's. Linux carries them over NFS 4 as locks of byte ranges: an exclusive one needs a file that is open for
writing (man 2 flock), so no folder is ever locked itself, but a file in it or beside it.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def locked(
    path: Path, is_shared: bool = False, waits: bool = True, creates: bool = True, is_new: bool = False
) -> Iterator[int]:
    """Hold a file's lock; gives the file's descriptor, open for writing unless shared.

    Args:
        path: the file (0600 where it is made).
        is_shared: others may hold it shared too.
        waits: until it is free.
        creates: the file where there is none.
        is_new: there must be none yet, not even a link.

    Raises:
        FileExistsError: there is one, and it must be new.
        BlockingIOError: another process holds it, and this one does not wait.
        FileNotFoundError: there is no such file, or no folder for it.
    """
    access = os.O_RDONLY if is_shared else os.O_RDWR
    making = (os.O_CREAT if creates else 0) | (os.O_EXCL if is_new else 0)
    handle = os.open(path, access | making, 0o600)
    try:
        kind = fcntl.LOCK_SH if is_shared else fcntl.LOCK_EX
        fcntl.flock(handle, kind if waits else kind | fcntl.LOCK_NB)
        yield handle
    finally:
        os.close(handle)


def is_locked(path: Path) -> bool:
    """Whether a process on any machine holds a file's lock; looking takes it for an instant.

    Where the file cannot be written, those who hold it shared are not seen.
    """
    try:
        with locked(path, is_shared=not os.access(path, os.W_OK), waits=False, creates=False):
            return False
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False
