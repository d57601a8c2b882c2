"""The data manager's page: what it shows, who gets in, what a form can and cannot do."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import polars as pl
import pytest

from registry_pipeline.core.files import StoreError
from registry_pipeline.core.home import Home
from registry_pipeline.operations.audit import read_audit_log
from registry_pipeline.pipeline.refresh import judge_inbox
from registry_pipeline.reporting.document.html import page_environment
from registry_pipeline.stewardship.decide import ledger_entries
from registry_pipeline.stewardship.findings import Filters, select_findings, take_snapshot
from registry_pipeline.stewardship.patients import facilities_of, numbers_of
from registry_pipeline.store.releases import current_release
from registry_pipeline.web import forms
from registry_pipeline.web.assets import FOLDER, STATIC, content_security_policy, integrity
from registry_pipeline.web.desk import TEMPLATES
from tests.support.desk import (
    HOSTILE,
    PORT,
    Browser,
    home_with_findings,
    refresh_quickly,
    send_patients,
)
from tests.support.registry_home import ask, small_home

pytestmark = pytest.mark.slow
PAGES = ["/", "/findings", "/findings?status=all&page=2", "/by/cause", "/by/rule", "/by/facility", "/by/patient",
         "/by/file", "/by/column", "/decisions", "/help"]  # fmt: skip


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return home_with_findings(tmp_path_factory.mktemp("desk") / "home")


@pytest.fixture
def browser(home: Home) -> Browser:
    return Browser(home, "A. Steward")


class _Tags(HTMLParser):
    """Every start tag of a page with its attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def _ids(home: Home, **filters: tuple[str, ...]) -> list[str]:
    return select_findings(take_snapshot(home), Filters(**filters))["finding_id"].to_list()


def _decided(home: Home, finding_id: str) -> list[str]:
    return [entry.state for entry in ledger_entries(home) if entry.finding_id == finding_id]


@pytest.mark.parametrize("path", PAGES)
def test_every_page_is_there_and_asks_nothing_of_another_host(browser: Browser, path: str) -> None:
    status, headers, body = browser.send("GET", path, {})
    assert status == 200 and headers["cache-control"] == "no-store"
    assert headers["content-security-policy"] == content_security_policy()
    tags = _Tags(body).tags
    assert len(tags) > 20
    for tag, attributes in tags:
        assert tag != "style" and not (tag == "script" and "src" not in attributes), "nothing inline"
        for name, value in attributes.items():
            assert not name.startswith(("on", "style", "hx-on")), "no handler and no style in an attribute"
            assert not re.match(r"\s*(?:https?:)?//|\s*javascript:", value or ""), "no other host"


def test_every_finding_has_a_page_with_its_row_its_record_and_its_patient(
    browser: Browser, home: Home
) -> None:
    for finding_id in _ids(home):
        status, body = browser.get(f"/finding/{finding_id}")
        assert status == 200 and finding_id in body
    (male,) = [row for row in take_snapshot(home).findings.to_dicts() if row["value_text"] == "male"]
    _, body = browser.get(f"/finding/{male['finding_id']}")
    assert "K0009" in body and "squamous cell carcinoma 9" in body, "the row as received"
    assert "quarantined" in body and "The record in patient" in body
    status, body = browser.get(f"/patient/{male['patient_id']}")
    assert status == 200 and "2015-10-10" in body and male["finding_id"] in body


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_values_are_text_on_every_page(browser: Browser, home: Home, kind: str) -> None:
    shown = 0
    ids = [
        row["finding_id"]
        for row in take_snapshot(home).findings.to_dicts()
        if (row["value_text"] or "").startswith(HOSTILE[kind][:100])
    ]
    assert ids
    for path in (*PAGES, *(f"/finding/{finding_id}" for finding_id in ids)):
        _, body = browser.get(path)
        assert "<img" not in body and "<script>alert" not in body and "{{" not in body.replace("{{7*7}}", "")
        assert "\u202e" not in body and "\u2066" not in body
        shown += {
            "markup": "&lt;img src=x",
            "formula": "=cmd|",
            "bidi": "·gnirts",
            "long": "x" * 100,
            "script": "{{7*7}}",
        }[kind] in body
    assert shown >= 2, "in the list and on its own page"


