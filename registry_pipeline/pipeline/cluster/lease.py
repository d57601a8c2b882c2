"""Who may work for a refresh: the coordinator's lease, the locks of those at work, how a refresh sees that nobody is.

Belongs here: files and locks in ``store/cluster`` of the shared home. Does not belong here: what the work is.

Ages are differences of times that the same file server wrote, so that clocks of machines may differ. Who takes over a
home (the next refresh) removes the manifest and waits until nobody is at work: only then may it sweep what a killed
process left.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from registry_pipeline.core.execution import Execution
from registry_pipeline.core.files import StoreError
from registry_pipeline.core.home import Home
from registry_pipeline.core.locks import is_locked, locked
from registry_pipeline.pipeline.cluster.manifest import (
    RefreshManifest,
    manifest_path,
    read_manifest,
    write_manifest,
)
from registry_pipeline.pipeline.context import RefreshContext
from registry_pipeline.pipeline.errors import Refused
from registry_pipeline.pipeline.step import refresh_lock
from registry_pipeline.store.layout import StoreLayout

MOST_ATTEMPTS = 3
"""Workers that may die over one facility: a fourth would too."""
TAKE_OVER_SECONDS = 60.0
"""How long a refresh waits for those who still work for an earlier one."""
_LOOK_SECONDS = 0.2


class Watch:
    """The coordinator's view of its workers while it waits for them: it renews the lease and sees when nobody works.

    Attributes:
        is_stalled: nobody has worked for longer than the patience lasts.
        is_interrupted: the coordinator was told to end.
    """

    def __init__(self, home: Home, limits: Execution, clock: Callable[[], float] = time.monotonic) -> None:
        self._home, self._limits, self._clock = home, limits, clock
        self._renewed = self._looked = float("-inf")
        self._last_work = clock()
        self.is_stalled = self.is_interrupted = False
        self.look()

    def look(self, has_result: bool = False) -> bool:
        """Renew the lease where that is due; whether nobody has worked for longer than the patience lasts.

        Args:
            has_result: a result has just come.
        """
        now = self._clock()
        if now - self._renewed > self._limits.lease_seconds / 4:
            _lease_path(self._home).touch(mode=0o600)
            self._renewed = now
        if has_result:
            self._last_work = now
        elif now - self._looked > 1:
            self._looked = now
            if is_anybody_at_work(self._home):
                self._last_work = now
        self.is_stalled = self.is_stalled or now - self._last_work > self._limits.patience_seconds
        return self.is_stalled


@contextmanager
def leading(context: RefreshContext, refresh_id: str) -> Iterator[Watch]:
    """Inside the block workers may work for this refresh; to be called by the one who holds the store's lock."""
    home = context.home
    folder = _folder(home)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    watch = Watch(home, context.settings.execution)
    write_manifest(context, refresh_id)
    try:
        yield watch
    finally:
        manifest_path(home).unlink(missing_ok=True)


def end_earlier_work(home: Home, seconds: float = TAKE_OVER_SECONDS) -> None:
    """Nobody works for an earlier refresh any more when this returns; to be called with the store's lock.

    Raises:
        StoreError: somebody still does after so many seconds.
    """
    if not _folder(home).is_dir():
        return
    manifest_path(home).unlink(missing_ok=True)
    until = time.monotonic() + seconds
    while is_anybody_at_work(home):
        if time.monotonic() > until:
            raise StoreError(
                f"{home.store}: workers are still busy with a facility for an earlier refresh; try again when they "
                "have ended"
            )
        time.sleep(_LOOK_SECONDS)


def is_anybody_at_work(home: Home) -> bool:
    """Whether a worker on any machine is at work on a facility of this home."""
    return is_locked(_folder(home) / "at_work.lock")


@contextmanager
def at_work(home: Home, refresh_id: str, facility_id: str, lease_seconds: float) -> Iterator[RefreshManifest]:
    """A worker's turn with one facility, as a part of a refresh that another process leads.

    A message may be delivered twice: whoever comes second waits, and finds nothing left to do.

    Raises:
        Refused: the refresh has ended or its coordinator is gone, or several workers died over this facility.
    """
    folder = _folder(home)
    with ExitStack() as stack:
        try:
            stack.enter_context(locked(folder / "at_work.lock", is_shared=True))
            turn = stack.enter_context(locked(folder / f"{facility_id}.turn"))
        except FileNotFoundError:
            raise Refused(f"{folder}: is not there; is the registry home mounted on this machine?") from None
        manifest = read_manifest(home, refresh_id)
        _refuse_without_lease(home, turn, lease_seconds)
        _count_attempt(turn, refresh_id, facility_id)
        with refresh_lock(home, is_lent=True):
            yield manifest
        os.truncate(turn, 0)


def _refuse_without_lease(home: Home, turn: int, lease_seconds: float) -> None:
    os.utime(turn)  # now, as the file server has it
    try:
        age = os.fstat(turn).st_mtime - _lease_path(home).stat().st_mtime
    except FileNotFoundError:
        age = float("inf")
    if age > lease_seconds:
        raise Refused(
            "the refresh that asked for this work was not heard of for too long; nothing was done for it"
        )


def _count_attempt(turn: int, refresh_id: str, facility_id: str) -> None:
    """Whoever dies at work leaves its attempt written down."""
    earlier, _, number = os.pread(turn, 200, 0).decode("utf-8", "replace").partition(" ")
    n_attempts = int(number) + 1 if earlier == refresh_id and number.isdigit() else 1
    if n_attempts > MOST_ATTEMPTS:
        raise Refused(
            f"{facility_id}: {MOST_ATTEMPTS} workers died over it, as they do where memory runs out; refresh it on a "
            'larger machine, with engine = "embedded"'
        )
    os.truncate(turn, 0)
    os.pwrite(turn, f"{refresh_id} {n_attempts}".encode(), 0)


def _folder(home: Home) -> Path:
    return StoreLayout(home.store).cluster()


def _lease_path(home: Home) -> Path:
    return _folder(home) / "lease"
