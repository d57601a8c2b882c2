"""Alerts reach a mail server, a webhook and a command of this machine, once each, without a value of any record."""

from __future__ import annotations

import json
import socketserver
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import message_from_string, policy
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import duckdb
import pytest

from registry_pipeline.core.home import Home
from registry_pipeline.core.toml_source import ConfigurationError
from registry_pipeline.intake.landing.ledger import read_ledger, write_ledger
from registry_pipeline.operations.alerts.alerts_file import FILE, read_alert_settings
from registry_pipeline.operations.alerts.channels import NotSent
from registry_pipeline.operations.alerts.tell import tell_alerts
from registry_pipeline.operations.audit import record
from registry_pipeline.operations.silence import silences
from registry_pipeline.pipeline.refresh import take_in
from registry_pipeline.store.releases import release_folder, switch
from tests.support.registry_home import HOSPITAL, good_files, send_all, small_home

BEFORE, SERVED = "2026-01-01T000000Z-aaaaaa", "2026-01-02T000000Z-bbbbbb"
SECRET = "P0123456789abcdef"


def build_release(home: Home, release_id: str, survival: float, n_errors: int) -> None:
    folder = release_folder(home, release_id)
    folder.mkdir(parents=True)
    with duckdb.connect(str(folder / "registry.duckdb")) as connection:
        connection.execute(f"""
            CREATE SCHEMA meta; CREATE SCHEMA quality; CREATE SCHEMA result;
            CREATE TABLE meta.release AS SELECT '{release_id}' AS release_id;
            CREATE TABLE quality.finding AS SELECT 'F' || i AS finding_id, 'error' AS severity,
                '{release_id}' AS first_seen_release, '{SECRET}' AS record_key FROM range({n_errors}) r(i);
            CREATE VIEW open_findings AS FROM quality.finding;
            CREATE TABLE result.bounds AS SELECT 'os_36_overall' AS headline, 'Overall survival' AS description,
                '%' AS unit, {survival}::DOUBLE AS computed_value""")


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """Two releases: overall survival has moved by 7, the served one shows three new errors."""
    home = small_home(tmp_path / "home")
    send_all(home, good_files())
    take_in(home)
    build_release(home, BEFORE, 50.0, 0)
    build_release(home, SERVED, 57.0, 3)
    switch(home, SERVED)
    record(home, "refresh", "done", SERVED)
    return home


def say(home: Home, when: str = "", send: str = "", headline: str = "") -> None:
    (home.root / FILE).write_text(
        f"[when]\n{when}\n[headline]\n{headline}\n[send]\n{send}\n", encoding="utf-8"
    )


class MailSink(socketserver.StreamRequestHandler):
    """As much of SMTP as one message needs."""

    mails: list[str] = []  # noqa: RUF012

    def handle(self) -> None:
        self.wfile.write(b"220 sink\r\n")
        while line := self.rfile.readline():
            word = line[:4].upper()
            if word == b"DATA":
                self.wfile.write(b"354 go on\r\n")
                lines = iter(self.rfile.readline, b".\r\n")
                MailSink.mails.append(b"".join(lines).decode())
            elif word == b"QUIT":
                self.wfile.write(b"221 bye\r\n")
                return
            self.wfile.write(b"250 ok\r\n")


