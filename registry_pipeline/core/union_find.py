"""Which things belong together, when only pairs of them are known.

Belongs here: :class:`UnionFind`, which every room may use for chains of links (A = B, B = C).
Does not belong here: what is linked, and by whom (``intake/identity/links.py``, ``validation/decisions/ledger.py``).
"""

from collections.abc import Hashable, Iterable
from typing import Generic, TypeVar

Thing = TypeVar("Thing", bound=Hashable)


class UnionFind(Generic[Thing]):
    """Disjoint sets with path halving and union by size (Tarjan 1975): next to linear in the links."""

    def __init__(self, links: Iterable[tuple[Thing, Thing]] = ()) -> None:
        self._parent: dict[Thing, Thing] = {}
        self._size: dict[Thing, int] = {}
        for thing, other in links:
            self.join(thing, other)

    def root(self, thing: Thing) -> Thing:
        """The member that stands for the set of ``thing``; arbitrary, but the same for all of the set."""
        parent = self._parent
        if thing not in parent:
            parent[thing], self._size[thing] = thing, 1
        while parent[thing] != thing:
            parent[thing] = parent[parent[thing]]
            thing = parent[thing]
        return thing

    def join(self, thing: Thing, other: Thing) -> None:
        """Put the sets of both together."""
        large, small = self.root(thing), self.root(other)
        if large == small:
            return
        if self._size[large] < self._size[small]:
            large, small = small, large
        self._parent[small] = large
        self._size[large] += self._size[small]

    def groups(self) -> list[list[Thing]]:
        """The sets of more than one thing, each in the order in which its members were first named."""
        result: dict[Thing, list[Thing]] = {}
        for thing in list(self._parent):
            result.setdefault(self.root(thing), []).append(thing)
        return [group for group in result.values() if len(group) > 1]
