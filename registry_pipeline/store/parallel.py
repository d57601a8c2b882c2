"""Statements side by side: two at a time, each on one thread.

Belongs here: in which order, and what happens to the others when one fails.
Does not belong here: the statements.

With more threads to a statement, DuckDB's calling thread polls while the others work: tables of one row group, and
checkpoints, took two to three times the CPU time. Two statements at a time keep two cores at work without it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from graphlib import TopologicalSorter

STATEMENTS = 2


def side_by_side(needs: Mapping[str, Collection[str]], work: Callable[[str], None]) -> None:
    """Do a piece of work for every name, after those that it needs.

    Args:
        needs: name -> names that come before it; of those that could be next, the first go first.
        work: called with a name, in a thread of its own: it takes a cursor of its own from a DuckDB connection.

    Raises:
        CycleError: names need each other.
        Exception: whatever the work raised first; what had begun is finished, nothing else is begun.
    """
    sorter = TopologicalSorter(needs)
    sorter.prepare()
    running: dict[Future[None], str] = {}
    with ThreadPoolExecutor(STATEMENTS) as threads:
        try:
            while sorter.is_active():
                running |= {threads.submit(work, name): name for name in sorter.get_ready()}
                ended, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in ended:
                    future.result()
                    sorter.done(running.pop(future))
        finally:
            threads.shutdown(wait=True, cancel_futures=True)
