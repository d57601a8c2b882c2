"""Who the patients are: Table 1, overall and by group, with missing values counted.

Belongs here: medians, counts, their suppression. Does not belong here: other tables, standardised differences.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from registry_pipeline.reporting.document.blocks import Column, Row, Table
from registry_pipeline.reporting.document.wording import (
    NOT_GIVEN,
    Words,
    count,
    lower_first,
    number,
    upper_first,
)
from registry_pipeline.reporting.release.disclosure.gate import DisclosedTables
from registry_pipeline.reporting.release.disclosure.standardised import (
    FEW_VALUES,
    category_difference,
    number_difference,
)
from registry_pipeline.reporting.release.disclosure.suppression import Counts, Mask, hidden_cells
from schemas.codes import CODE_LISTS
from schemas.study import AGE, AGE_GROUP, BED, MAX_DIAMETER, SITE, SIZE_GROUP

_FEW_LEVELS = 12
_ORDERS = {AGE_GROUP.name: ("<50", "50-64", "65+"), SIZE_GROUP.name: ("small", "large")}
_CUTS = {MAX_DIAMETER.name: SIZE_GROUP.name, AGE.name: AGE_GROUP.name}  # a number, and the groups that cut it
# Levels whose sum other tables show as a group of their own.
_TOGETHER = {SITE.name: ("lung", "other")}
_MISSING = {BED.name: "not irradiated, or missing"}


@dataclass(frozen=True)
class Variable:
    """A line of Table 1: a column of the frame, and whether it is a number."""

    name: str
    is_number: bool = False


@dataclass(frozen=True)
class Family:
    """Columns of Table 1 that split the patients: the variable and its levels in order."""

    variable: str
    levels: tuple[str, ...]


@dataclass(frozen=True)
class _Split:
    frame: pd.DataFrame
    masks: list[Mask]
    families: list[tuple[str, list[int]]]  # variable, positions of its columns
    limit: int

    @property
    def exact(self) -> list[list[int]]:
        """Families whose groups add up to all patients; of the others the sum is not known."""
        everyone = len(self.frame)
        return [
            family for _, family in self.families if sum(int(self.masks[i].sum()) for i in family) == everyone
        ]


def table_one(
    tables: DisclosedTables,
    source: str,
    variables: Sequence[Variable],
    families: Sequence[Family],
    words: Words,
    caption: str,
) -> Table:
    """Table 1 of a table of the release with one row per patient.

    Args:
        families: by what the patients are split.
    """
    names = [described.name for described in variables] + [family.variable for family in families]
    frame = tables.people(source, tuple(dict.fromkeys(names)))
    return described_table(
        frame,
        variables,
        families,
        words,
        caption=caption,
        source=source,
        limit=tables.limit,
        n=tables.n_rows(source),
    )


def described_table(
    frame: pd.DataFrame,
    variables: Sequence[Variable],
    families: Sequence[Family],
    words: Words,
    *,
    caption: str,
    source: str,
    limit: int = 0,
    n: object = None,
) -> Table:
    """Table 1 of a frame with one row per patient.

    Args:
        limit: counts below it are hidden, with as many others as are needed; 0 hides nothing.
        n: all patients as they may be counted; None for the rows of the frame.
    """
    columns, split, notes = _columns(len(frame) if n is None else n, frame, families, words, limit)
    rows: list[Row] = []
    is_hidden = False
    for variable in variables:
        if variable.name in frame and frame[variable.name].notna().any():
            result, hides = _variable_rows(split, variable, words)
            rows += result
            is_hidden |= hides
    if is_hidden:
        notes.append(
            f"Counts below {limit} are hidden, and others where the hidden ones would follow from them."
        )
    return Table(caption, "Characteristic", tuple(columns), tuple(rows), source, tuple(notes), is_wide=True)


def _columns(
    n: object, frame: pd.DataFrame, families: Sequence[Family], words: Words, limit: int
) -> tuple[list[Column], _Split, list[str]]:
    columns = [Column(f"All, n\u00a0=\u00a0{count(n)}")]
    masks = [np.ones(len(frame), dtype=bool)]
    positions: list[tuple[str, list[int]]] = []
    notes = ["Numbers: median (lower to upper quartile). Categories: n (% of those with a value)."]
    for family in families:
        values = _as_text(frame[family.variable]) if family.variable in frame else pd.Series(dtype=object)
        masks_of = {level: values.eq(level).to_numpy(bool) for level in family.levels}
        chosen = [(level, mask) for level, mask in masks_of.items() if mask.any()]
        if len(chosen) < 2:
            continue
        title = words.variable(family.variable)
        ungrouped = int(values.isna().sum())
        if any(0 < int(mask.sum()) < limit for _, mask in chosen) or 0 < ungrouped < limit:
            notes.append(
                f"The split by {lower_first(title)} is left out: a group has fewer than {limit} patients."
            )
            continue
        if ungrouped:
            notes.append(
                f"{title}: unknown in {count(ungrouped)} patients, who are in the first column only."
            )
        positions.append((family.variable, list(range(len(masks), len(masks) + len(chosen)))))
        for level, mask in chosen:
            columns.append(
                Column(
                    f"{upper_first(words.level(family.variable, level))}, n\u00a0=\u00a0{count(mask.sum())}",
                    title,
                )
            )
            masks.append(mask)
        columns.append(Column("SMD", title))
    if positions:
        notes.append(
            "SMD: standardised difference; with three groups the largest of the pairs. Groups with fewer than "
            f"{FEW_VALUES} values are left out of it. Above 0.1 is read as unlike."
        )
    return columns, _Split(frame, masks, positions, limit), notes


def _variable_rows(split: _Split, variable: Variable, words: Words) -> tuple[list[Row], bool]:
    if variable.is_number:
        return _number_rows(split, variable, words)
    return _category_rows(split, variable, words)


def _number_rows(split: _Split, variable: Variable, words: Words) -> tuple[list[Row], bool]:
    values = pd.to_numeric(split.frame[variable.name], errors="coerce").astype(float)
    parts = [values[mask] for mask in split.masks]
    digits = 0 if (values.dropna() % 1 == 0).all() or values.median() >= 50 else 1
    own = _CUTS.get(variable.name)  # what the groups are made of differs between them by construction
    smd = ["" if name == own else number_difference(parts, family) for name, family in split.families]
    cells = _with_smd(split, [_quartiles(part, digits) for part in parts], smd)
    rows = [Row(words.measure(variable.name), tuple(cells), "group")]
    absent = np.array(
        [[int(part.isna().sum()) for part in parts], [int(part.notna().sum()) for part in parts]]
    )
    if not absent[0].any():
        return rows, False
    hidden = hidden_cells(absent, split.exact, split.limit)
    rows.append(_missing_row(split, variable.name, absent[0], hidden[0]))
    return rows, bool(hidden.any())


def _category_rows(split: _Split, variable: Variable, words: Words) -> tuple[list[Row], bool]:
    values = _with_rest(_as_text(split.frame[variable.name]))
    levels = _levels(values, variable.name)
    counts, absent = _counts(values, levels, split.masks)
    together = [i for i, level in enumerate(levels) if level in _TOGETHER.get(variable.name, ())]
    hidden = hidden_cells(
        np.vstack([counts, absent]), split.exact, split.limit, [together] if together else []
    )
    # A percentage would tell how many are missing, and a standardised difference how many are hidden.
    totals = np.where(hidden[-1], 0, counts.sum(axis=0))
    smd = [
        "" if hidden.any() or name == variable.name else category_difference(counts[:, family])
        for name, family in split.families
    ]
    nothing = [""] * len(smd)
    rows = [
        Row(words.variable(variable.name), tuple(_with_smd(split, [""] * len(split.masks), smd)), "group")
    ]
    for i, level in enumerate(levels):
        cells = [_n_percent(int(n), int(totals[j]), bool(hidden[i, j])) for j, n in enumerate(counts[i])]
        for name, family in split.families:
            if name == variable.name:
                cells = ["" if position in family else cell for position, cell in enumerate(cells)]
        rows.append(Row(words.level(variable.name, level), tuple(_with_smd(split, cells, nothing)), "level"))
    if absent.any():
        rows.append(_missing_row(split, variable.name, absent, hidden[-1]))
    return rows, bool(hidden.any())


def _as_text(column: pd.Series) -> pd.Series:
    """Every value as text, missing ones None: made once per distinct value, of which there are few."""
    codes, values = pd.factorize(column)
    texts = np.array([*values.astype("string").tolist(), None], dtype=object)
    return pd.Series(texts[codes], index=column.index)


def _counts(values: pd.Series, levels: Sequence[str], masks: Sequence[Mask]) -> tuple[Counts, Counts]:
    """How many of each mask have each level (levels by masks), and how many have none."""
    codes = pd.Categorical(values, categories=levels).codes.astype(np.int64) + 1  # 0: missing
    counted = np.array([np.bincount(codes[mask], minlength=len(levels) + 1) for mask in masks])
    return counted[:, 1:].T, counted[:, 0]


def _missing_row(split: _Split, name: str, absent: Counts, hidden: Mask) -> Row:
    cells = [NOT_GIVEN if hidden[i] else count(n) for i, n in enumerate(absent)]
    head = _MISSING.get(name, "missing")
    return Row(head, tuple(_with_smd(split, cells, [""] * len(split.families))), "level")


def _with_rest(values: pd.Series) -> pd.Series:
    """Values with the rare levels of a long list put together."""
    common = values.value_counts()
    if len(common) <= _FEW_LEVELS:
        return values
    frequent = sorted(common.items(), key=lambda item: (-item[1], item[0]))[: _FEW_LEVELS - 1]
    return values.where(values.isin([level for level, _ in frequent]) | values.isna(), "all others")


def _levels(values: pd.Series, name: str) -> list[str]:
    """Levels in the order of their code list, then of their text."""
    present = sorted(values.dropna().unique().tolist())
    coded = CODE_LISTS[name].codes if name in CODE_LISTS else _ORDERS.get(name, ())
    return [level for level in coded if level in present] + [level for level in present if level not in coded]


def _with_smd(split: _Split, cells: Sequence[str], smd: Sequence[str]) -> list[str]:
    """The cells with each family's standardised difference behind its columns."""
    result = [cells[0]]
    for (_, family), difference in zip(split.families, smd, strict=True):
        result += [*(cells[i] for i in family), difference]
    return result


def _quartiles(values: pd.Series, digits: int) -> str:
    numbers = values.dropna()
    if numbers.empty:
        return NOT_GIVEN
    low, middle, high = numbers.quantile([0.25, 0.5, 0.75])
    return f"{number(middle, digits)} ({number(low, digits)}–{number(high, digits)})"


def _n_percent(n: int, total: int, is_hidden: bool) -> str:
    return NOT_GIVEN if is_hidden else f"{count(n)} ({number(100 * n / total)})" if total else count(n)
