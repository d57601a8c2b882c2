"""What an analyst starts from, asked of the demonstration: the ten questions in SQL and in R, the notebook."""

from __future__ import annotations

import csv
import io
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from registry_pipeline.store.releases import open_release, release_folder
from tests.e2e.conftest import Demo
from tests.support.registry_home import command

pytestmark = pytest.mark.slow

PAGE = Path(__file__).resolve().parents[2] / "docs/questions.md"
FILES = re.compile(r'"((?:mart|meta)\.\w+)\.csv"')
N_QUESTIONS = 10
N_CELLS = 5


def _blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


def _number(cell: object) -> object:
    try:
        return float(str(cell))
    except ValueError:
        return {"NA": "", "None": ""}.get(str(cell), str(cell))


def _answers(demo: Demo, folder: Path) -> list[list[list[object]]]:
    """What SQL answers; the tables that R reads are written beside it, as the page says."""
    for name in set(FILES.findall(PAGE.read_text(encoding="utf-8"))):
        words = ("--release", demo.corrected, "--out", str(folder / f"{name}.csv"), f"FROM {name}")
        assert command(demo.home, "sql", *words)[0] == 0
    with open_release(demo.home, demo.corrected) as release:
        results = [release.sql(block).fetchall() for block in _blocks("sql")]
    return [[["" if cell is None else cell for cell in row] for row in rows] for rows in results]


def test_every_question_has_an_answer_in_sql(demo: Demo, tmp_path: Path) -> None:
    answers = _answers(demo, tmp_path)
    assert len(answers) == N_QUESTIONS and all(answers), [len(rows) for rows in answers]


def test_r_answers_the_same(demo: Demo, tmp_path: Path) -> None:
    if shutil.which("Rscript") is None:
        pytest.skip("R is not installed: no Rscript on the path")
    blocks = _blocks("r")
    assert len(blocks) == N_QUESTIONS
    script = "\n".join(
        f'{block}\nwrite.csv(answer, "answer{number}.csv", row.names = FALSE)'
        for number, block in enumerate(blocks, start=1)
    )
    expected = _answers(demo, tmp_path)
    run = subprocess.run(
        ["Rscript", "-"], input=script, text=True, capture_output=True, cwd=tmp_path, check=False
    )
    assert run.returncode == 0, run.stderr
    for number, rows in enumerate(expected, start=1):
        text = (tmp_path / f"answer{number}.csv").read_text(encoding="utf-8")
        received = list(csv.reader(io.StringIO(text)))[1:]
        assert len(received) == len(rows), number
        for mine, theirs in zip(rows, received, strict=True):
            for left, right in zip(map(_number, mine), map(_number, theirs), strict=True):
                assert left == (pytest.approx(right, rel=1e-9) if isinstance(right, float) else right), number


def test_the_notebook_reproduces_the_release(demo: Demo, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("marimo", reason="marimo is not installed: pip install 'registry-pipeline[notebook]'")
    from registry_pipeline.notebooks.release import DATABASE, app

    database = release_folder(demo.home, demo.corrected) / "registry.duckdb"
    monkeypatch.setenv(DATABASE, str(database))
    outputs, variables = app.run()
    assert len([output for output in outputs if output is not None]) == N_CELLS, "a cell shows nothing"
    assert len(variables["headline"]) > 0
    assert variables["curve_difference"] == pytest.approx(0, abs=1e-9)
    assert variables["term_difference"] == pytest.approx(0, abs=1e-6)
    variables["release"].close()
    assert len(variables["origin"]) > 0, "the finding was not followed to a row of a file"
    assert variables["finding"]["source_row"].iloc[0] in set(variables["origin"]["source_row"])
