"""``registry dev`` as a service: it stops however it was started, goes on after a kill, and answers its own page only."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from registry_pipeline.store.releases import current_release, release_ids
from tests.support.registry_home import good_files, send, send_all, small_home
from tests.support.service import Service, free_port, is_alive, until

pytestmark = pytest.mark.slow


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def services() -> Iterator[list[Service]]:
    started: list[Service] = []
    yield started
    for service in started:
        if is_alive(service.process.pid):
            service.signal_all(signal.SIGKILL)
            service.process.wait()


def _ignore_interrupts() -> None:
    """As a shell does for a job that a script puts into the background."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def test_the_page_answers_its_holder_only_and_the_service_stops_by_sigterm_though_sigint_is_ignored(
    tmp_path: Path, port: int, services: list[Service]
) -> None:
    home = small_home(tmp_path / "home")
    service = Service(home, port, _ignore_interrupts)
    services.append(service)
    token = service.link().partition("?")[2]
    query = {"Content-Type": "application/json"}
    ours = {**query, "Origin": f"http://127.0.0.1:{port}"}
    stop = json.dumps({"query": 'mutation { stopSensor(id: "x") { __typename } }'})
    assert service.answer("POST", "/graphql", {**ours, "Host": "evil.example"}, stop)[0] == 400
    status, cookie, _ = service.answer("GET", f"/?{token}", {})
    assert status == 303
    session = {"Cookie": cookie.partition(";")[0]}
    form = {**session, "Content-Type": "application/x-www-form-urlencoded"}
    for origin in ({"Origin": "http://evil.example"}, {"Origin": "null"}, {}):
        assert service.answer("POST", "/graphql", {**form, **origin}, "query={version}")[0] == 403
    assert service.answer("GET", "/graphql?query={version}", {**session, "Host": "evil.example"})[0] == 400
    assert service.answer("GET", "/graphql?query={version}", {})[0] == 403
    status, _, body = service.answer("POST", "/graphql", {**ours, **session}, '{"query": "{ version }"}')
    assert (status, "data" in json.loads(body)) == (200, True)
    second = Service(home, port + 1)
    services.append(second)
    assert second.ended() == 1
    assert "registry dev runs over this home already" in second.log.read_text()
    service.process.send_signal(signal.SIGTERM)
    assert service.ended() == 0
    assert "Traceback" not in service.log.read_text()
    assert not (home.root / "dagster" / "page.url").exists()


def test_after_a_power_cut_during_a_refresh_automation_goes_on(
    tmp_path: Path, port: int, services: list[Service]
) -> None:
    home = small_home(tmp_path / "home")
    send_all(home, good_files())
    first = Service(home, port)
    services.append(first)
    until(lambda: (home.store / "screened").is_dir(), first)
    first.signal_all(signal.SIGKILL)
    first.ended()
    assert current_release(home) is None
    second = Service(home, port)
    services.append(second)
    until(lambda: current_release(home), second)
    n_releases = len(release_ids(home))
    send(home, "patients_2.csv", good_files(13)["patients_1.csv"])
    until(lambda: len(release_ids(home)) > n_releases, second)


def test_daemon_and_code_server_end_with_their_parent(
    tmp_path: Path, port: int, services: list[Service]
) -> None:
    service = Service(small_home(tmp_path / "home"), port)
    services.append(service)
    service.link()
    service.process.kill()
    assert service.ended() == -signal.SIGKILL
