"""One refresh at a time: the store's lock, held once per process.

Belongs here: holding the lock across steps that take it each for themselves.
Does not belong here: the lock itself (``store/parquet.py``).
"""

from collections.abc import Iterator
from contextlib import contextmanager

from registry_pipeline.core.home import Home
from registry_pipeline.store.parquet import exclusive

_HELD: set[str] = set()


@contextmanager
def refresh_lock(home: Home) -> Iterator[None]:
    """Hold the lock of the store; inside a block that holds it already, do nothing.

    Raises:
        StoreError: another process holds it.
    """
    name = str(home.store)
    if name in _HELD:
        yield
        return
    with exclusive(home.store):
        _HELD.add(name)
        try:
            yield
        finally:
            _HELD.discard(name)
