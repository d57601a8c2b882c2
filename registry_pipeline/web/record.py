"""The page of one curated record: each item, and the cells of the files that it was made of.

Belongs here: the route. Does not belong here: looking the cells up (``stewardship/trace``), other pages (``pages.py``).
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from registry_pipeline.store.query import QueryError
from registry_pipeline.web.desk import Desk
from registry_pipeline.web.pages import not_found


def record_page(request: Request) -> Response:
    """What the served release says of a record, and where each value came from."""
    desk: Desk = request.app.state.desk
    table, key = request.path_params["table"], request.path_params["record_key"]
    try:
        traced = desk.released.record(table, key)
    except QueryError as problem:
        return not_found(request, str(problem))
    if traced is None:
        return not_found(request, "there is no release yet that a record could be followed in")
    return desk.render(request, "record.html", record=traced)


ROUTES = (Route("/record/{table}/{record_key:path}", record_page),)
