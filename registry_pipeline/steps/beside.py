"""Work in a process of its own, beside the one that waits for it: two cores instead of one.

Belongs here: starting the process, its end with ours, bringing back what it made or why it failed.
Does not belong here: what is worth a process of its own.
"""

import multiprocessing
import os
import signal
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection, wait
from typing import Any, TypeVar

T = TypeVar("T")


def has_second_core() -> bool:
    """Whether a second process would have a core for itself."""
    return len(os.sched_getaffinity(0)) > 1 if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1) > 1


@contextmanager
def beside(function: Callable[..., T], *arguments: object) -> Iterator[Callable[[], T]]:
    """Run a function in a process of its own while the block runs; call what the block is given for its result.

    Leaving the block ends the process, whatever it does; when this process is killed, it dies too.

    Args:
        function: of a module's top level; it, its arguments and its result are pickled.

    Raises:
        MemoryError: (of the call in the block) the process was killed, which the system does to who takes too much.
        Exception: (of the call in the block) whatever the function raised.
    """
    spawning = multiprocessing.get_context("spawn")  # a fork would copy locks that threads of polars hold
    ours, theirs = spawning.Pipe(duplex=False)
    process = spawning.Process(target=_work, args=(theirs, function, arguments), daemon=True)
    process.start()
    theirs.close()
    try:
        yield lambda: _result(ours)
    finally:
        process.kill()
        process.join()
        ours.close()


def _result(ours: Connection) -> Any:
    try:
        is_made, made = ours.recv()
    except EOFError:
        raise MemoryError("a process that made a part of the results was killed") from None
    if not is_made:
        raise made
    return made


def _work(theirs: Connection, function: Callable[..., object], arguments: tuple[object, ...]) -> None:
    """In the other process: do it and send what came of it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal tells both; ours decides
    threading.Thread(target=_die_with_parent, daemon=True).start()
    try:
        theirs.send((True, function(*arguments)))
    except Exception as problem:
        problem.add_note(traceback.format_exc())  # pickling drops the way to it
        try:
            theirs.send((False, problem))
        except Exception:  # it holds what cannot be pickled
            theirs.send((False, RuntimeError(f"{type(problem).__name__} in another process")))


def _die_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os._exit(1)
