"""The data manager's desk in tests: a small home with findings, the page without a network, answered workbooks.

Belongs here: what tests of stewardship and of the page share. Does not belong here: what they must do.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import xlsxwriter

from registry_pipeline.core.home import Home
from registry_pipeline.core.web_security import AccessPolicy
from registry_pipeline.intake.readers import read_file
from registry_pipeline.intake.readers.model import ReadOptions
from registry_pipeline.pipeline.refresh import refresh
from registry_pipeline.stewardship.queries.layout import COLUMNS, SHEET, labels
from registry_pipeline.stewardship.sources import screened_at
from registry_pipeline.web.app import MAX_BODY_BYTES, create_app
from tests.support.registry_home import (
    N_PATIENTS,
    good_files,
    patient_row,
    patients_csv,
    send_all,
    small_home,
    without_estimates,
)

PORT = 4321
HOSTILE = {
    "markup": "<img src=x onerror=alert(1)>",
    "formula": "=cmd|'/c calc'!A1",
    "bidi": "left \u202egnirts \u2066x",
    "long": "x" * 10_000,
    "script": "</script><script>alert(1)</script>{{7*7}}",
}
"""What a hospital's free text may hold, by its kind."""


def refresh_quickly(home: Home) -> None:
    """One refresh without estimates and reports, which no test of the desk looks at."""
    with without_estimates():
        refresh(home)


def send_patients(home: Home, name: str, left_out: Sequence[int] = (), **changed: Mapping[str, str]) -> None:
    """A patients file of the tiny hospital; ``p5={"sex": "male"}`` changes a cell of patient 5."""
    rows = [patient_row(n, **changed.get(f"p{n}", {})) for n in range(N_PATIENTS) if n not in left_out]
    send_all(home, {name: patients_csv(rows)})


def home_with_findings(root: Path) -> Home:
    """A released home: five wrong sexes, four of them hostile texts, and two dates that cannot be."""
    home = small_home(root)
    send_all(home, good_files())
    hostile = {f"p{n}": {"sex": text} for n, text in enumerate(HOSTILE.values(), start=1)}
    send_patients(
        home,
        "patients_1.csv",
        p7={"born": "1956-13-45"},
        p8={"born": "31.31.1950"},
        p9={"sex": "male"},
        **hostile,
    )
    refresh_quickly(home)
    return home


class Browser:
    """Requests to the page in this process, with the cookie that the launch link gives."""

    def __init__(self, home: Home, steward: str = "") -> None:
        self.home = home
        self.policy = AccessPolicy(PORT, (), "launch", "session", MAX_BODY_BYTES)
        self.app = create_app(home, self.policy, steward)
        self.cookies = {self.policy.cookie_name: "session"}

    def get(self, path: str, **headers: str) -> tuple[int, str]:
        """Status and body."""
        status, _, body = self.send("GET", path, headers)
        return status, body

    def post(
        self, path: str, fields: Sequence[tuple[str, str]], **headers: str
    ) -> tuple[int, Mapping[str, str], str]:
        """Status, headers and body of what a form of the page, opened just now, would send."""
        given = {
            "origin": f"http://127.0.0.1:{PORT}",
            "content-type": "application/x-www-form-urlencoded",
            **headers,
        }
        hidden = {
            "csrf": self.policy.csrf_token,
            "as_of": str(screened_at(self.home)),
            **dict(fields),
        }
        form = [(name, hidden[name]) for name in ("csrf", "as_of")]
        form += [field for field in fields if field[0] not in ("csrf", "as_of")]
        return self.send("POST", path, given, urlencode(form).encode())

    def send(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes = b""
    ) -> tuple[int, Mapping[str, str], str]:
        """Status, headers and body of one request; keeps cookies."""
        cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        given = {"host": f"127.0.0.1:{PORT}", "cookie": cookie, "content-length": str(len(body)), **headers}
        status, answer, text = asyncio.run(self._send(method, path, given, body))
        if match := re.match(r"(\w+)=([^;]*)", answer.get("set-cookie", "")):
            self.cookies[match[1]] = match[2]
        return status, answer, text

    async def _send(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, dict[str, str], str]:
        path, _, query = path.partition("?")
        scope: dict[str, Any] = {
            "type": "http", "method": method, "path": path, "raw_path": path.encode(), "query_string": query.encode(),
            "headers": [(name.encode(), value.encode("latin-1", "replace")) for name, value in headers.items()],
            "scheme": "http", "server": ("127.0.0.1", PORT), "http_version": "1.1", "root_path": "",
        }  # fmt: skip
        messages = iter([{"type": "http.request", "body": body}])
        sent: list[Any] = []

        async def receive() -> dict[str, Any]:
            return next(messages, {"type": "http.disconnect"})

        async def send(message: Any) -> None:
            sent.append(message)

        await self.app(scope, receive, send)
        answer = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        return sent[0]["status"], answer, b"".join(part.get("body", b"") for part in sent[1:]).decode()


def workbook_rows(path: Path) -> list[dict[str, str]]:
    """The rows of a query workbook as text."""
    frame = read_file(path, ReadOptions(format="xlsx", header_rows=(1,), sheets=(SHEET,))).sheets[0].frame
    names = [name for name in frame.columns if name != "source_row"]
    return [
        dict(zip(COLUMNS, (text or "" for text in row), strict=True))
        for row in frame.select(names).iter_rows()
    ]


def save_workbook(
    path: Path, rows: Sequence[Mapping[str, str]], language: str = "en", columns: Sequence[str] = COLUMNS
) -> Path:
    """The workbook as another spreadsheet would save it: values only. A column of another name is one of theirs."""
    words = dict(zip(COLUMNS, labels(language), strict=True))
    with xlsxwriter.Workbook(str(path), {"strings_to_formulas": False}) as book:
        sheet = book.add_worksheet(SHEET)
        for number, row in enumerate([{name: words.get(name, name) for name in columns}, *rows]):
            for position, name in enumerate(columns):
                if row.get(name):
                    sheet.write_string(number, position, row[name])
    return path
