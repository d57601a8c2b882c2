"""A running ``registry dev``, for tests of the service and of what a kill of it leaves.

Belongs here: starting it, asking its page, its end. Does not belong here: what it must do (the tests).
"""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import time
from collections.abc import Callable

from registry_pipeline.core.home import Home
from tests.support.registry_home import COMMAND, ROOT

PATIENCE = 240.0


class Service:
    """A running ``registry dev`` in a process group of its own."""

    def __init__(self, home: Home, port: int, prepare: Callable[[], None] | None = None) -> None:
        self.home, self.port = home, port
        self.log = home.root / "dev.log"
        command = [*COMMAND, "--home", str(home.root), "dev", "--port", str(port)]
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
        until(lambda: not is_alive(self.process.pid), self)
        return code


def is_alive(group: int) -> bool:
    """Whether a process of a group is there."""
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


def free_port() -> int:
    """A port on the loopback interface that nobody uses now."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
