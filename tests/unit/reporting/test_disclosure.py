"""Nothing comes past the gate: no small count, none that follows from what is shown, no single person."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest
from scipy.optimize import linprog

import registry_pipeline.reporting as reporting
import schemas
from registry_pipeline.reporting import report
from registry_pipeline.reporting.document.blocks import Section, Text
from registry_pipeline.reporting.document.hidden import Hidden
from registry_pipeline.reporting.document.wording import interval, number, p_value, ratio, share
from registry_pipeline.reporting.release.disclosure.gate import DisclosedTables
from registry_pipeline.reporting.release.disclosure.relations import people_columns
from registry_pipeline.reporting.release.tables import ReleaseTables
from registry_pipeline.reporting.report import write_reports
from registry_pipeline.reporting.sections.context import Context
from registry_pipeline.reporting.sections.record import ReportSection
from tests.unit.reporting.toy_release import make_release

LIMIT = 5
MARK = 700_001


@pytest.fixture(scope="module")
def marked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A release in which every count of people is another number, and all of them are small."""
    database = make_release(tmp_path_factory.mktemp("marked") / "registry.duckdb")
    numbers = count(MARK)
    with duckdb.connect(str(database)) as connection:
        connection.execute("UPDATE meta.parameter SET value = '1000000' WHERE name = 'privacy.small_cell'")
        for name in (name for name in schemas.tables() if name.startswith("result.")):
            rows = connection.execute(f"SELECT * FROM {name}").df()
            for column in people_columns(rows.columns):
                rows[column] = [next(numbers) for _ in range(len(rows))]
            if "note" in rows:
                rows["note"] = f"{next(numbers)} events in {next(numbers)} of {next(numbers)} patients."
            connection.execute(f"DELETE FROM {name}")
            connection.execute(f"INSERT INTO {name} BY NAME SELECT * FROM rows")
    return database


def marks_in(folder: Path) -> set[tuple[str, str]]:
    """Files that show a marked count, with the count."""
    return {
        (path.name, mark)
        for path in folder.rglob("*")
        if path.is_file()
        for mark in re.findall(r"(?<![\w.#])70\d,?\d{3}\b", path.read_text(encoding="utf-8"))
    }


def test_no_small_count_is_on_any_page_or_in_any_file_of_a_figure(marked: Path, tmp_path: Path) -> None:
    write_reports(marked, tmp_path, suppress_small=True)
    assert not marks_in(tmp_path)
    assert "data-trace" not in (tmp_path / "study_report.html").read_text(encoding="utf-8")


def test_the_marks_are_seen_where_nothing_is_hidden(marked: Path, tmp_path: Path) -> None:
    write_reports(marked, tmp_path)
    assert len(marks_in(tmp_path)) > 100
    assert "data-trace" in (tmp_path / "study_report.html").read_text(encoding="utf-8")


