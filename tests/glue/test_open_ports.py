"""Every port that is opened answers its holder only, and no configuration of a run leads to another folder."""

from __future__ import annotations

import http.client
import re
import threading
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from registry_pipeline.core.home import Home
from registry_pipeline.core.web_security import AccessPolicy
from registry_pipeline.defs.graph import build_definitions
from registry_pipeline.web.app import serve
from tests.support.registry_home import ROOT, small_home

OPENING = re.compile(r"create_server\(|\.bind\(\(|\.listen\(\d|start_server\(|HTTPServer\(|serve_forever")
PORTS = {
    "registry_pipeline/defs/server.py": "ProtectedApp(",  # registry dev: tests/fault/test_service.py
    "registry_pipeline/web/app.py": "create_app(home, policy, steward)",  # registry review: below
}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def test_ports_are_opened_in_two_modules_and_served_behind_the_protection() -> None:
    opening = {
        path.relative_to(ROOT).as_posix(): text
        for path in sorted((ROOT / "registry_pipeline").rglob("*.py"))
        if OPENING.search(text := path.read_text())
    }
    assert set(opening) == set(PORTS)
    for name, protection in PORTS.items():
        assert protection in opening[name]
        assert '"127.0.0.1"' in opening[name]
        assert "0.0.0.0" not in opening[name]


@pytest.fixture
def policy(tmp_path: Path) -> Iterator[AccessPolicy]:
    """``registry review`` on a real port."""
    home, policies, is_open = small_home(tmp_path / "home"), [], threading.Event()

    def announce(policy: AccessPolicy) -> None:
        policies.append(policy)
        is_open.set()

    server = threading.Thread(target=serve, args=(home, 0, "", 2.0, announce))
    server.start()
    assert is_open.wait(60)
    yield policies[0]
    server.join(60)
    assert not server.is_alive()


def status(policy: AccessPolicy, method: str, headers: dict[str, str]) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", policy.port, timeout=30)
    own = {"Host": f"127.0.0.1:{policy.port}", "Cookie": f"{policy.cookie_name}={policy.session}"}
    try:
        connection.request(method, "/decide" if method == "POST" else "/help", "a=1", {**own, **headers})
        return connection.getresponse().status
    finally:
        connection.close()


def test_review_refuses_foreign_hosts_and_posts_of_other_pages(policy: AccessPolicy) -> None:
    own = {"Origin": f"http://127.0.0.1:{policy.port}"}
    assert status(policy, "GET", {}) == 200
    for host in ("evil.example", f"evil.example:{policy.port}", f"127.0.0.1.evil.example:{policy.port}"):
        assert status(policy, "GET", {"Host": host}) == 400
        assert status(policy, "POST", {**FORM, **own, "Host": host}) == 400
    for origin in ({"Origin": "http://evil.example"}, {"Origin": "null"}, {}):
        assert status(policy, "POST", {**FORM, **origin}) == 403
    assert status(policy, "GET", {"Cookie": ""}) == 403


@pytest.mark.parametrize("name", ["root", "home", "path"])
def test_no_configuration_of_a_run_names_another_folder(tmp_path: Path, name: str) -> None:
    home: Home = small_home(tmp_path / "home")
    job = build_definitions(home).resolve_job_def("refresh")
    foreign = tmp_path / "foreign"
    with pytest.raises(dg.DagsterInvalidConfigError):
        dg.validate_run_config(job, {"resources": {"registry": {"config": {name: str(foreign)}}}})
    assert not foreign.exists()
