"""Drawings kept between releases: the same bytes, and nothing drawn that has not changed."""

from datetime import date
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest

from registry_pipeline.reporting.figures import base
from registry_pipeline.reporting.figures.drawing_cache import (
    cached_drawings,
    content_digest,
    drawn_once,
    unused_drawings_swept,
)
from registry_pipeline.reporting.report import write_reports
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

    for name in ("flow", "forest", "growth", "quality", "shape", "survival", "swimmer"):
        monkeypatch.setattr(f"registry_pipeline.reporting.figures.{name}.drawing", counted)
    return drawn


def test_a_second_report_draws_only_what_changed(tmp_path: Path, n_drawn: list[float]) -> None:
    database, drawings = make_release(tmp_path / "registry.duckdb"), tmp_path / "drawings"
    first = write_reports(database, tmp_path / "first", drawings=drawings)
    n_all = len(n_drawn)
    n_drawn.clear()
    again = write_reports(database, tmp_path / "again", drawings=drawings)
    assert len(n_drawn) < n_all / 2  # curves with numbers at risk are told by a function
    n_always = len(n_drawn)
    for own, other in zip(again, first, strict=True):
        assert own.read_bytes() == other.read_bytes(), own.name

    with duckdb.connect(str(database)) as connection:
        connection.execute("UPDATE quality.row_account SET n_read = n_read + 1, n_curated = n_curated + 1")
    n_drawn.clear()
    kept = write_reports(database, tmp_path / "kept", drawings=drawings)
    assert n_always < len(n_drawn) < n_all
    for own, other in zip(kept, write_reports(database, tmp_path / "anew"), strict=True):
        assert own.read_bytes() == other.read_bytes(), own.name


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
