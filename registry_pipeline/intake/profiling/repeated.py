"""Columns that are there once for each lesion, told apart by a number: ``lesion_1_size``, ``lesion_2_size``.

Belongs here: finding them, and a source as it looks with those of one number. Does not belong here: what they feed.
"""

from __future__ import annotations

import copy
import re
from collections import defaultdict
from collections.abc import Iterable

from registry_pipeline.intake.profiling.files import SourceGroup
from registry_pipeline.intake.profiling.words import read_header, tokens_of

_NUMBER = re.compile(r"(?<![0-9])([1-9][0-9]?)(?![0-9])")


def numbered_columns(names: Iterable[str]) -> dict[int, dict[str, str]]:
    """Number -> column -> its name without the number, where the numbers of a name run from 1 to 2 at least."""
    by_name: dict[tuple[str, ...], dict[int, tuple[str, str]]] = defaultdict(dict)
    for name in names:
        for match in _NUMBER.finditer(name):
            plain = f"{name[: match.start()]} {name[match.end() :]}".strip(" _-.")
            if plain:
                by_name[tokens_of(plain)].setdefault(int(match[1]), (name, plain))
    numbered: dict[int, dict[str, str]] = defaultdict(dict)
    for columns in by_name.values():
        if len(columns) > 1 and sorted(columns) == list(range(1, len(columns) + 1)):
            for number, (name, plain) in columns.items():
                numbered[number][name] = plain
    return dict(sorted(numbered.items()))


def with_columns_of(group: SourceGroup, own: dict[str, str], all_numbered: Iterable[str]) -> SourceGroup:
    """The source as it looks without numbered columns but ``own`` ones, which are read without their number."""
    view = SourceGroup(group.name, group.globs, group.files)
    view.frame = group.frame
    left_out = set(all_numbered) - set(own)
    view.columns = {name: copy.copy(column) for name, column in group.columns.items() if name not in left_out}
    for name, plain in own.items():
        view.columns[name].header = read_header(plain)
    return view
