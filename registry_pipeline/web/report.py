"""The study report of the served release, each number of it with a way to its patients.

Belongs here: the routes. Does not belong here: writing the report (``reporting``), following a number
(``stewardship/trace``), a single record (``record.py``).
"""

from __future__ import annotations

import html
import re
import shlex
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from registry_pipeline.reporting.report import STUDY_REPORT
from registry_pipeline.store.releases import REPORTS, current_release, release_folder
from registry_pipeline.web.desk import Desk
from registry_pipeline.web.pages import not_found
from registry_pipeline.web.record import followed_page

MOST = 500
"""Patients that one page lists."""
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; frame-ancestors 'none'"
)
"""What the report's own page allows itself: no script at all."""
KINDS = {".html": "text/html", ".svg": "image/svg+xml", ".csv": "text/csv"}
_TRACED = re.compile(r'<th scope="row" data-trace="([^"]*)"([^>]*)>(.*?)</th>', re.DOTALL)


def report_page(request: Request) -> Response:
    """A file of the served release's reports as it lies there, the heads of rows that can be followed as links."""
    desk: Desk = request.app.state.desk
    release_id = current_release(desk.home)
    if release_id is None:
        return not_found(request, "there is no release yet")
    folder = (release_folder(desk.home, release_id) / REPORTS).resolve()
    path = (folder / (request.path_params.get("name") or STUDY_REPORT)).resolve()
    if not path.is_relative_to(folder) or path.suffix not in KINDS or not path.is_file():
        return not_found(request, "the served release has no such report")
    content = path.read_bytes()
    if path.suffix == ".html":
        content = _TRACED.sub(_linked, content.decode()).encode()
    return Response(content, media_type=KINDS[path.suffix], headers={"Content-Security-Policy": POLICY})


def _linked(match: re.Match[str]) -> str:
    table, *conditions = shlex.split(html.unescape(match[1]))
    query = urlencode(dict(condition.split("=", 1) for condition in conditions))
    address = html.escape(f"/result/{table}?{query}")
    return f'<th scope="row"{match[2]}><a href="{address}">{match[3]}</a></th>'


def result_page(request: Request) -> Response:
    """An estimate, and the patients whose records it rests on."""
    desk: Desk = request.app.state.desk
    table, conditions = request.path_params["table"], dict(request.query_params)
    return followed_page(
        request,
        lambda: desk.released.result(table, conditions),
        lambda result: desk.render(request, "result.html", result=result, patients=result.patients[:MOST]),
    )


ROUTES = (Route("/report/{name:path}", report_page), Route("/result/{table}", result_page))