def test_a_section_that_goes_around_the_gate_is_found(
    marked: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def around(context: Context) -> Section:
        with ReleaseTables(context.tables.database) as tables:
            n = tables.table("result.km_summary")["n"].iloc[0]
        return Section("around", "Around").add(Text(f"{n} patients"))

    monkeypatch.setattr(report, "report_sections", lambda: {"around": ReportSection("around", 1, around)})
    monkeypatch.setattr(report, "_declared", lambda _: [])
    write_reports(marked, tmp_path, suppress_small=True)
    assert marks_in(tmp_path)


AROUND = {"people", "count_rows", "small_cell", "hidden_counts", "hidden_cells", "rounded_curves", "is_small"}


def test_no_section_has_a_threshold_or_reads_around_the_gate() -> None:
    folder = Path(reporting.__file__).parent
    for path in [
        *folder.glob("sections/**/*.py"),
        *folder.glob("figures/*.py"),
        *folder.glob("quality/*.py"),
    ]:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        names |= {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        imported |= {
            alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names
        }
        assert not names & AROUND, (path.name, names & AROUND)
        assert "duckdb" not in imported, path.name
        assert "ReleaseTables" not in names, path.name


@pytest.fixture
def registry(tmp_path: Path) -> Callable[[int], DisclosedTables]:
    """A release with small groups in every grouping, drawn by a seed; opened for its pages."""
    database = make_release(tmp_path / "registry.duckdb")

    def drawn(seed: int) -> DisclosedTables:
        frames = drawn_results(np.random.default_rng(seed))
        with duckdb.connect(str(database)) as connection:
            for name in (name for name in schemas.tables() if name.startswith("result.")):
                connection.execute(f"DELETE FROM {name}")
            for name in frames:
                rows = frames[name]  # noqa: F841 - the statement reads it by name
                connection.execute(f"INSERT INTO result.{name} BY NAME SELECT * FROM rows")
        return DisclosedTables(database, is_asked=True)

    return drawn


GROUPS = {
    "overall": ("all",),
    "size_group": ("small", "large"),
    "figo_group": ("I", "II", "III"),
    "age_group": ("<50", "65+"),
}
PATTERNS = ("local_recurrence", "regional", "new_oligomet", "polymet")


def drawn_results(rng: np.random.Generator) -> dict[str, pd.DataFrame]:
    """People with a group of each grouping, an event and a time; counted as the tables of a release count them."""
    people = pd.DataFrame({name: rng.choice(levels, 40) for name, levels in GROUPS.items()})
    people["figo_group"] = rng.choice(["I", "II", "III"], 40, p=[0.1, 0.3, 0.6])
    people["days"] = rng.integers(1, 2200, 40)
    people["dead"] = rng.random(40) < 0.6
    people["pattern"] = rng.choice([*PATTERNS, ""], 40, p=[0.1, 0.05, 0.2, 0.1, 0.55])
    own = {"endpoint": "os", "origin": "lrt_start"}
    summary, landmarks, by_group = [], [], []
    for variable in GROUPS:
        for stratum, members in people.groupby(variable):
            key = {**own, "stratum_variable": variable, "stratum": stratum}
            n = len(members)
            summary.append({**key, "n": n, "n_event": int(members["dead"].sum())})
            for months in (12.0, 36.0):
                at_risk = int((members["days"] >= months * 30.4375).sum())
                landmarks.append(
                    {**key, "landmark_months": months, "n": n, "n_at_risk": at_risk, "survival": 0.5}
                )
            for pattern in (*PATTERNS, "any"):
                k = int(
                    (
                        members["pattern"].isin(PATTERNS)
                        if pattern == "any"
                        else members["pattern"] == pattern
                    ).sum()
                )
                by_group.append(
                    {
                        "stratum_variable": variable, "stratum": stratum, "counting": "first_overall",
                        "pattern": pattern, "n_patients": n, "n_event": k, "share": k / n, "status": "ok",
                    }
                )  # fmt: skip
    groups = pd.DataFrame(by_group)
    whole = groups[groups["stratum_variable"] == "overall"][["pattern", "n_patients", "n_event", "share"]]
    return {
        "km_summary": pd.DataFrame(summary),
        "km_landmark": pd.DataFrame(landmarks),
        "recurrence_by_group": groups,
        "recurrence_pattern": whole,
    }


def equations(
    rows: pd.DataFrame, value: str, names: list[str], split: str = ""
) -> Iterator[tuple[list[int], list[int]]]:
    """Sums that hold between the rows of a table: left and right sides, by position."""
    rows = rows.reset_index(drop=True)
    for _, own in rows.groupby(names) if names else [((), rows)]:
        overall = own.index[own["stratum_variable"] == "overall"].tolist()
        for variable, groups in own.groupby("stratum_variable"):
            if variable != "overall":
                yield groups.index.tolist(), overall
    for _, own in rows.groupby(["stratum_variable", "stratum"]) if split else ():
        yield own.index[own[split] != "any"].tolist(), own.index[own[split] == "any"].tolist()


def ranges(
    shown: list[object], wholes: list[object], sums: list[tuple[list[int], list[int]]]
) -> dict[int, tuple[float, float]]:
    """Lowest and highest value that a reader can reckon for each hidden count, knowing words, sums and wholes."""
    hidden = [i for i, value in enumerate(shown) if isinstance(value, Hidden)]
    place = {cell: i for i, cell in enumerate(hidden)}
    matrix, right = [], []
    for left, other in sums:
        row, known = np.zeros(len(hidden)), 0.0
        for cells, sign in ((left, 1.0), (other, -1.0)):
            for cell in cells:
                if cell in place:
                    row[place[cell]] += sign
                else:
                    known += sign * float(shown[cell])  # type: ignore[arg-type]
        if row.any():
            matrix.append(row)
            right.append(-known)
    bounds = []
    for cell in hidden:
        whole = wholes[cell]
        highest = 60.0 if isinstance(whole, Hidden) else float(whole)  # type: ignore[arg-type]
        bounds.append(
            (1.0, min(LIMIT - 1.0, highest)) if str(shown[cell]).startswith("<") else (0.0, highest)
        )
    result = {}
    for cell, i in place.items():
        ends = []
        for sign in (1.0, -1.0):
            goal = np.zeros(len(hidden))
            goal[i] = sign
            solved = linprog(goal, A_eq=matrix or None, b_eq=right or None, bounds=bounds)
            assert solved.status == 0
            ends.append(sign * solved.fun)
        result[cell] = (ends[0], ends[1])
    return result


@pytest.mark.parametrize("seed", range(8))
def test_no_hidden_count_can_be_reckoned_from_the_others(
    registry: Callable[[int], DisclosedTables], seed: int
) -> None:
    n_hidden = 0
    with registry(seed) as tables:
        for name, column, names, split in (
            ("km_summary", "n_event", [], ""),
            ("km_landmark", "n_at_risk", ["landmark_months"], ""),
            ("recurrence_by_group", "n_event", ["pattern"], "pattern"),
        ):
            rows = tables.table(f"result.{name}")
            shown = rows[column].tolist()
            wholes = rows["n_patients" if "n_patients" in rows else "n"].tolist()
            for value, whole in zip(shown, wholes, strict=True):
                if not isinstance(value, Hidden):
                    assert not 0 < value < LIMIT
                    assert isinstance(whole, Hidden) or not 0 < whole - value < LIMIT
            sums = [(left, right) for left, right in equations(rows, column, names, split) if right]
            n_hidden += sum(isinstance(value, Hidden) for value in shown)
            for lowest, highest in ranges(shown, wholes, sums).values():
                assert highest - lowest >= 1
    assert n_hidden


@pytest.mark.parametrize("seed", range(4))
def test_a_count_is_hidden_in_every_table_or_in_none(
    registry: Callable[[int], DisclosedTables], seed: int
) -> None:
    with registry(seed) as tables:
        alone = tables.table("result.recurrence_pattern").set_index("pattern")["n_event"]
        groups = tables.table("result.recurrence_by_group", {"stratum_variable": "overall"})
        beside = groups.set_index("pattern")["n_event"]
        assert alone.map(str).to_dict() == beside.map(str).to_dict()


def test_a_grouping_with_a_small_group_is_left_out_everywhere(
    registry: Callable[[int], DisclosedTables],
) -> None:
    with registry(1) as tables:
        with ReleaseTables(tables.database) as whole:
            sizes = whole.table("result.km_summary", {"stratum_variable": "figo_group"})["n"]
        assert sizes.min() < LIMIT
        for name in ("km_summary", "km_landmark", "recurrence_by_group"):
            assert "figo_group" not in set(tables.table(f"result.{name}")["stratum_variable"]), name


def test_a_hidden_number_is_hidden_whatever_is_computed_from_it() -> None:
    hidden = Hidden("<5")
    assert number(hidden) == share(hidden) == p_value(hidden) == ratio(hidden) == f"{hidden}" == "<5"
    for computed in (100 * hidden, hidden / 56, 56 - hidden, hidden + 1):
        assert number(computed) == "hidden"
    assert interval(hidden, 3.0) == interval(1.0, hidden) == "hidden"
    assert not hidden < 5
    assert np.isnan(np.array([hidden], dtype=object).astype(float)[0])
    with pytest.raises(TypeError):
        int(hidden)  # type: ignore[call-overload]


def test_the_total_that_would_tell_who_is_not_in_the_study_is_hidden(tmp_path: Path) -> None:
    database = make_release(tmp_path / "registry.duckdb")
    with duckdb.connect(str(database)) as connection:
        connection.execute("DELETE FROM mart.cohort WHERE patient_id >= 'PATIENT000038'")
    with DisclosedTables(database, is_asked=True) as tables:
        assert tables.n_rows("mart.cohort") == 38
        assert isinstance(tables.n_rows("mart.registry_patient"), Hidden)


def test_single_people_are_not_read(tmp_path: Path) -> None:
    with DisclosedTables(make_release(tmp_path / "registry.duckdb"), is_asked=True) as tables:
        for name in ("mart.cohort", "mart.lesion_growth", "result.cox_influence", "result.ph_residual"):
            assert tables.table(name).empty, name
        assert tables.query("SELECT * FROM mart.cohort", {"mart.cohort": []}) is None
        assert tables.query("SELECT * FROM result.km_summary", {"result.km_summary": []}) is None
        assert tables.query("SELECT * FROM meta.release", {"meta.release": []}) is not None


def test_a_facility_with_few_patients_is_on_no_page(tmp_path: Path) -> None:
    """Whether small counts are hidden or not; and the others are still read by their own counts."""
    database = make_release(tmp_path / "registry.duckdb")
    rows = pd.DataFrame(
        {
            "facility": ["north", "east", "south"],
            "adjustment": "none",
            "n": [20, 3, 17],
            "n_event": [9, 2, 8],
            "status": "ok",
        }
    )
    with duckdb.connect(str(database)) as connection:
        connection.execute("DELETE FROM result.facility_funnel")
        connection.execute("INSERT INTO result.facility_funnel BY NAME SELECT * FROM rows")
    assert len(rows) == 3
    for is_asked in (False, True):
        with DisclosedTables(database, is_asked=is_asked) as tables:
            assert set(tables.table("result.facility_funnel")["facility"]) == {"north", "south"}


def test_a_release_without_a_table_is_read_with_small_counts_hidden(tmp_path: Path) -> None:
    drop = ("result.km_summary", "result.facility_funnel", "result.scorecard", "mart.attrition")
    with DisclosedTables(make_release(tmp_path / "registry.duckdb", drop=drop), is_asked=True) as tables:
        for name in drop:
            assert tables.table(name).empty, name
            assert tables.in_order(name).empty, name