def test_templates_escape_everything() -> None:
    texts = {path.name: path.read_text(encoding="utf-8") for path in TEMPLATES.iterdir()}
    assert len(texts) > 8
    for name, text in texts.items():
        assert not re.search(r"\|\s*safe|autoescape|Markup|hx-on|\son[a-z]+=", text), name
    code = "".join(path.read_text(encoding="utf-8") for path in TEMPLATES.parent.glob("*.py"))
    assert "Markup(" not in code and page_environment(TEMPLATES).autoescape is True


def test_scripts_are_ours_by_hash_and_htmx_may_not_eval(browser: Browser) -> None:
    _, body = browser.get("/")
    for name in STATIC:
        assert f'integrity="{integrity(name)}"' in body
        status, _ = browser.get(f"/static/{name}")
        assert status == 200
    assert '"allowEval": false' in body and '"includeIndicatorStyles": false' in body
    assert "unsafe" not in content_security_policy()
    assert not re.search(r"\beval\(|new Function|innerHTML", (FOLDER / "desk.js").read_text())
    for path in ("/static/../desk.py", "/static/%2e%2e%2fdesk.py", "/static/desk.LICENSE", "/nothing"):
        assert browser.get(path)[0] == 404


REFUSED: dict[str, tuple[int, Callable[[Browser], int]]] = {
    "a foreign host": (400, lambda browser: browser.get("/", host="evil.example")[0]),
    "no cookie": (403, lambda browser: browser.get("/", cookie="")[0]),
    "another cookie": (403, lambda browser: browser.get("/", cookie=f"registry_{PORT}=x")[0]),
    "no token": (403, lambda browser: browser.post("/decide", [("csrf", ""), ("state", "waived")])[0]),
    "another token": (
        403,
        lambda browser: browser.post("/decide", [("csrf", "0" * 64), ("state", "waived")])[0],
    ),
    "a foreign origin": (403, lambda browser: browser.post("/decide", [], origin="https://evil.example")[0]),
    "no origin": (403, lambda browser: browser.send("POST", "/decide", {}, b"x=1")[0]),
    "another page of the web": (
        403,
        lambda browser: browser.get("/findings", **{"sec-fetch-site": "cross-site"})[0],
    ),
    "a body without end": (413, lambda browser: browser.post("/decide", [("reason", "x" * 1_100_000)])[0]),
    "another method": (
        405,
        lambda browser: browser.send("DELETE", "/findings", {"origin": f"http://127.0.0.1:{PORT}"})[0],
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_who_should_not_get_in_does_not(browser: Browser, home: Home, what: str) -> None:
    before = len(ledger_entries(home))
    expected, attempt = REFUSED[what]
    assert attempt(browser) == expected
    assert len(ledger_entries(home)) == before


def test_one_decision_leads_to_the_next_finding_and_can_be_taken_back(browser: Browser, home: Home) -> None:
    first, second = _ids(home, severity=("error",))[:2]
    fields = [
        ("state", "waived"),
        ("reason", "by telephone"),
        ("until", "2999-12-31"),
        ("list", "severity=error"),
        ("seen_no", "0"),
    ]
    status, headers, _ = browser.post(f"/finding/{first}", fields)
    assert status == 303 and headers["location"].startswith(f"/finding/{second}?severity=error&done=")
    _, body = browser.get(f"/finding/{first}")
    assert "by telephone" in body and "A. Steward" in body and "in force" in body and "pending" in body
    assert first not in browser.get("/findings")[1] and first in browser.get("/findings?status=waived")[1]
    number = str(ledger_entries(home)[-1].decision_no)
    undo = [("state", "withdrawn"), ("reason", "taken back"), ("list", ""), ("seen_no", number)]
    assert browser.post(f"/finding/{first}", undo)[0] == 303
    assert _decided(home, first) == ["waived", "withdrawn"] and first in browser.get("/findings")[1]


def test_two_browsers_that_decide_at_once_lose_nothing(home: Home) -> None:
    one, other = Browser(home, "A"), Browser(home, "B")
    finding_id = _ids(home, severity=("error",))[2]
    fields = [("reason", "r"), ("list", ""), ("seen_no", "0")]
    assert one.post(f"/finding/{finding_id}", [("state", "confirmed"), *fields])[0] == 303
    status, _, body = other.post(f"/finding/{finding_id}", [("state", "waived"), *fields])
    assert status == 409 and "Somebody decided meanwhile" in body
    assert _decided(home, finding_id) == ["confirmed"]


def test_many_are_decided_at_once_unless_the_list_has_changed(browser: Browser, home: Home) -> None:
    ids = _ids(home, rule=("U03",))
    assert len(ids) > 3
    fields = [("state", "remark"), ("reason", "asked"), ("list", "rule=U03"), ("scope", "all")]
    status, _, body = browser.post("/decide", [*fields, ("n_listed", str(len(ids) + 1))])
    assert status == 409 and "has changed" in body and not _decided(home, ids[0])
    assert browser.post("/decide", [*fields, ("n_listed", str(len(ids)))])[0] == 303
    assert all(_decided(home, finding_id) == ["remark"] for finding_id in ids)
    ticked = [("state", "confirmed"), ("reason", "r"), ("list", "rule=U03"), ("scope", "ticked")]
    status, _, _ = browser.post("/decide", [*ticked, *(("id", finding_id) for finding_id in ids[:2])])
    assert status == 303
    assert [_decided(home, finding_id)[-1] for finding_id in ids[:3]] == ["confirmed", "confirmed", "remark"]


def test_an_order_on_many_is_taken_back_at_once_where_nobody_decided_since(
    browser: Browser, home: Home
) -> None:
    ids = _ids(home, rule=("U03",))[-3:]
    fields = [("state", "waived"), ("reason", "the wrong list"), ("list", "rule=U03"), ("scope", "ticked")]
    status, headers, _ = browser.post("/decide", [*fields, *(("id", finding_id) for finding_id in ids)])
    assert status == 303
    number = ledger_entries(home)[-1].decision_no
    first, last = str(number - 2), str(number)
    _, body = browser.get(headers["location"])
    assert f'name="first" value="{first}"' in body and f'name="last" value="{last}"' in body
    again = [
        ("state", "confirmed"),
        ("reason", "the chart"),
        ("list", "rule=U03&status=all"),
        ("scope", "ticked"),
    ]
    assert browser.post("/decide", [*again, ("id", ids[0])])[0] == 303
    _, body = browser.get("/decisions")
    assert "3 findings" in body and f"{first} to {last}" in body
    status, headers, _ = browser.post("/withdraw", [("first", first), ("last", last)])
    assert status == 303 and "2+of+3+decisions+taken+back" in headers["location"]
    assert [_decided(home, finding_id)[-1] for finding_id in ids] == ["confirmed", "withdrawn", "withdrawn"]
    status, _, body = browser.post("/withdraw", [("first", first), ("last", last)])
    assert status == 422 and "nothing to take back" in body


def test_a_patient_is_found_by_the_number_of_her_hospital(browser: Browser, home: Home) -> None:
    (row,) = [row for row in take_snapshot(home).findings.to_dicts() if row["value_text"] == "male"]
    for path in ("/findings?text=K0009", "/findings?patient=K0009", f"/findings?text={row['patient_id']}"):
        _, body = browser.get(path)
        assert row["finding_id"] in body and body.count('name="id"') < 5, path
    _, body = browser.get("/findings?text=K0009")
    assert f'href="/patient/{row["patient_id"]}"' in body and "north" in body
    assert "K0009" in browser.get("/by/patient")[1]


def _refuse(_: Home) -> None:
    raise StoreError("another refresh is running")


def test_what_has_just_been_dropped_is_judged_from_the_page_and_then_released(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = home_with_findings(tmp_path / "home")
    browser = Browser(home, "A. Steward")
    assert "Judge the inbox" not in browser.get("/")[1]
    release = current_release(home)
    send_patients(home, "patients_2.csv", p10={"sex": "femal"})
    assert "Judge the inbox" in browser.get("/")[1]
    status, headers, _ = browser.post("/screen", [])
    assert status == 303 and "1+new+files" in headers["location"] and "north" in headers["location"]
    status, body = browser.get(headers["location"])
    assert "Judge the inbox" not in body and "led to no release" in body
    assert "femal" in browser.get("/findings?new=1")[1]
    assert current_release(home) == release
    with monkeypatch.context() as patch:
        patch.setattr(forms, "judge_inbox", _refuse)
        assert browser.post("/screen", [])[0] == 422
    entries = [(entry.outcome, entry.details) for entry in read_audit_log(home) if entry.action == "screen"]
    assert [outcome for outcome, _ in entries] == ["begun", "done", "begun", "refused"]
    assert {details for _, details in entries} == {"on the page, by A. Steward"}
    refresh_quickly(home)
    assert current_release(home) != release and not judge_inbox(home).facility_ids
    values = ask(home, "SELECT value_text FROM quality.finding WHERE status = 'open' AND items = 'sex'")
    assert values["value_text"].to_list() == ["femal"]


def test_nothing_is_decided_of_values_that_were_judged_after_the_page_was_shown(tmp_path: Path) -> None:
    home = home_with_findings(tmp_path / "home")
    browser = Browser(home, "A. Steward")
    finding_id = _ids(home, rule=("S09",))[0]
    shown = {
        path: browser.get(path)[1] for path in (f"/finding/{finding_id}", "/findings?rule=S09", "/by/cause")
    }
    seen = {path: re.findall('name="as_of" value="([^"]+)"', body) for path, body in shown.items()}
    (as_of,) = {stamp for stamps in seen.values() for stamp in stamps}
    cause = take_snapshot(home).findings.filter(pl.col("finding_id") == finding_id)["cause_id"][0]
    orders = {
        f"/finding/{finding_id}": [("seen_no", "0")],
        "/decide": [("list", "rule=S09"), ("id", finding_id)],
        "/decide?all": [("list", "rule=S09"), ("scope", "all"), ("n_listed", "2")],
        "/decide?cause": [("cause", f"{cause}:1")],
    }
    send_patients(home, "patients_2.csv", p7={"born": "1956-14-45"}, p8={"born": "31.31.1951"})
    assert browser.post("/screen", [])[0] == 303
    for path, fields in orders.items():
        fields += [("state", "waived"), ("reason", "as it was shown")]
        status, _, body = browser.post(path, [*fields, ("as_of", as_of)])
        assert status == 409 and "judged anew" in body
    assert not ledger_entries(home)
    assert browser.post("/decide", orders["/decide?all"])[0] == 303 and len(ledger_entries(home)) == 2


def test_the_page_that_asked_for_the_name_is_shown_again(home: Home) -> None:
    browser = Browser(home)
    for asked, shown in (("/by/rule?facility=north", "/by/rule?facility=north"), ("//evil.example", "/")):
        _, headers, _ = browser.post("/steward", [("by", "A"), ("path", asked)])
        assert headers["location"] == shown


def test_findings_of_one_cause_are_a_group_with_one_decision(browser: Browser, home: Home) -> None:
    snapshot = take_snapshot(home)
    (dates,) = {*snapshot.waiting.filter(snapshot.waiting["rule_id"] == "U03")["cause_id"].head(1)}
    group = select_findings(snapshot, Filters(cause=(dates,)))
    # the number of a patient says which record it is, and nothing of the cause
    assert group.select("rule_id", "facility_id", "source_column").unique().height == 1 and group.height > 3
    sexes = snapshot.findings.filter(snapshot.findings["items"] == "sex")
    values = sexes.group_by("cause_id").agg(pl.col("value_text").n_unique())
    assert values.height > 2 and set(values["value_text"]) == {1}, "another value, another cause"
    _, body = browser.get("/by/cause")
    assert f'value="{dates}:{group.height}"' in body
    assert browser.get(f"/findings?cause={dates}")[1].count('name="id"') == group.height
    fields = [("state", "remark"), ("reason", "of one cause"), ("list", ""), ("scope", "ticked")]
    status, _, body = browser.post("/decide", [*fields, ("cause", f"{dates}:{group.height + 1}")])
    assert status == 409 and "Nothing was written" in body
    status, headers, _ = browser.post("/decide", [*fields, ("cause", f"{dates}:{group.height}")])
    assert status == 303 and headers["location"].startswith("/by/cause")
    said = {entry.finding_id for entry in ledger_entries(home) if entry.reason == "of one cause"}
    assert said == set(group["finding_id"])
    _, body = browser.get("/by/cause?sort=number")
    counts = [int(n) for n in re.findall(r'data-n="([0-9]+)"', body)]
    assert counts == sorted(counts, reverse=True) and len(set(counts)) > 1


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ([("state", "waived"), ("reason", " ")], "reason must not be blank"),
        ([("state", "awful"), ("reason", "r")], "there is no state"),
        ([("state", "waived"), ("reason", "r"), ("until", "2001-01-01")], "has passed already"),
        ([("state", "correction"), ("reason", "r"), ("new_value", "X")], "write one of"),
    ],
)
def test_what_cannot_be_decided_is_said_on_the_page(
    browser: Browser, home: Home, fields: list[tuple[str, str]], message: str
) -> None:
    finding_id = _ids(home, rule=("V02",))[-1]
    seen = ("seen_no", "0")
    status, _, body = browser.post(f"/finding/{finding_id}", [*fields, seen, ("list", "")])
    assert status == 422 and message in body and not _decided(home, finding_id)


def test_who_decides_is_asked_once_and_kept(home: Home) -> None:
    browser = Browser(home)
    assert 'name="by"' in browser.get("/findings")[1]
    assert browser.post("/steward", [("by", "Dr. 李")])[0] == 303
    _, body = browser.get("/findings")
    assert "Dr. 李" in body and 'id="b-by"' not in body


def test_a_bug_says_no_value(browser: Browser, home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    def bug(*_: object) -> None:
        raise ZeroDivisionError("record of Jane Doe")

    monkeypatch.setattr("registry_pipeline.web.desk.overview", bug)
    with pytest.raises(ZeroDivisionError):  # Starlette answers, then lets the server log it
        browser.get("/")
    assert any("Jane Doe" in path.read_text() for path in (home.store / "errors").iterdir())


def test_what_a_page_sends_waits_for_no_acknowledgement() -> None:
    """Headers and body are two writes; the second waited 40 ms."""
    from registry_pipeline.web.app import loopback_listener

    with loopback_listener() as listener, socket.create_connection(listener.getsockname()):
        connection, _ = listener.accept()
        with connection:
            assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_the_server_stops_by_itself_and_shows_its_link_to_nobody_else(home: Home, tmp_path: Path) -> None:
    from registry_pipeline.web.app import serve

    links: list[str] = []
    serve(home, idle_seconds=0.2, announce=lambda policy: links.append(policy.launch_url))
    assert len(links) == 1 and links[0].startswith("http://127.0.0.1:")


def test_a_click_leads_from_a_record_to_the_cells_that_it_was_made_of(home: Home, browser: Browser) -> None:
    patient_id = ask(home, "SELECT patient_id FROM curated.followup ORDER BY 1 LIMIT 1").item()
    page = browser.send("GET", f"/patient/{patient_id}", {})[2]
    links = [dict(attrs)["href"] for tag, attrs in _Tags(page).tags if tag == "a"]
    records = [link for link in links if link and link.startswith("/record/patient/")]
    assert records, "her own record is a link"
    status, _, body = browser.send("GET", str(records[0]), {})
    number = ask(
        home,
        "SELECT source_patient_id FROM curated.patient WHERE patient_id = ?".replace("?", f"'{patient_id}'"),
    ).item()
    assert status == 200 and "residence_region" in body and "District" in body
    assert "patients_1.csv" in body and "row " in body and number in body
    status, _, body = browser.send("GET", "/record/patient/nobody", {})
    assert status == 404 and "has no record with this patient_id" in body
    assert browser.send("GET", "/record/nothing/x", {})[0] == 404


def test_a_home_in_which_nothing_was_judged_says_what_to_do(tmp_path: Path) -> None:
    body = Browser(small_home(tmp_path / "home"), "A. Steward").get("/")[1]
    assert "Nothing has been judged yet" in body and "in no release yet" in body
    assert "<h2>Broken most" not in body, "no tables of nothing"


@pytest.mark.filterwarnings("error")
def test_a_finding_of_no_patient_has_a_page() -> None:
    numbers = pl.DataFrame({"patient_id": ["P1"], "facility_id": ["x"], "source_patient_id": ["1"]})
    assert numbers_of(numbers, None) == facilities_of(numbers, None) == []
    assert numbers_of(numbers, "P1") == [("x", "1")] and facilities_of(numbers, "P1") == ["x"]
