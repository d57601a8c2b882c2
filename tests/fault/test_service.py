"""``registry dev`` as a service: it stops however it was started, goes on after a kill, and answers its own page only."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from registry_pipeline.core.home import Home
from registry_pipeline.store.releases import current_release, release_ids
from tests.support.registry_home import ROOT, good_files, send, send_all, small_home

pytestmark = pytest.mark.slow
PATIENCE = 240.0


class Service:
    """A running ``registry dev`` in a process group of its own."""

    def __init__(self, home: Home, port: int, prepare: Callable[[], None] | None = None) -> None:
        self.home, self.port = home, port
        self.log = home.root / "dev.log"
        command = [
            sys.executable,
            "-m",
            "registry_pipeline.cli.main",
            "--home",
            str(home.root),
            "dev",
            "--port",
            str(port),
        ]
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(
                command, cwd=ROOT, stdout=out, stderr=out, start_new_session=True, preexec_fn=prepare
            )

    def link(self) -> str:
        """The launch link, once the page answers."""
        path = self.home.root / "dagster" / "page.url"
        until(lambda: path.exists() and self.answer("GET", "/", {})[0] == 403, self)
        return path.read_text().strip()

    def answer(self, method: str, path: str, headers: dict[str, str], body: str = "") -> tuple[int, str, str]:
        """Status, cookie and body of a response; status 0 while nobody listens."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, body, {"Host": f"127.0.0.1:{self.port}", **headers})
            response = connection.getresponse()
            return response.status, response.getheader("set-cookie", ""), response.read().decode()
        except ConnectionRefusedError:
            return 0, "", ""
        finally:
            connection.close()

    def signal_all(self, number: int) -> None:
        """Send a signal to the whole process group."""
        os.killpg(self.process.pid, number)

    def ended(self) -> int:
        """The exit code, once every process of the group is gone."""
        code = self.process.wait(60)
        until(lambda: not _is_alive(self.process.pid), self)
        return code


def _is_alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def until(condition: Callable[[], object], service: Service) -> None:
    """Wait for a condition, as long as a busy machine may take."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, service.log.read_text()[-3000:]
        time.sleep(0.2)


@pytest.fixture
def port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.fixture
def services() -> Iterator[list[Service]]:
    started: list[Service] = []
    yield started
    for service in started:
        if _is_alive(service.process.pid):
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
