"""Who may talk to a page that this project serves on the loopback interface.

Belongs here: the ASGI middleware that every page is wrapped in, and the CSRF token of forms.
Does not belong here: pages (``web/``), Dagster's page (``defs/``).

A loopback port is open to every local user and, through DNS rebinding and cross-origin posts, to every web page
that a local browser shows. So a request must name a host of ours, a request that changes something must come from a
page of ours, and either must carry the cookie that only the holder of the launch link receives.
"""

import hashlib
import hmac
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlencode

from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
LAUNCH_PARAMETER = "token"
RESPONSE_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Not no-referrer: under it a browser sends "Origin: null" with a form of the same page.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
WEBSOCKET_POLICY_VIOLATION = 1008


def _random_token() -> str:
    return secrets.token_urlsafe(32)


@dataclass(frozen=True)
class AccessPolicy:
    """The secrets and names of one page for as long as its server runs.

    Attributes:
        port: TCP port on the loopback interface.
        public_hosts: further ``Host`` values, of a reverse proxy in front of the page.
        launch_token: stands in the link that whoever started the server is shown.
        session: value of the cookie that the launch link is exchanged for.
        max_body_bytes: longest request body.
    """

    port: int
    public_hosts: tuple[str, ...] = ()
    launch_token: str = field(default_factory=_random_token, repr=False)
    session: str = field(default_factory=_random_token, repr=False)
    max_body_bytes: int = 10_000_000

    @property
    def hosts(self) -> frozenset[str]:
        """What the ``Host`` header may say."""
        loopback = (f"{name}:{self.port}" for name in ("127.0.0.1", "localhost", "[::1]"))
        return frozenset((*loopback, *self.public_hosts))

    @property
    def origins(self) -> frozenset[str]:
        """What the ``Origin`` header may say."""
        return frozenset(f"{scheme}://{host}" for scheme in ("http", "https") for host in self.hosts)

    @property
    def cookie_name(self) -> str:
        """Name of the session cookie; browsers do not keep the cookies of two ports apart."""
        return f"registry_{self.port}"

    @property
    def launch_url(self) -> str:
        """The link that opens the page; a secret."""
        return f"http://127.0.0.1:{self.port}/?{urlencode({LAUNCH_PARAMETER: self.launch_token})}"

    @property
    def csrf_token(self) -> str:
        """The token that every form carries."""
        return hmac.new(self.session.encode(), b"csrf", hashlib.sha256).hexdigest()

    def is_csrf_token(self, text: str) -> bool:
        """Whether a form carries the token of this server."""
        return _equal(text, self.csrf_token)

    def is_launch_token(self, text: str) -> bool:
        """Whether a link carries the launch token of this server."""
        return _equal(text, self.launch_token)

    def is_session(self, text: str) -> bool:
        """Whether a cookie holds the session of this server."""
        return _equal(text, self.session)


class ProtectedApp:
    """An ASGI application behind an :class:`AccessPolicy`.

    Refuses with 400 a foreign host, with 403 a foreign origin or a missing cookie, with 413 a body that is too
    long; websockets are closed before they are accepted.
    """

    def __init__(self, app: ASGIApp, policy: AccessPolicy, headers: Mapping[str, str] | None = None) -> None:
        """Wrap ``app``; ``headers`` are added to every response beside :data:`RESPONSE_HEADERS`."""
        self.app, self.policy = app, policy
        self.headers = {**RESPONSE_HEADERS, **(headers or {})}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Judge one connection and pass it on or refuse it."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        send = self._with_headers(send)
        response = self._answer(HTTPConnection(scope))
        if response is None:
            await self.app(scope, _limited(receive, self.policy.max_body_bytes), send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": WEBSOCKET_POLICY_VIOLATION})
        else:
            await response(scope, receive, send)

    def _answer(self, request: HTTPConnection) -> Response | None:
        """The response to a connection that is not passed on."""
        policy = self.policy
        if request.headers.get("host", "") not in policy.hosts:
            return PlainTextResponse("This page is not served under that host.\n", 400)
        is_safe = request.scope["type"] == "http" and request.scope["method"] in SAFE_METHODS
        if not _is_same_origin(request, policy.origins, is_safe):
            return PlainTextResponse("Requests from other pages are refused.\n", 403)
        if _content_length(request) > policy.max_body_bytes:
            return PlainTextResponse("The request is too long.\n", 413)
        if is_safe and policy.is_launch_token(request.query_params.get(LAUNCH_PARAMETER, "")):
            return self._begin_session(request)
        if not policy.is_session(request.cookies.get(policy.cookie_name, "")):
            return PlainTextResponse(
                "Open the link that the terminal showed when the page was started.\n", 403
            )
        return None

    def _begin_session(self, request: HTTPConnection) -> Response:
        """Exchange the launch link for the cookie, so that the token does not stay in the address bar."""
        others = [pair for pair in parse_qsl(request.url.query) if pair[0] != LAUNCH_PARAMETER]
        # A path that begins with two slashes would be taken for another host.
        path = "/" + request.url.path.lstrip("/")
        response = RedirectResponse(path + (f"?{urlencode(others)}" if others else ""), 303)
        response.set_cookie(self.policy.cookie_name, self.policy.session, httponly=True, samesite="strict")
        response.headers["Cache-Control"] = "no-store"
        return response

    def _with_headers(self, send: Send) -> Send:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                present = {name.lower() for name, _ in message.get("headers", [])}
                added = [(name.lower().encode(), value.encode()) for name, value in self.headers.items()]
                missing = [pair for pair in added if pair[0] not in present]
                message = {**message, "headers": [*message.get("headers", []), *missing]}
            await send(message)

        return send_with_headers


def _equal(received: str, expected: str) -> bool:
    return hmac.compare_digest(received.encode(), expected.encode())


def _is_same_origin(request: HTTPConnection, origins: Iterable[str], is_safe: bool) -> bool:
    """Whether a page of ours, or a person, sent the request; what changes something must say its origin."""
    origin = request.headers.get("origin")
    if origin is not None and origin not in origins:
        return False
    if is_safe:
        return request.headers.get("sec-fetch-site") != "cross-site" or _is_navigation(request)
    return origin is not None


def _is_navigation(request: HTTPConnection) -> bool:
    """A link that was followed; the cookie is SameSite=Strict, so it shows nothing without the launch token."""
    return request.headers.get("sec-fetch-mode") == "navigate"


def _content_length(request: HTTPConnection) -> int:
    text = request.headers.get("content-length", "0")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else 1 << 62


def _limited(receive: Receive, max_bytes: int) -> Receive:
    """``receive`` that ends the connection when a body without a length grows beyond the limit."""
    n_bytes = 0

    async def receive_limited() -> Message:
        nonlocal n_bytes
        message = await receive()
        if message["type"] == "http.request":
            n_bytes += len(message.get("body", b""))
            if n_bytes > max_bytes:
                return {"type": "http.disconnect"}
        return message

    return receive_limited
