"""The page as an ASGI application, and the server that runs it on the loopback interface.

Belongs here: headers of every response, starting, stopping when nobody asks for anything.
Does not belong here: pages (``pages.py``), forms (``forms.py``), who may talk to it (``core/web_security.py``).
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from registry_pipeline.core.home import Home
from registry_pipeline.core.web_security import AccessPolicy, ProtectedApp
from registry_pipeline.web import forms, pages, record, report
from registry_pipeline.web.assets import FOLDER, STATIC, content_security_policy
from registry_pipeline.web.desk import Desk

MAX_BODY_BYTES = 1_000_000
IDLE_SECONDS = 3600.0


def create_app(home: Home, policy: AccessPolicy, steward: str = "") -> ASGIApp:
    """The page over a home, behind an access policy.

    Args:
        steward: who decides; asked on the page if empty.
    """
    routes = [*pages.ROUTES, *record.ROUTES, *report.ROUTES, *forms.ROUTES, Route("/static/{name}", _static)]
    app = Starlette(routes=routes, exception_handlers={500: _bug})
    app.state.desk = Desk(home, policy, steward)
    headers = {"Cache-Control": "no-store", "Content-Security-Policy": content_security_policy()}
    return ProtectedApp(app, policy, headers)


def _static(request: Request) -> Response:
    name = request.path_params["name"]
    if name not in STATIC:
        return PlainTextResponse("not found\n", 404)
    # The address carries the file's hash, so a browser may keep it; it says nothing of any record.
    headers = {"Cache-Control": "private, max-age=86400"}
    return Response((FOLDER / name).read_bytes(), media_type=STATIC[name], headers=headers)


def _bug(request: Request, problem: Exception) -> Response:
    """A bug is told without a value; its details lie in a private file."""
    from registry_pipeline.pipeline.errors import record_private_details

    desk: Desk = request.app.state.desk
    path = record_private_details(desk.home, problem)
    return PlainTextResponse(f"An internal error. Details, which may quote records: {path}\n", 500)


class _LastRequest:
    """An application that remembers when it was asked last."""

    def __init__(self, app: ASGIApp) -> None:
        self.app, self.at = app, time.monotonic()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.at = time.monotonic()
        await self.app(scope, receive, send)


def loopback_listener(port: int = 0) -> socket.socket:
    """A port on 127.0.0.1 whose connections send what they have at once.

    asyncio sees to that only for sockets that name their protocol, which :func:`socket.create_server` leaves out. Headers and
    body are two writes: the second would wait 40 ms until the browser has acknowledged the first.
    """
    listener = socket.create_server(("127.0.0.1", port))
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def serve(
    home: Home,
    port: int = 0,
    steward: str = "",
    idle_seconds: float = IDLE_SECONDS,
    announce: Callable[[AccessPolicy], None] = lambda _: None,
) -> None:
    """Serve the page until it is stopped or nobody has asked for anything for a while.

    Args:
        port: on 127.0.0.1; any free one if 0.
        announce: told the policy, with its launch link, when the port is open.
    """
    with loopback_listener(port) as listener:
        policy = AccessPolicy(listener.getsockname()[1], max_body_bytes=MAX_BODY_BYTES)
        application = _LastRequest(create_app(home, policy, steward))
        server = uvicorn.Server(
            uvicorn.Config(application, log_level="critical", access_log=False, server_header=False)
        )
        announce(policy)
        asyncio.run(_until_idle(server, listener, application, idle_seconds))


async def _until_idle(
    server: uvicorn.Server, listener: socket.socket, application: _LastRequest, idle_seconds: float
) -> None:
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    while not serving.done():
        await asyncio.wait([serving], timeout=min(5.0, idle_seconds))
        if time.monotonic() - application.at > idle_seconds:
            server.should_exit = True
    await serving
