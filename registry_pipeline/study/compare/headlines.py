"""What moved each headline number between two releases, in shares that add up.

Belongs here: dividing a change among its causes. Does not belong here: the mixtures of records (``states.py``), the
estimates (``study/bounds.py``).

Every share is a Shapley value: what a cause adds to the number, estimated anew with and without it, on average over
every order in which the causes can come. The shares of all causes add up to the change. Source: L. S. Shapley, A value
for n-person games, 1953. The code's share is what the present code makes of each release beside what it published.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

from registry_pipeline.core.home import Home
from registry_pipeline.store.releases import DATABASE, choose_release, release_folder
from registry_pipeline.study.bounds import headline_numbers
from registry_pipeline.study.compare.states import CODE, Mixture, mixture

Numbers = Mapping[str, float]


@dataclass(frozen=True)
class HeadlineChange:
    """A headline number in two releases.

    Attributes:
        before, after: as published; NaN where it was not estimable.
        shares: cause -> what it moved the number by, in its unit; they add up to the change. Empty where the number
            is not estimable with some of the causes at work: ``note`` says so.
    """

    headline: str
    description: str
    unit: str
    before: float
    after: float
    shares: Mapping[str, float] = field(default_factory=dict)
    note: str = ""

    @property
    def change(self) -> float:
        """Later less earlier value."""
        return self.after - self.before

    @property
    def is_changed(self) -> bool:
        """Whether it differs, or there is something to say of it; not estimable twice is no change."""
        both_missing = math.isnan(self.before) and math.isnan(self.after)
        return bool(self.note) or not (both_missing or self.before == self.after)


def headline_changes(home: Home, before_id: str, after_id: str) -> list[HeadlineChange]:
    """Every headline number of either release, with what moved it.

    Raises:
        NoRelease: there is no such release.
        StoreError: a release cannot be read.
    """
    paths = [
        release_folder(home, choose_release(home, release_id)) / DATABASE
        for release_id in (before_id, after_id)
    ]
    with mixture(paths[0], paths[1], home.settings().refresh.duckdb_memory, home.store) as mixed:
        published = [_published(mixed, database) for database in ("before", "after")]
        names = {name: row for rows in published for name, row in rows.items()}
        estimates = _Estimates(mixed)
        return [_change(name, row, estimates, published) for name, row in names.items()]


def _change(
    name: str,
    row: Mapping[str, Any],
    estimates: _Estimates,
    published: Sequence[Mapping[str, Mapping[str, Any]]],
) -> HeadlineChange:
    before, after = (_value(rows, name) for rows in published)
    shares, note = _shares(name, estimates, before, after)
    return HeadlineChange(name, row["description"], row["unit"] or "", before, after, shares, note)


def _published(mixed: Mixture, database: str) -> dict[str, dict[str, Any]]:
    """Headline -> its row of ``result.bounds``."""
    result = mixed.connection.execute(
        f"SELECT headline, description, unit, computed_value FROM {database}.result.bounds WHERE headline IS NOT NULL"
    )
    names = [column[0] for column in result.description or []]
    rows = (dict(zip(names, row, strict=True)) for row in result.fetchall())
    return {str(row["headline"]): row for row in rows}


def _value(rows: Mapping[str, Mapping[str, Any]], name: str) -> float:
    value = rows.get(name, {}).get("computed_value")
    return math.nan if value is None else float(value)


@dataclass
class _Estimates:
    """The headline numbers of every mixture, each estimated once."""

    mixed: Mixture
    _known: dict[frozenset[str], Numbers] = field(default_factory=dict)

    @property
    def active(self) -> list[str]:
        """The causes at work."""
        return self.mixed.active

    def of(self, causes: frozenset[str]) -> Numbers:
        """The numbers with these causes at work."""
        if causes not in self._known:
            self._known[causes] = headline_numbers(*self.mixed.marts(causes))
        return self._known[causes]


def _shares(name: str, estimates: _Estimates, before: float, after: float) -> tuple[dict[str, float], str]:
    """Cause -> share of the change of one number, or why there is none."""
    if not (math.isfinite(before) and math.isfinite(after)):
        return {}, "not estimable in one of both releases"

    def value(causes: frozenset[str]) -> float:
        return float(estimates.of(causes).get(name, math.nan))

    all_causes = frozenset(estimates.active)
    shares = shapley_values(estimates.active, value)
    shares[CODE] = (value(frozenset()) - before) + (after - value(all_causes))
    if not all(map(math.isfinite, shares.values())):
        return {}, "not estimable with some of the causes at work"
    return shares, ""


def shapley_values(causes: Sequence[str], value: Callable[[frozenset[str]], float]) -> dict[str, float]:
    """What each cause adds on average over every order; the shares add up to the value of all less that of none."""
    n = len(causes)
    shares = {}
    for cause in causes:
        others = [other for other in causes if other != cause]
        shares[cause] = sum(
            math.factorial(size) * math.factorial(n - size - 1) / math.factorial(n)
            * (value(frozenset({*chosen, cause})) - value(frozenset(chosen)))
            for size in range(n)
            for chosen in combinations(others, size)
        )  # fmt: skip
    return shares
