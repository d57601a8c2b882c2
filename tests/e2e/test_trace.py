"""Cells of the release, drawn at random, are followed to the landed files and found there by other readers.

The files are read with ``csv``, ``zipfile`` and an XML parser alone; nothing of the project looks into them here.
"""

from __future__ import annotations

import csv
import html
import io
import json
import random
import re
import shutil
import zipfile
from collections.abc import Iterator
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner

from registry_pipeline.cli.context import CONTEXT
from registry_pipeline.cli.main import registry
from registry_pipeline.core.home import Home
from registry_pipeline.intake.landing.ledger import landed_path, read_ledger
from registry_pipeline.pipeline.refresh import refresh
from registry_pipeline.simulate.population.write import write_simulation
from registry_pipeline.stewardship.patients import read_numbers
from registry_pipeline.stewardship.trace.cells import SourceCell, TracedItem, trace_record
from registry_pipeline.stewardship.trace.results import trace_result
from registry_pipeline.store.query import QueryError
from registry_pipeline.store.releases import open_release
from registry_pipeline.validation.records import curated
from schemas.columns import SOURCE_NUMBER
from schemas.table import key_of
from tests.e2e.conftest import Demo
from tests.support.desk import Browser
from tests.support.registry_home import ROOT, quick_home, without_reports
from tests.support.shared import SHARED, needs_shared

