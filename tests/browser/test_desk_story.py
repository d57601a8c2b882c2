"""A data manager's days in a real Chromium: decide, ask a facility, hear back, refresh, and every finding ends well.

The page is served by the real server on the loopback interface. Whatever asks for another host is refused and counted.
"""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from registry_pipeline.core.home import Home
from registry_pipeline.stewardship.decide import Order, decide
from registry_pipeline.stewardship.findings import Filters, select_findings, take_snapshot
from registry_pipeline.stewardship.patients import numbers_of
from registry_pipeline.stewardship.queries.answers import import_answers
from registry_pipeline.stewardship.queries.export import write_queries
from tests.support.browser import chromium, whole_module_needs_browser
from tests.support.desk import (
    home_with_findings,
    refresh_quickly,
    save_workbook,
    send_patients,
    workbook_rows,
)
from tests.support.registry_home import COMMAND, ROOT, ask

whole_module_needs_browser(__name__)
pytestmark = [pytest.mark.slow, pytest.mark.browser]
AXE = Path(__file__).parent / "vendor" / "axe.min.js"
IMPACTS = ("serious", "critical")


@dataclass
class Desk:
    """A page that is open.

    Attributes:
        foreign: addresses of other hosts that were asked for.
        said: what the console said, and errors of scripts.
    """

    home: Home
    page: Any
    base: str
    foreign: list[str]
    said: list[str]

    def open(self, path: str) -> None:
        """Go to a page."""
        self.page.goto(self.base + path)

    def fill(self, state: str, reason: str, **fields: str) -> None:
        """Decide by keyboard and form on the open finding."""
        self.page.check(f'.decide input[value="{state}"]')
        self.page.fill("#reason", reason)
        for name, value in fields.items():
            self.page.fill(f'.decide [name="{name}"]', value)
        self.page.click(".decide button")
        self.page.wait_for_load_state()
        assert self.page.locator(".done").count() == 1, self.page.inner_text("main")

    def name_steward(self) -> None:
        """Say who decides, which the browser keeps."""
        self.page.fill("#steward", "A. Steward")
        self.page.click("header button")
        self.page.wait_for_load_state()

    def wait_until_decided(self, finding: str, state: str) -> None:
        """Wait for the page that confirms a decision; the page before it may confirm the one before."""
        self.page.wait_for_selector(f'.done:has-text("{finding}: {state} ")')


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    home = home_with_findings(tmp_path_factory.mktemp("story") / "home")
    command = [*COMMAND, "--home", str(home.root), "review", "--no-browser"]
    server = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    link = next(line.strip() for line in server.stdout if "http://" in line)
    with chromium() as browser:
        context = browser.new_context(viewport={"width": 1280, "height": 900})
        made = Desk(home, context.new_page(), link.partition("/?")[0], [], [])

        def judge(route: Any) -> None:
            if route.request.url.startswith((made.base, "data:")):
                route.continue_()
            else:
                made.foreign.append(route.request.url)
                route.abort()

        context.route("**/*", judge)
        made.page.on("console", lambda message: made.said.append(message.text))
        made.page.on("pageerror", lambda error: made.said.append(str(error)))
        made.page.goto(link)
        yield made
    server.send_signal(signal.SIGINT)
    assert server.wait(timeout=30) is not None
    server.stdout.close()


def _finding(home: Home, patient: str, column: str = "sex") -> str:
    """The id of the first error on a column of a patient, by the hospital's number."""
    errors = take_snapshot(home).findings.filter(severity="error", source_column=column).to_dicts()
    numbers = take_snapshot(home).numbers
    own = [row for row in errors if ("north", patient) in numbers_of(numbers, row["patient_id"])]
    return str(min(own, key=lambda row: row["rule_id"])["finding_id"])


def test_the_link_opens_the_page_and_its_token_leaves_the_address(desk: Desk) -> None:
    assert desk.page.url == desk.base + "/"
    assert "Where we stand" in desk.page.inner_text("h1")
    desk.name_steward()
    assert desk.page.input_value("#steward") == "A. Steward"