class HookSink(BaseHTTPRequestHandler):
    """A webhook that keeps what it gets."""

    contents: list[dict[str, object]] = []  # noqa: RUF012

    def do_POST(self) -> None:
        HookSink.contents.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Silent."""


@contextmanager
def served(server: socketserver.TCPServer) -> Iterator[int]:
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_each_kind_reaches_a_mail_server_once(home: Home) -> None:
    MailSink.mails.clear()
    with served(socketserver.TCPServer(("127.0.0.1", 0), MailSink)) as port:
        smtp = f'[send.smtp]\nport = {port}\nsender = "registry@example.org"\nrecipients = ["operator@example.org"]'
        say(home, "new_errors = 2", smtp, "os_36_overall = 5")
        record(home, "refresh", "refused", SERVED, f"blocking rules have findings: {SECRET}")
        mapping = home.facilities / f"{HOSPITAL}.toml"
        mapping.write_text("silent_after_days = 30\n" + mapping.read_text())
        ledger = home.landing / HOSPITAL / "submissions.json"
        ledger.write_text(json.dumps(_received_long_ago(json.loads(ledger.read_text())["files"])))
        told = tell_alerts(home)
        assert {alert.key.partition(":")[0] for alert in told} == {"refused", "silent", "errors", "headline"}
        assert tell_alerts(home) == [], "each is told once"
    (received,) = MailSink.mails
    message = message_from_string(received, policy=policy.default)
    assert message["To"] == "operator@example.org" and message["Subject"].endswith("and 3 more")
    mail = message.get_content()
    assert "3 new errors" in mail and "50 in release" in mail and "has sent nothing for 40 days" in mail
    assert SECRET not in mail + received, "no value of a record"


def _received_long_ago(files: list[dict[str, object]]) -> list[dict[str, object]]:
    moment = (datetime.now(UTC) - timedelta(days=40)).isoformat()
    return [{**file, "received_at": moment} for file in files]


def test_a_webhook_and_a_command_get_them_too(home: Home, tmp_path: Path) -> None:
    HookSink.contents.clear()
    script = tmp_path / "notify"
    script.write_text(f'#!/bin/sh\ncat > "{tmp_path}/message"\n')
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    with served(HTTPServer(("127.0.0.1", 0), HookSink)) as port:
        say(home, "new_errors = 2", f'command = ["{script}"]\nwebhook = "http://127.0.0.1:{port}/alerts"')
        assert len(tell_alerts(home)) == 1
    assert HookSink.contents[0]["subject"] == "Registry: 3 new errors"
    assert "3 new errors" in (tmp_path / "message").read_text()


def test_below_its_limit_nothing_is_told(home: Home) -> None:
    say(home, "new_errors = 3", 'command = ["false"]', "os_36_overall = 7")
    assert tell_alerts(home) == []


@pytest.mark.parametrize(
    ("channel", "why"),
    [
        ('command = ["false"]', r"command \(exit code 1\)"),
        ('command = ["/no/such/program"]', r"command \(No such file or directory\)"),
        ('webhook = "http://127.0.0.1:1/"', r"webhook \(Connection refused\)"),
        ('[send.smtp]\nport = 1\nsender = "a@b"\nrecipients = ["c@d"]', r"smtp \(Connection refused\)"),
    ],
)
def test_why_a_channel_did_not_take_it_is_told_in_words(home: Home, channel: str, why: str) -> None:
    say(home, "new_errors = 2", channel)
    with pytest.raises(NotSent, match=why):
        tell_alerts(home)


def test_what_a_channel_did_not_take_is_tried_again(home: Home) -> None:
    say(home, "new_errors = 2", 'command = ["false"]')
    for _ in range(2):
        with pytest.raises(NotSent, match="command"):
            tell_alerts(home)
    say(home, "new_errors = 2", 'command = ["true"]')
    assert len(tell_alerts(home)) == 1


def test_without_the_file_nothing_is_told(home: Home) -> None:
    assert read_alert_settings(home) is None and tell_alerts(home) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[when]\nnew_error = 1\n", "new_errors"),
        ('[send]\nwebhook = "https://example.org/hook"\n', "on this machine"),
        ("[headline]\nos_36_overall = true\n", "largest change"),
        ('[send.smtp]\nsender = "a@b\\r\\nBcc: c@d"\nrecipients = ["x@y"]\n', "mail addresses"),
    ],
)
def test_a_wrong_file_says_what_to_write(home: Home, text: str, said: str) -> None:
    (home.root / FILE).write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError, match=said):
        read_alert_settings(home)


def test_a_facility_is_as_silent_as_its_mapping_says(home: Home) -> None:
    mapping = home.facilities / f"{HOSPITAL}.toml"
    mapping.write_text("silent_after_days = 30\n" + mapping.read_text())
    late = datetime.now(UTC) + timedelta(days=31)
    assert [one.is_too_long for one in silences(home, late)] == [True]
    assert [one.is_too_long for one in silences(home)] == [False]


def test_a_facility_falls_silent_although_the_clock_was_once_ahead(home: Home) -> None:
    """Of a file of a time to come nobody knows when it came; it must not hide the silence until then."""
    now = datetime.now(UTC)
    ledger = read_ledger(home, HOSPITAL)
    ahead = replace(ledger[-1], received_at=(now + timedelta(days=3650)).isoformat(timespec="seconds"))
    write_ledger(home, HOSPITAL, [*ledger, ahead])
    late = now + timedelta(days=101)
    assert [(one.days, one.is_too_long) for one in silences(home, late)] == [(101, True)]
    write_ledger(home, HOSPITAL, [ahead])
    assert [(one.days, one.is_too_long) for one in silences(home, late)] == [(0, False)]
