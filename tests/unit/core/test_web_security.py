"""A page on the loopback interface: who reaches it and who does not."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from registry_pipeline.core.web_security import AccessPolicy, ProtectedApp

POLICY = AccessPolicy(3000, ("registry.example.org",), "launch", "session", max_body_bytes=10)
OURS = {"host": "127.0.0.1:3000", "origin": "http://127.0.0.1:3000"}
WITH_COOKIE = {**OURS, "cookie": "registry_3000=session"}


async def _echo(request: Request) -> PlainTextResponse:
    return PlainTextResponse("reached " + (await request.body()).decode())


APP = ProtectedApp(Starlette(routes=[Route("/{path:path}", _echo, methods=["GET", "POST"])]), POLICY)


def call(
    method: str = "GET", path: str = "/", headers: Mapping[str, str] | None = None, body: bytes = b""
) -> tuple[int, dict[str, str], str]:
    """Status, headers and body of the answer to one request."""
    return asyncio.run(_call(method, path, headers or {}, body, "http"))


async def _call(
    method: str, path: str, headers: Mapping[str, str], body: bytes, kind: str
) -> tuple[int, dict[str, str], str]:
    path, _, query = path.partition("?")
    scope: dict[str, Any] = {
        "type": kind, "method": method, "path": path, "raw_path": path.encode(), "query_string": query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "scheme": "http" if kind == "http" else "ws", "server": ("127.0.0.1", 3000), "http_version": "1.1",
    }  # fmt: skip
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": f"{kind}.request" if kind == "http" else "websocket.connect", "body": body}

    async def send(message: Any) -> None:
        sent.append(message)

    await APP(scope, receive, send)
    if kind == "websocket":
        return sent[0]["code"], {}, sent[0]["type"]
    answer = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], answer, b"".join(one.get("body", b"") for one in sent[1:]).decode()


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1:3001", "127.0.0.1", "127.0.0.1:3000.evil.example", ""]
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_foreign_host_is_refused_even_with_the_cookie(host: str, method: str) -> None:
    assert call(method, "/", {**WITH_COOKIE, "host": host})[0] == 400


def test_a_request_without_a_host_is_refused() -> None:
    assert call("GET", "/", {"cookie": WITH_COOKIE["cookie"]})[0] == 400


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://127.0.0.1:3001", "http://127.0.0.1", ""]
)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
def test_a_foreign_origin_is_refused_even_with_the_cookie(origin: str, method: str) -> None:
    assert call(method, "/", {**WITH_COOKIE, "origin": origin})[0] == 403


def test_what_changes_something_must_say_where_it_comes_from() -> None:
    without = {name: value for name, value in WITH_COOKIE.items() if name != "origin"}
    assert call("POST", "/", without)[0] == 403
    assert call("GET", "/", without)[0] == 200


def test_other_pages_may_not_embed_what_a_page_shows() -> None:
    assert (
        call("GET", "/", {**WITH_COOKIE, "sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"})[0]
        == 403
    )


@pytest.mark.parametrize(
    "cookie", ["", "registry_3000=launch", "registry_3000=other", "registry_3001=session"]
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_without_the_cookie_nothing_is_shown_or_done(cookie: str, method: str) -> None:
    status, _, body = call(method, "/", {**OURS, "cookie": cookie})
    assert status == 403
    assert "reached" not in body


def test_the_launch_link_is_exchanged_for_a_cookie_and_leaves_the_address() -> None:
    status, headers, _ = call("GET", "/runs?token=launch&page=2", {"host": "localhost:3000"})
    assert (status, headers["location"]) == (303, "/runs?page=2")
    cookie = headers["set-cookie"].lower()
    assert cookie.startswith("registry_3000=session;")
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert call("GET", "/runs?token=other", OURS)[0] == 403
    assert call("POST", "/runs?token=launch", OURS)[0] == 403


@pytest.mark.parametrize("path", ["//evil.example/a", "///evil.example", "/\\evil.example"])
def test_the_launch_link_redirects_to_no_other_host(path: str) -> None:
    location = call("GET", f"{path}?token=launch", OURS)[1]["location"]
    assert location.startswith("/")
    assert not location.startswith(("//", "/\\"))


def test_with_host_origin_and_cookie_the_page_answers_with_its_headers() -> None:
    for host in ("127.0.0.1:3000", "localhost:3000", "[::1]:3000", "registry.example.org"):
        given = {**WITH_COOKIE, "host": host, "origin": f"https://{host}"}
        status, headers, body = call("POST", "/", given, b"done")
        assert (status, body) == (200, "reached done")
        assert headers["x-frame-options"] == "DENY"
        assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("length", ["11", "1e9", "-1", "9" * 400])
def test_a_body_that_says_it_is_too_long_is_refused(length: str) -> None:
    assert call("POST", "/", {**WITH_COOKIE, "content-length": length})[0] == 413


def test_a_body_that_grows_too_long_ends_the_connection() -> None:
    with pytest.raises(ClientDisconnect):
        call("POST", "/", WITH_COOKIE, b"x" * 11)


@pytest.mark.parametrize(
    "changed", [{"origin": "http://evil.example"}, {"host": "evil.example"}, {"cookie": ""}]
)
def test_a_websocket_of_somebody_else_is_closed(changed: dict[str, str]) -> None:
    assert asyncio.run(_call("GET", "/", {**WITH_COOKIE, **changed}, b"", "websocket")) == (
        1008, {}, "websocket.close",
    )  # fmt: skip


def test_the_csrf_token_is_no_secret_of_the_session_and_not_another_servers() -> None:
    assert POLICY.is_csrf_token(POLICY.csrf_token)
    assert not POLICY.is_csrf_token(AccessPolicy(3000).csrf_token)
    assert not POLICY.is_csrf_token("é")
    assert POLICY.session not in POLICY.csrf_token
    assert POLICY.session not in repr(POLICY)
    assert POLICY.launch_token not in repr(POLICY)
