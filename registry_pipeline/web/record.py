"""The page of one curated record: each item, and the cells of the files that it was made of.

Belongs here: the route. Does not belong here: looking the cells up (``stewardship/trace``), other pages (``pages.py``).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from registry_pipeline.store.query import QueryError
from registry_pipeline.web.desk import Desk
from registry_pipeline.web.pages import not_found

T = TypeVar("T")


def record_page(request: Request) -> Response:
    """What the served release says of a record, and where each value came from."""
    desk: Desk = request.app.state.desk
    table, key = request.path_params["table"], request.path_params["record_key"]
    return followed_page(
        request,
        lambda: desk.released.record(table, key),
        lambda record: desk.render(request, "record.html", record=record),
    )


def followed_page(
    request: Request, follow: Callable[[], T | None], show: Callable[[T], Response]
) -> Response:
    """What was followed in the served release; else the line that says why it was not found there."""
    try:
        traced = follow()
    except QueryError as problem:
        return not_found(request, str(problem))
    if traced is None:
        return not_found(request, "there is no release yet that it could be followed in")
    return show(traced)


ROUTES = (Route("/record/{table}/{record_key:path}", record_page),)
