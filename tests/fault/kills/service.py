"""``registry dev`` as a victim: its whole process group, itself alone or one of its processes, while the daemon refreshes."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from registry_pipeline.store.releases import current_release
from tests.fault.kills.trial import (
    Undisturbed,
    compare_tables,
    copy_of,
    keep_tables,
    look,
    must_succeed,
    shape,
    tables_file,
)
from tests.fault.kills.victims import VICTIMS, Place
from tests.support.forked import children_of, kill
from tests.support.service import Service, free_port, is_alive, until

MOST_KILLS = 5
_EFFECT = VICTIMS["refresh"]


def undisturbed_service(template: Path, folder: Path) -> Undisturbed:
    """Let the daemon refresh a copy of the template; the tables are kept in a file beside it."""
    place = copy_of(template, folder)
    begin = time.monotonic()
    _live_until_refreshed(place)
    seconds = time.monotonic() - begin
    must_succeed(partial(keep_tables, place.home, tables_file(folder)), folder / "out")
    return Undisturbed(0, seconds, shape(place))


def _live_until_refreshed(place: Place) -> None:
    """Start the service, wait for the new release, stop it as an operator does."""
    service = Service(place.home, free_port())
    try:
        until(lambda: current_release(place.home) != place.first, service)
        service.process.send_signal(signal.SIGTERM)
        assert service.ended() == 0, service.log.read_text()[-2000:]
    finally:
        if is_alive(service.process.pid):
            service.signal_all(signal.SIGKILL)
            service.process.wait()


def service_trial(expected: Undisturbed, tables_of: Path, place: Place, rng: random.Random) -> Iterator[str]:
    """Kill the service at random moments until the release is there; then one lives, and all is compared."""
    for _ in range(MOST_KILLS):
        service = Service(place.home, free_port())
        target = rng.choice(("group", "group", "leader", "child"))
        time.sleep(rng.uniform(0.5, expected.seconds))
        victims = {
            "group": [],
            "leader": [service.process.pid],
            "child": children_of(service.process.pid)[-1:],
        }
        if victims[target]:
            kill(victims[target][0])
        else:
            service.signal_all(signal.SIGKILL)
        code = service.ended()
        assert code in (-signal.SIGKILL, 1), service.log.read_text()[-2000:]
        yield f"{target}, at a moment: {look(_EFFECT, place)}"
        if _EFFECT.is_done(place):
            break
    else:
        _live_until_refreshed(place)
    must_succeed(partial(compare_tables, place.home, tables_of), place.folder / "out")
    left = shape(place) ^ expected.shape
    assert not left, f"other files than of the undisturbed run: {sorted(left)[:6]}"
