"""Mutants that no input can tell from the rule, with the reason.

Belongs here: reading ``equivalent.toml`` and finding its mutants. Does not belong here: judging.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.mutation.mutants import Mutant

FILE = Path(__file__).with_name("equivalent.toml")


@dataclass(frozen=True)
class Equivalent:
    """One declared mutant.

    Attributes:
        file: path relative to the project.
        line: the original line, without the blanks around it.
        change: as the tool prints it.
        number: which of the same changes of that line, from 1.
        reason: why no input can tell it from the rule.
    """

    file: str
    line: str
    change: str
    reason: str
    number: int = 1


def declared() -> list[Equivalent]:
    """Every entry of ``equivalent.toml``."""
    with FILE.open("rb") as file:
        return [Equivalent(**entry) for entry in tomllib.load(file).get("equivalent", [])]


def place_of(mutant: Mutant, mutants: Sequence[Mutant], root: Path) -> tuple[str, str, str, int]:
    """File, line's text, change and number: what an entry of ``equivalent.toml`` has to name."""
    line = (root / mutant.file).read_text(encoding="utf-8").splitlines()[mutant.line - 1].strip()
    same = [
        one.start
        for one in mutants
        if (one.file, one.line, one.change) == (mutant.file, mutant.line, mutant.change)
    ]
    return mutant.file, line, mutant.change, sorted(same).index(mutant.start) + 1


def split(mutants: Sequence[Mutant], root: Path) -> tuple[list[Mutant], list[Mutant], list[Equivalent]]:
    """Mutants to judge, mutants declared equivalent, and entries that name no mutant any more."""
    entries = {(one.file, one.line, one.change, one.number): one for one in declared()}
    kept: list[Mutant] = []
    left_out: list[Mutant] = []
    seen: set[tuple[str, str, str, int]] = set()
    for mutant in mutants:
        place = place_of(mutant, mutants, root)
        (left_out if place in entries else kept).append(mutant)
        seen.add(place)
    return kept, left_out, [one for place, one in entries.items() if place not in seen]
