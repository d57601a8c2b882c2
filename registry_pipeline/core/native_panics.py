"""Failures of native libraries that Python does not count among its exceptions.

Belongs here: what a guard has to let pass, and everything else as an ``Exception`` that guards see.
Does not belong here: what a guard does with it.
"""

from collections.abc import Iterator
from contextlib import contextmanager

_PASSING = (Exception, KeyboardInterrupt, SystemExit, GeneratorExit)
_PASSING_NAMES = ("Interrupt", "CancelledError")
"""Of frameworks, and of asyncio, which takes longer to load than most commands take."""


class NativePanic(Exception):
    """A native library gave up (a Rust panic of polars or fastexcel). Names its kind only: its text may quote values."""


@contextmanager
def panics_as_exceptions() -> Iterator[None]:
    """Inside every guard of the product: a native panic is an :class:`NativePanic`, all else stays what it is.

    pyo3's ``PanicException`` derives from ``BaseException``, so that ``except Exception`` does not see it. What has
    to pass is what ends a program or a task, interrupts of frameworks included, which derive from it too.

    Raises:
        NativePanic: in place of any other ``BaseException``.
    """
    try:
        yield
    except _PASSING:
        raise
    except BaseException as panic:
        if any(name in type(panic).__name__ for name in _PASSING_NAMES):
            raise
        raise NativePanic(f"a native library gave up ({type(panic).__name__})") from None