def test_a_story_of_findings_from_the_page_to_the_next_releases(desk: Desk, tmp_path: Path) -> None:
    home = desk.home
    sex = {number: _finding(home, f"K{number:04d}") for number in (1, 2, 3, 4, 9)}
    born = {number: _finding(home, f"K{number:04d}", "born") for number in (7, 8)}
    for finding, state, fields in (
        (sex[1], "waived", {"until": "2999-12-31"}),
        (sex[2], "confirmed", {}),
        (sex[9], "correction", {"new_value": "F"}),
        (sex[3], "remark", {}),
        (sex[3], "waived", {}),
    ):
        desk.open(f"/finding/{finding}?severity=error")
        desk.fill(state, f"{state}: the charts say so", **fields)
    desk.open("/decisions")
    assert "5 decisions wait" in desk.page.inner_text("h1")
    # the workbook: born[7] is answered, sex[4] is not
    asked = select_findings(take_snapshot(home), Filters(facility=("north",), severity=("error",)))
    workbook = write_queries(home, "north", asked, tmp_path)
    decide(home, asked, Order("sent", "first round", "A. Steward", due_date="2999-01-31"))
    rows = workbook_rows(workbook)
    assert {row["finding"] for row in rows} >= {sex[4], _finding(home, "K0005"), *born.values()}
    rows = [
        {
            **row,
            **({"answer": "corrected in our system", "by": "Dr. Li"} if row["finding"] == born[7] else {}),
        }
        for row in rows
    ]
    assert (
        len(
            import_answers(
                home, take_snapshot(home), save_workbook(tmp_path / "back.xlsx", rows), "A"
            ).answered
        )
        == 1
    )
    desk.open(f"/finding/{born[7]}")
    assert "Dr. Li (north)" in desk.page.inner_text(".said")
    # next submission: 3 changes its waived value, 4 is gone, 7 is corrected, the others come as they were
    send_patients(
        home, "patients_2.csv", (4,), p1={"sex": _seen(home, sex[1])}, p2={"sex": _seen(home, sex[2])},
        p3={"sex": "another"}, p5={"sex": "?"}, p8={"born": "31.31.1950"}, p9={"sex": "male"},
    )  # fmt: skip
    refresh_quickly(home)
    states = dict(take_snapshot(home).findings.select("finding_id", "status").iter_rows())
    expected = {
        sex[1]: "waived", sex[2]: "confirmed", sex[9]: "corrected_here", sex[3]: "reopened", sex[4]: "gone",
        born[7]: "corrected", born[8]: "sent",
    }  # fmt: skip
    assert {finding: states[finding] for finding in expected} == expected
    released = dict(ask(home, "SELECT finding_id, status FROM quality.finding").iter_rows())
    assert released == states, "the ledger replays to the same states"
    desk.open("/findings?status=reopened")
    assert sex[3] in desk.page.inner_text("main")


def _seen(home: Home, finding_id: str) -> str:
    values = dict(take_snapshot(home).findings.select("finding_id", "value_text").iter_rows())
    return str(values[finding_id])


def test_fifty_findings_need_no_mouse(desk: Desk) -> None:
    desk.open("/findings")
    desk.name_steward()
    desk.open("/findings")
    keyboard = desk.page.keyboard
    first = desk.page.locator("tr[data-href] a").nth(1).inner_text()
    keyboard.press("j")
    keyboard.press("j")
    keyboard.press("Enter")
    desk.page.wait_for_url("**/finding/**")
    assert first in desk.page.url
    keyboard.press("c")
    keyboard.type("the same reason")
    keyboard.press("Enter")
    desk.wait_until_decided(first, "confirmed")
    assert first not in desk.page.url.split("?")[0], "the next one is open"
    second = desk.page.url.split("?")[0]
    desk.page.wait_for_load_state()
    desk.page.wait_for_function(
        "document.querySelector('#reason')?.value === 'the same reason'"
    )  # offered again
    keyboard.press("s")
    desk.page.wait_for_function(
        "document.querySelector('#reason').value === ''"
    )  # of another decision it is none
    keyboard.press("Escape")
    keyboard.press("c")
    desk.page.wait_for_function("document.querySelector('#reason').value === 'the same reason'")
    keyboard.press("Escape")
    keyboard.press("m")
    keyboard.type("what was said")
    keyboard.press("Enter")
    desk.wait_until_decided(second.rpartition("/")[2], "remark")
    assert desk.page.url.split("?")[0] == second, "a remark stays with its finding"
    desk.page.wait_for_load_state()
    desk.page.locator("a[rel=up]").wait_for()
    desk.page.evaluate("document.activeElement?.blur()")
    keyboard.press("u")
    desk.page.wait_for_url("**/findings**")
    keyboard.press("?")
    desk.page.wait_for_url("**/help")


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/findings",
        "/by/cause",
        "/by/rule",
        "/by/patient",
        "/decisions",
        "/help",
        "/finding",
        "/patient",
        "/nothing/",
    ],
)
def test_axe_finds_no_serious_fault(desk: Desk, path: str) -> None:
    row = take_snapshot(desk.home).findings.drop_nulls("patient_id").row(0, named=True)
    paths = {
        "/finding": f"/finding/{row['finding_id']}",
        "/patient": f"/patient/{row['patient_id']}",
        "/nothing/": "/finding/F0",
    }
    desk.open(paths.get(path, path))
    # An evaluated text is not held to the page's own policy, which lets in no script but the page's.
    desk.page.evaluate(AXE.read_text(encoding="utf-8"))
    faults = desk.page.evaluate(
        "axe.run(document, {resultTypes: ['violations']}).then(done => done.violations)"
    )
    serious = [
        (fault["id"], [node["html"][:200] for node in fault["nodes"]][:3])
        for fault in faults
        if fault["impact"] in IMPACTS
    ]
    assert serious == []


@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_is_as_wide_as_the_screen(desk: Desk, width: int) -> None:
    desk.page.set_viewport_size({"width": width, "height": 800})
    for path in ("/", "/findings", "/help"):
        desk.open(path)
        assert desk.page.evaluate("document.documentElement.scrollWidth") <= width, path
    desk.page.set_viewport_size({"width": 1280, "height": 900})


def test_nothing_left_the_computer_and_nothing_ran_that_should_not(desk: Desk) -> None:
    assert desk.foreign == []
    assert [text for text in desk.said if "404" not in text] == []
