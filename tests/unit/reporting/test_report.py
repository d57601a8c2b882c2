"""Both reports of a toy release: whole, the same twice, plain about what is missing, and safe."""

from __future__ import annotations

import csv
import io
import itertools
import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from pathlib import Path

import pytest

from registry_pipeline.reporting.report import write_reports
from schemas.derive import dictionary_rows
from tests.unit.reporting.toy_release import make_release

HOSTILE = "=1+1<script>hacked=1</script>\"'><img src=x onerror=alert(1)>$x_1$ {{7*7}} \u202e\x00"
VOID = {"meta", "br", "hr", "img", "link", "input"}


class Page(HTMLParser):
    """Elements, attributes, ids and visible text of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.open: list[str] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] not in ("style", "script"):
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    write_reports(make_release(folder / "registry.duckdb"), folder / "reports")
    return folder


def page(folder: Path, name: str = "study_report.html") -> Page:
    return Page((folder / name).read_text(encoding="utf-8"))


def test_every_file_is_named_and_every_figure_has_its_data(written: Path, tmp_path: Path) -> None:
    made = write_reports(written / "registry.duckdb", tmp_path)
    assert sorted(made) == sorted(one for one in tmp_path.rglob("*") if one.is_file())
    drawings = {one.stem for one in made if one.suffix == ".svg"}
    assert drawings == {one.stem for one in made if one.suffix == ".csv"}
    assert {
        "flow",
        "km_os_size_group",
        "incidence_new_oligomet",
        "growth",
        "swimmer",
        "surveillance",
    } <= drawings


def test_the_same_release_gives_the_same_bytes(written: Path, tmp_path: Path) -> None:
    for one in write_reports(written / "registry.duckdb", tmp_path):
        before = written / "reports" / one.relative_to(tmp_path)
        assert one.read_bytes() == before.read_bytes(), one.name


@pytest.mark.parametrize("name", ["study_report.html", "quality_report.html"])
def test_a_page_is_closed_in_itself(written: Path, name: str) -> None:
    found = page(written / "reports", name)
    assert not found.open
    assert not {"script", "link", "img", "iframe", "object", "form"} & set(found.tags)
    text = (written / "reports" / name).read_text(encoding="utf-8")
    assert "@import" not in text
    outside = [value for key, value in found.attributes if key in ("src", "href", "xlink:href")]
    assert all(one.startswith(("#", "figures/")) for one in outside)
    assert all(one.startswith("#") for one in re.findall(r"url\(([^)]*)\)", text))
    ids = [value for key, value in found.attributes if key == "id"]
    assert len(ids) == len(set(ids))
    targets = {one[1:] for one in outside if one.startswith("#")}
    assert targets <= set(ids)


def test_headings_tables_and_drawings_can_be_read_aloud(written: Path) -> None:
    text = (written / "reports" / "study_report.html").read_text(encoding="utf-8")
    levels = [int(one) for one in re.findall(r"<h([1-6])", text)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(b - a <= 1 for a, b in itertools.pairwise(levels))
    tables = re.findall(r"<table>.*?</table>", text, flags=re.DOTALL)
    assert tables
    for one in tables:
        assert "<caption>" in one
        assert re.search(r'<th scope="(row|rowgroup)"', one)
        assert "<th>" not in one
    for one in re.findall(r"<svg .*?</svg>", text, flags=re.DOTALL):
        named = re.search(r'role="img" aria-labelledby="(\S+) (\S+)"', one)
        assert named
        assert f'<title id="{named[1]}">' in one
        assert f'<desc id="{named[2]}">' in one


def test_every_table_and_figure_names_its_source(written: Path) -> None:
    text = (written / "reports" / "study_report.html").read_text(encoding="utf-8")
    blocks = text.count('<div class="table') + text.count("<figure ")
    assert text.count('<p class="source">Source: ') >= blocks


def test_hostile_text_stays_text(tmp_path: Path) -> None:
    hostile = HOSTILE.replace("\x00", "\x07")  # DuckDB takes no NUL from a frame; another control does
    write_reports(make_release(tmp_path / "registry.duckdb", lambda _: hostile), tmp_path / "out")
    for name in ("study_report.html", "quality_report.html"):
        found = page(tmp_path / "out", name)
        assert not {"script", "img"} & set(found.tags)
        assert not [key for key, _ in found.attributes if key.startswith("on")]
        assert "<script>hacked=1</script>" in found.text  # shown, as the text that it is
        assert "{{7*7}}" in found.text
        raw = (tmp_path / "out" / name).read_text(encoding="utf-8")
        assert "\u202e" not in raw
        assert "\x07" not in raw
    for one in (tmp_path / "out" / "figures").glob("*.svg"):
        names = {element.tag.rsplit("}", 1)[-1] for element in ET.parse(one).iter()}
        assert not {"script", "img", "foreignObject"} & names
    for one in (tmp_path / "out" / "figures").glob("*.csv"):
        cells = [cell for line in csv.reader(io.StringIO(one.read_text(encoding="utf-8"))) for cell in line]
        assert not [cell for cell in cells if cell.startswith(("=", "@", "+"))]


def test_a_release_without_patients_is_whole_and_plain(tmp_path: Path) -> None:
    write_reports(make_release(tmp_path / "registry.duckdb", n=0), tmp_path / "out")
    found = page(tmp_path / "out")
    assert "No patient of this release is in the study cohort" in found.text
    assert found.tags.count("h2") > 10
    assert "figure" not in found.tags
    assert page(tmp_path / "out", "quality_report.html").text
    for word in ("nan", "None ", "NaT", "<NA>", "inf "):
        assert f" {word}" not in found.text.replace("None of", ""), word


def test_missing_tables_are_named(tmp_path: Path) -> None:
    dropped = (
        "result.surveillance",
        "result.km_curve",
        "mart.attrition",
        "quality.finding",
        "result.cox_term",
    )
    write_reports(make_release(tmp_path / "registry.duckdb", drop=dropped), tmp_path / "out")
    text = page(tmp_path / "out").text + page(tmp_path / "out", "quality_report.html").text
    for name in dropped:
        assert f"This release has no table {name}" in text


@pytest.mark.parametrize(
    ("statement", "word", "other"),
    [
        ("SYNTHETIC patients.", "Agrees: rounds to the published figure", "For comparison only"),
        ("Records of real facilities.", "For comparison only", "Agrees: rounds to the published figure"),
    ],
)
def test_agreement_is_claimed_of_synthetic_data_alone(
    tmp_path: Path, statement: str, word: str, other: str
) -> None:
    write_reports(make_release(tmp_path / "registry.duckdb", statement=statement), tmp_path / "out")
    text = page(tmp_path / "out").text
    assert statement in text
    assert word in text
    assert other not in text
    assert ("No agreement is claimed" in text) == (other == "Agrees: rounds to the published figure")


def test_identifiers_and_texts_as_received_appear_nowhere(tmp_path: Path) -> None:
    hidden = {
        f"{one['schema_name']}.{one['table_name']}.{one['column_name']}"
        for one in dictionary_rows()
        if one["is_identifying"]
    }
    keys = ("patient_id", "lesion_id", "episode_id", "record_key")
    # the quality report is the stewards': where a finding lies is what it is for
    places = ("source_file", "sheet", "items", "source_column", "message", "column_name")
    hidden = {name for name in hidden if not name.endswith(places)}

    def filler(name: str) -> str:
        return "SECRET" if name in hidden or name.endswith(keys) else name.split(".")[-1]

    write_reports(make_release(tmp_path / "registry.duckdb", filler), tmp_path / "out")
    for one in (tmp_path / "out").rglob("*"):
        if one.is_file():
            text = one.read_text(encoding="utf-8")
            assert "SECRET" not in text, one.name
            assert "PATIENT0" not in text, one.name


def test_small_counts_are_hidden_when_asked(tmp_path: Path) -> None:
    database = make_release(tmp_path / "registry.duckdb")
    write_reports(database, tmp_path / "all")
    made = write_reports(database, tmp_path / "few", suppress_small=True)
    assert "swimmer.svg" in {one.name for one in (tmp_path / "all" / "figures").iterdir()}
    assert not {"swimmer.svg", "growth.svg"} & {one.name for one in made}
    text = (tmp_path / "few" / "study_report.html").read_text(encoding="utf-8")
    table = re.search(r"Table 1\. .*?</table>", text, flags=re.DOTALL)
    assert table
    counts = [int(one) for one in re.findall(r'<td class="n">(\d+)(?: \(|<)', table[0])]
    assert counts
    assert not [one for one in counts if 0 < one < 5]
    flow = re.search(r"Steps of the flow.*?</table>", text, flags=re.DOTALL)
    assert flow
    left = [int(row[1]) for row in re.findall(r'<td class="n">(\d+)</td><td class="n">(\d+)</td>', flow[0])]
    assert sum(left) == 50
    assert not [one for one in left if 0 < one < 5]
    for one in made:
        if one.name.startswith(("km_", "incidence_")) and one.suffix == ".csv":
            rows = list(csv.DictReader(io.StringIO(one.read_text(encoding="utf-8"))))
            assert rows
            assert not {"n_at_risk", "n_event", "n_censored"} & set(rows[0]), one.name
            assert all(float(row["duration_days"]) % 30.4375 == 0 for row in rows), one.name
        if one.name == "cutpoint_search.csv":
            assert "n_at_or_below" not in one.read_text(encoding="utf-8")


def test_every_column_of_every_table_has_its_own_head(written: Path) -> None:
    text = (written / "reports" / "study_report.html").read_text(encoding="utf-8")
    tables = re.findall(r"<table>.*?</table>", text, re.DOTALL)
    assert sum('scope="colgroup"' in one for one in tables) > 3
    for table in tables:
        head, body = table.split("</thead>")
        n_heads = head.count('<th scope="col"')
        rows = [row for row in body.split("<tr")[1:] if 'scope="row"' in row]
        assert {1 + row.count("<td") for row in rows} <= {n_heads}, head
