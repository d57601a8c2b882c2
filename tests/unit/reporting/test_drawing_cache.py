"""Drawings kept between releases: the same bytes, and nothing drawn that has not changed."""

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest

import schemas
from registry_pipeline.reporting import report
from registry_pipeline.reporting.document.blocks import Section
from registry_pipeline.reporting.figures import base, drawing_cache
from registry_pipeline.reporting.figures.drawing_cache import (
    cached_drawings,
    content_digest,
    drawn_once,
    unused_drawings_swept,
)
from registry_pipeline.reporting.kept_sections import KeptSections, MadeSection
from registry_pipeline.reporting.release.disclosure.gate import DisclosedTables
from registry_pipeline.reporting.release.tables import ReleaseTables
from registry_pipeline.reporting.report import write_reports
from registry_pipeline.reporting.sections.context import Context
from tests.unit.reporting.toy_release import make_release

FRAME = pd.DataFrame({"a": [1.0, None], "b": ["x", None], "c": [date(2020, 1, 1), None]})


@pytest.fixture
def n_drawn(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Gets an entry for everything that is drawn by matplotlib."""
    drawn: list[float] = []
    draw = base.drawing

    def counted(height: float, width: float = base.WIDTH) -> object:
        drawn.append(height)
        return draw(height, width)

    for name in ("flow", "forest", "growth", "shape", "survival", "swimmer"):
        monkeypatch.setattr(f"registry_pipeline.reporting.figures.{name}.drawing", counted)
    return drawn


DIGESTS = dict.fromkeys(schemas.tables(), "as it was")


def changed(**tables: str) -> dict[str, str]:
    return DIGESTS | {name.replace("__", "."): digest for name, digest in tables.items()}


def test_a_second_report_makes_only_what_reads_something_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, n_drawn: list[float]
) -> None:
    names, queried, counted = [], set(), []
    once, make = ReleaseTables._once, report._made

    def noting(self: ReleaseTables, statement: str, values: Sequence[object], *fetch: object) -> pd.DataFrame:
        queried.update(re.sub(r"[^\w.]", " ", statement.replace('"', "")).split())
        counted.extend(re.findall(r"AS n_records.* FROM curated\.(\w+)", statement))
        return once(self, statement, values, *fetch)

    def counting(name: str, context: Context) -> MadeSection:
        names.append(name)
        queried.clear()
        made = make(name, context)
        assert queried & set(schemas.tables()) <= made.read  # it notes all that it reads
        return made

    def telling(value: object) -> str:
        try:
            return content_digest(value)
        except TypeError as problem:
            pytest.fail(f"a drawing is never kept, for it is made of a {problem}")

    monkeypatch.setattr(drawing_cache, "content_digest", telling)
    monkeypatch.setattr(ReleaseTables, "_once", noting)
    monkeypatch.setattr(report, "_made", counting)
    database = make_release(tmp_path / "registry.duckdb")

    def write(folder: str, contents: dict[str, str]) -> list[Path]:
        names.clear()
        counted.clear()
        n_drawn.clear()
        return write_reports(database, tmp_path / folder, drawings=tmp_path / "drawings", contents=contents)

    first, n_all, n_all_drawn = write("first", DIGESTS), len(names), len(n_drawn)
    assert "patient" in counted
    again = write("again", changed(result__surveillance="another", curated__lesion="another"))
    assert "growth" in names and counted == ["lesion"]
    n_always = len(names) - 1  # what names the release
    assert n_always < n_all / 4
    assert len(n_drawn) < n_all_drawn / 4
    with duckdb.connect(str(database)) as connection:
        connection.execute("UPDATE result.km_curve SET survival = survival / 2 WHERE duration_days > 300")
    kept = write("kept", changed(result__surveillance="another", result__km_curve="another"))
    assert n_always < len(names) < n_all
    assert 0 < len(n_drawn) < n_all_drawn
    anew = write_reports(database, tmp_path / "anew")
    for pages in ((first, again), (kept, anew)):
        for own, other in zip(*pages, strict=True):
            assert own.read_bytes() == other.read_bytes(), own.name


def test_where_small_counts_are_hidden_a_section_rests_on_every_count(tmp_path: Path) -> None:
    database, section = make_release(tmp_path / "registry.duckdb"), Section("a", "A", [])
    for hides in (False, True):
        with DisclosedTables(database, is_asked=hides) as tables:
            kept = KeptSections(tmp_path / "drawings", DIGESTS, tables, tmp_path / "figures")
            made = MadeSection(section, read={"result.km_summary"}, counted={"mart.cohort": 40})
            kept.keep("a", ("schemas.disease",), made)
            for name, is_found in (("result.surveillance", not hides), ("result.km_summary", False)):
                other = replace(kept, contents=DIGESTS | {name: "another"})
                assert bool(other.find_all({"a": ("schemas.disease",)})) == is_found
            assert kept.find_all({"a": ("schemas.disease",)})
            kept.keep("a", ("schemas.disease",), replace(made, counted={"mart.cohort": 41}))
            assert not kept.find_all({"a": ("schemas.disease",)})


def test_a_damaged_drawing_is_drawn_again_and_an_unused_one_removed(tmp_path: Path) -> None:
    drawn: list[int] = []

    @drawn_once
    def draw(value: int) -> str:
        drawn.append(value)
        return f"<svg>{value}</svg>\r\n"

    with cached_drawings(tmp_path):
        assert [draw(1), draw(2), draw(1)] == ["<svg>1</svg>\r\n", "<svg>2</svg>\r\n", "<svg>1</svg>\r\n"]
        assert drawn == [1, 2]
        for path in tmp_path.glob("*.txt"):
            path.write_bytes(path.read_bytes().replace(b"<svg>1", b"<svg>3"))
        with unused_drawings_swept(tmp_path):
            assert draw(1) == "<svg>1</svg>\r\n"
        assert drawn == [1, 2, 1]
        assert len(list(tmp_path.glob("*.txt"))) == 1
    assert draw(1) == "<svg>1</svg>\r\n"
    assert drawn == [1, 2, 1, 1]


def test_content_is_told_apart_and_objects_are_not() -> None:
    same = pd.DataFrame({"a": [1.0, None], "b": ["".join(["x"]), None], "c": [date(2020, 1, 1), None]})
    assert content_digest([FRAME]) == content_digest([same])
    others = [
        FRAME.assign(a=[1.0, 2.0]),
        FRAME.assign(b=["x", "None"]),
        FRAME.rename(columns={"a": "A"}),
        FRAME.iloc[::-1],
        FRAME.assign(a=[1, 0]),
        {"a": 1},
        {"a": "1"},
        [("a", 1)],
        ["a", "b"],
        ["ab"],
        np.array([1, 2]),
        np.array([1.0, 2.0]),
    ]
    digests = [content_digest(value) for value in [FRAME, *others]]
    assert len(set(digests)) == len(digests)
    with pytest.raises(TypeError):
        content_digest([len])