N_CELLS = 200
ENCODINGS = ("utf-8-sig", "gb18030")


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A small simulated registry of two facilities with mistakes."""
    home = quick_home(tmp_path_factory.mktemp("traced"))
    write_simulation(60, 2, 5, home.root, 0.3)
    with without_reports():
        refresh(home)
    return home


@pytest.fixture(scope="module")
def tcga(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """TCGA-CESC as it is published."""
    home = quick_home(tmp_path_factory.mktemp("tcga"))
    shutil.copy(ROOT / "examples" / "tcga_cesc" / "tcga_cesc.toml", home.facilities)
    shutil.copytree(
        SHARED / "real" / "tcga_cesc", home.inbox / "tcga_cesc", ignore=shutil.ignore_patterns("*.md")
    )
    with without_reports():
        refresh(home)
    return home


def drawn_items(home: Home, n_cells: int, seed: int) -> Iterator[tuple[str, TracedItem]]:
    """Filled cells of the curated tables, each table as likely as it is large."""
    draw = random.Random(seed)
    with open_release(home) as connection:
        keys = [
            (table, "|".join(map(str, row)))
            for table, model in curated().items()
            for row in connection.execute(
                f'SELECT {", ".join(key_of(model))} FROM curated."{table}"'
            ).fetchall()
        ]
        n_drawn = 0
        while n_drawn < n_cells:
            table, key = draw.choice(keys)
            filled = [
                item for item in trace_record(home, connection, table, key).items if item.value is not None
            ]
            for item in draw.sample(filled, min(4, len(filled))):
                n_drawn += 1
                yield table, item


@cache
def lines_of(path: Path, delimiter: str) -> dict[int, list[str]]:
    """Rows of a text file by the physical line that they begin in."""
    for encoding in ENCODINGS:
        try:
            text = path.read_bytes().decode(encoding)
            break
        except UnicodeDecodeError:
            continue
    quoting = csv.QUOTE_NONE if delimiter == "\t" else csv.QUOTE_MINIMAL
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, quoting=quoting)
    rows, line = {}, 1
    for row in reader:
        rows[line] = row
        line = reader.line_num + 1
    return rows


@cache
def sheet_of(path: Path, name: str) -> dict[tuple[int, str], str]:
    """Cells of a sheet by row and letters of the column; those of a merged area all hold its first value."""
    with zipfile.ZipFile(path) as archive:
        parts = {
            one: ElementTree.fromstring(archive.read(one))
            for one in archive.namelist()
            if one.endswith(".xml")
        }
        links = ElementTree.fromstring(archive.read("xl/_rels/workbook.xml.rels"))
    target = {link.get("Id"): str(link.get("Target")).removeprefix("/xl/") for link in links}
    sheet = next(one for one in parts["xl/workbook.xml"].iter() if one.get("name") == name)
    number = next(value for key, value in sheet.attrib.items() if key.endswith("}id"))
    strings = ["".join(one.itertext()) for one in parts.get("xl/sharedStrings.xml", ())]
    root = parts[f"xl/{target[number]}"]
    cells = {}
    for cell in (one for one in root.iter() if one.tag.endswith("}c")):
        text = "".join(cell.itertext())
        column, row = re.fullmatch(r"([A-Z]+)([0-9]+)", str(cell.get("r"))).groups()  # type: ignore[union-attr]
        cells[int(row), column] = strings[int(text)] if cell.get("t") == "s" and text else text
    for area in (str(one.get("ref")) for one in root.iter() if one.tag.endswith("}mergeCell")):
        first, last = (re.fullmatch(r"([A-Z]+)([0-9]+)", end).groups() for end in area.split(":"))  # type: ignore[union-attr]
        for row in range(int(first[1]), int(last[1]) + 1):
            for letters in {column for _, column in cells if len(column) == len(first[0])}:
                if first[0] <= letters <= last[0]:
                    cells[row, letters] = cells.get((int(first[1]), first[0]), "")
    return cells


def text_in_file(home: Home, cell: SourceCell) -> list[str]:
    """What the landed file holds in the row of a cell, under headers that fit, read by other means."""
    landed = next(
        one
        for one in read_ledger(home, cell.facility_id)
        if (one.submission_id, one.source_file) == (cell.submission_id, cell.source_file)
    )
    path = landed_path(home, landed)
    header = str(cell.source_column).split()[-1].removesuffix("__2")
    if landed.source_file.endswith(".xlsx"):
        cells = sheet_of(path, cell.sheet)
        columns = {column for (row, column), text in cells.items() if row < 8 and header in text}
        return [cells.get((cell.source_row, column), "") for column in columns]
    first = path.read_bytes()[:2000]
    delimiter = max("\t;,|", key=lambda mark: first.count(mark.encode()))
    rows = lines_of(path, delimiter)
    heads = [row for line, row in sorted(rows.items())[:8]]
    positions = {at for head in heads for at, name in enumerate(head) if header in name}
    row = rows[cell.source_row]
    return [row[at] for at in positions if at < len(row)]


def is_the_text(text: str, found: str) -> bool:
    """Whether two readers mean the same cell: equal texts, dates or numbers."""
    plain, other = " ".join(text.split()), " ".join(found.split())
    if plain == other:
        return True
    try:
        number = float(other)
    except ValueError:
        return False
    try:
        return float(plain) == number
    except ValueError:  # a day, which a workbook holds as a number
        days = (start + timedelta(days=int(number)) for start in (date(1899, 12, 30), date(1904, 1, 1)))
        digits = ["".join(filter(str.isdigit, text)) for text in (plain, *(day.isoformat() for day in days))]
        return digits[0] in digits[1:]


def unlike_cells(home: Home, n_cells: int = N_CELLS) -> tuple[int, list[str]]:
    """How many texts were compared, and the places where the landed file holds another one."""
    n_compared, unlike = 0, []
    for table, item in drawn_items(home, n_cells, seed=7):
        assert item.cells, f"{table}.{item.column_name} has a value and no source"
        texts = [cell for cell in item.cells if cell.source_column is not None and cell.text is not None]
        if not texts:
            assert {cell.origin for cell in item.cells} & {"constant", "registry", "column"}, item.column_name
        for cell in texts:
            n_compared += 1
            if not any(is_the_text(str(cell.text), found) for found in text_in_file(home, cell)):
                unlike.append(
                    f"{table}.{item.column_name}: {cell.source_file} {cell.sheet} row {cell.source_row}"
                )
    return n_compared, unlike


def test_cells_of_the_demonstration_stand_in_its_files(demo: Demo) -> None:
    n_compared, unlike = unlike_cells(demo.home)
    assert unlike == []
    assert n_compared > N_CELLS / 2


def test_cells_of_a_simulated_registry_stand_in_its_files(simulated: Home) -> None:
    n_compared, unlike = unlike_cells(simulated)
    assert unlike == []
    assert n_compared > N_CELLS / 2


@needs_shared
def test_cells_of_tcga_stand_in_its_files(tcga: Home) -> None:
    n_compared, unlike = unlike_cells(tcga)
    assert unlike == []
    assert n_compared > N_CELLS / 2


def test_every_curated_record_has_its_rows(demo: Demo, simulated: Home) -> None:
    for home in (demo.home, simulated):
        with open_release(home) as connection:
            for table, model in curated().items():
                key = " || '|' || ".join(f"CAST({name} AS VARCHAR)" for name in key_of(model))
                query = (
                    f'SELECT count(*) FROM curated."{table}" WHERE {key} NOT IN '
                    "(SELECT record_key FROM meta.lineage WHERE table_name = ?)"
                )
                assert connection.execute(query, [table]).fetchone() == (0,), table


def test_what_several_rows_say_shows_who_was_trusted(demo: Demo) -> None:
    """Of an item that two rows give, one is used and both can be read; the key is of both."""
    with open_release(demo.home) as connection:
        keys = connection.execute(
            "SELECT table_name, record_key FROM meta.lineage WHERE items IS NOT NULL "
            "GROUP BY ALL HAVING count(*) > 1 ORDER BY ALL LIMIT 20"
        ).fetchall()
        assert keys
        items = [(key[0], item) for key in keys for item in trace_record(demo.home, connection, *key).items]
    spoken_twice = [part for part in items if sum(cell.text is not None for cell in part[1].cells) > 1]
    plain = [part for part in spoken_twice if all(cell.origin == "column" for cell in part[1].cells)]
    keys_of = {table: {*key_of(model), SOURCE_NUMBER} for table, model in curated().items()}
    assert {item.column_name in keys_of[table] for table, item in plain} == {True, False}
    for table, item in plain:
        is_key = item.column_name in keys_of[table]
        assert sum(cell.is_used for cell in item.cells) == (len(item.cells) if is_key else 1), (
            item.column_name
        )


def test_patients_of_an_estimate_are_as_many_as_it_counts(demo: Demo) -> None:
    with open_release(demo.home) as connection:
        rows = connection.execute(
            "SELECT endpoint, origin, stratum_variable, stratum, landmark_months FROM result.km_landmark"
        ).fetchall()
        names = ("endpoint", "origin", "stratum_variable", "stratum", "landmark_months")
        for row in rows[::7]:
            traced = trace_result(connection, "km_landmark", dict(zip(names, map(str, row), strict=True)))
            assert traced.is_exact, row


def test_a_landmark_is_followed_without_naming_every_column(demo: Demo) -> None:
    answer = _run(
        demo.home, "result.km_landmark", "endpoint=os", "stratum=scf", "landmark_months=36", "--json"
    )
    content = json.loads(answer)
    assert content["is_exact"] and content["records"]
    assert {row["patient_id"] for row in content["records"]} == {
        row["patient_id"] for row in content["patients"]
    }


def _run(home: Home, *words: str) -> str:
    CONTEXT.root = home.root
    result = CliRunner().invoke(registry, ["trace", "--home", str(home.root), *words])
    assert result.exit_code == 0, result.output
    return result.stdout


def test_a_patient_is_traced_by_the_number_of_a_facility(demo: Demo) -> None:
    number, patient = read_numbers(demo.home).drop_nulls().select("source_patient_id", "patient_id").row(0)
    assert _run(demo.home, "patient", number, "--json") == _run(demo.home, "patient", patient, "--json")


def test_questions_without_an_answer_say_what_there_is(demo: Demo) -> None:
    with open_release(demo.home) as connection:
        for ask, said in (
            (
                lambda: trace_record(demo.home, connection, "lesions", "x"),
                "no table curated.lesions; .*lesion",
            ),
            (lambda: trace_record(demo.home, connection, "lesion", "x"), "no record"),
            (lambda: trace_result(connection, "km_landmark", {"endpint": "os"}), "endpoint"),
            (lambda: trace_result(connection, "km_landmark", {"endpoint": "dfs"}), "lrfs"),
            (lambda: trace_result(connection, "km_landmark", {"endpoint": "os"}), "say also"),
        ):
            with pytest.raises(QueryError, match=said):
                ask()


def test_texts_are_read_again_where_the_working_files_are_gone(simulated: Home) -> None:
    raw = simulated.store / "raw"
    aside = raw.rename(simulated.store / "aside")
    try:
        n_compared, unlike = unlike_cells(simulated, 20)
        assert n_compared and unlike == []
    finally:
        shutil.rmtree(raw, ignore_errors=True)
        aside.rename(raw)


def test_every_traced_number_of_the_report_leads_to_its_patients(demo: Demo) -> None:
    browser = Browser(demo.home, "A. Steward")
    status, headers, page = browser.send("GET", "/report/", {})
    links = [html.unescape(link) for link in re.findall(r'<a href="([^"]+)"', page)]
    followed = sorted({link for link in links if link.startswith("/result/")})
    assert (
        status == 200 and "script" not in str(headers["content-security-policy"]) and "data-trace" not in page
    )
    assert {"result.km_landmark", "result.km_summary"} <= {
        link.split("/")[2].split("?")[0] for link in followed
    }
    for link in followed:
        status, _, body = browser.send("GET", link, {})
        assert status == 200, (link, body)
        assert "/record/patient/" in body or "0 patients" in body, link
    csv = next(link for link in links if link.endswith(".csv"))
    assert browser.send("GET", f"/report/{csv}", {})[0] == 200
    for path in ("../registry.duckdb", "%2e%2e/contents.json", "figures", "nothing.html"):
        assert browser.send("GET", f"/report/{path}", {})[0] == 404
    assert browser.send("GET", "/result/result.km_landmark?endpoint=dfs", {})[0] == 404
