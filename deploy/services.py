"""PostgreSQL and a broker on this machine's loopback, with data, ports, names and passwords of their own.

Belongs here: finding Debian's programs, starting and ending them. Does not belong here: workers and the home that they
work for (``loopback.py``).
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

Process = subprocess.Popen[bytes]
START_SECONDS = 90
STOP_SECONDS = 20
CONSUMER_TIMEOUT_SECONDS = 6 * 3600
"""RabbitMQ's own half an hour would take a long batch from the worker that is at it."""


def _newest(pattern: str) -> Path | None:
    return max(Path("/").glob(pattern.lstrip("/")), default=None)


def postgres_programs() -> Path | None:
    """The folder of PostgreSQL's server programs, of the newest version that is installed."""
    program = shutil.which("initdb")
    return _newest("/usr/lib/postgresql/*/bin") or (Path(program).resolve().parent if program else None)


def rabbitmq_program() -> Path | None:
    """RabbitMQ's own start script: Debian's wrapper of it insists on one broker for the machine."""
    return _newest("/usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin/rabbitmq-server")


def missing_programs(broker: str) -> list[str]:
    """What has to be installed first, as Debian's packages are called."""
    has_broker = rabbitmq_program() if broker == "rabbitmq" else shutil.which("redis-server")
    return [
        package
        for package, program in (("postgresql", postgres_programs()), (f"{broker}-server", has_broker))
        if program is None
    ]


class Services:
    """The services of one cluster, in a temporary folder.

    Attributes:
        broker: ``rabbitmq`` or ``redis``.
        folder: data and logs, gone when they are stopped.
        ports: of each service, free when this was made.
        password: of each service.
    """

    def __init__(self, broker: str) -> None:
        self.broker = broker
        self.folder = Path(tempfile.mkdtemp(prefix="registry-cluster-"))
        self.folder.chmod(0o711)  # PostgreSQL runs as another user where we are root
        self.password = secrets.token_hex(16)
        self.ports = dict(zip(("postgres", "broker", "epmd", "distribution"), _free_ports(4), strict=True))
        self._services: dict[str, Process] = {}

    def start_postgres(self) -> None:
        """A database cluster in the temporary folder, of a user of its own where this one is root."""
        programs = postgres_programs()
        assert programs is not None
        data, password = self.folder / "postgres", self.folder / "password"
        user = "postgres" if os.geteuid() == 0 else None
        data.mkdir(mode=0o700)
        password.write_text(self.password)
        if user:
            shutil.chown(data, user)
            shutil.chown(password, user)
        self._run(
            [programs / "initdb", "-D", data, "-U", "registry", "-A", "scram-sha-256", f"--pwfile={password}",
             "--no-sync", "-E", "UTF8", "--locale=C"], user,
        )  # fmt: skip
        password.unlink()
        port = str(self.ports["postgres"])
        self._start(
            "postgres",
            [programs / "postgres", "-D", data, "-p", port, "-c", "listen_addresses=127.0.0.1",
             "-c", "unix_socket_directories=", "-c", "max_connections=200"], user=user,
        )  # fmt: skip
        environment = {"PGPASSWORD": self.password}
        create = [programs / "createdb", "-h", "127.0.0.1", "-p", port, "-U", "registry", "dagster"]
        self._await("postgres", lambda: self._succeeds(create, environment))

    def start_broker(self) -> None:
        """RabbitMQ or Redis; a broker that was killed is started anew over its data."""
        if self.broker == "redis":
            self._start_redis()
        else:
            self._start_rabbitmq()

    def _start_redis(self) -> None:
        data = self.folder / "redis"
        data.mkdir(mode=0o700, exist_ok=True)
        settings = data / "redis.conf"
        settings.write_text(
            f"bind 127.0.0.1\nport {self.ports['broker']}\ndir {data}\nappendonly yes\nappendfsync always\n"
            f"requirepass {self.password}\n"
        )
        self._start("broker", ["redis-server", settings])
        self._await("broker", lambda: _answers(self.ports["broker"]))

    def _start_rabbitmq(self) -> None:
        program = rabbitmq_program()
        assert program is not None
        data, ports = self.folder / "rabbitmq", self.ports
        data.mkdir(mode=0o700, exist_ok=True)
        (data / "enabled_plugins").write_text("[].")
        (data / "rabbitmq.conf").write_text(
            f"listeners.tcp.1 = 127.0.0.1:{ports['broker']}\ndefault_user = registry\n"
            f"default_pass = {self.password}\nconsumer_timeout = {CONSUMER_TIMEOUT_SECONDS * 1000}\n"
            "log.console = true\nlog.console.level = warning\nlog.file = false\n"
        )
        environment = {
            "HOME": str(data),
            "RUNNING_UNDER_SYSTEMD": "1",  # the script becomes the server instead of waiting for it
            "NOTIFY_SOCKET": "",
            "RABBITMQ_CONF_ENV_FILE": str(data / "none"),
            "RABBITMQ_CONFIG_FILE": str(data / "rabbitmq.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(data / "enabled_plugins"),
            "RABBITMQ_MNESIA_BASE": str(data / "mnesia"),
            "RABBITMQ_LOG_BASE": str(data / "log"),
            "RABBITMQ_NODENAME": f"registry{ports['broker']}@localhost",
            "RABBITMQ_DIST_PORT": str(ports["distribution"]),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_PORT": str(ports["epmd"]),
        }
        if "epmd" not in self._services:
            self._start("epmd", ["epmd", "-port", str(ports["epmd"]), "-address", "127.0.0.1"])
            self._await("epmd", lambda: _answers(ports["epmd"]))
        self._start("broker", [program], environment)
        self._await("broker", lambda: _answers(ports["broker"]))

    def kill_broker(self) -> None:
        """As a power cut would."""
        kill_group(self._services["broker"])

    def said(self) -> str:
        """What services and workers said, for whoever looks for a mistake."""
        logs = sorted(self.folder.glob("*.log"))
        return "\n".join(f"== {log.name}\n{log.read_text(errors='replace')[-4000:]}" for log in logs)

    def stop(self) -> None:
        """Stop everything and remove its folder."""
        for name, service in reversed(self._services.items()):
            terminate(service, signal.SIGINT if name == "postgres" else signal.SIGKILL)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _start(
        self,
        name: str,
        command: Sequence[str | Path],
        environment: Mapping[str, str] = {},
        user: str | None = None,
    ) -> None:
        log = (self.folder / f"{name}.log").open("ab")
        self._services[name] = subprocess.Popen(
            dying_with_us(command), env={**os.environ, **environment}, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
            user=user, group=user, cwd=self.folder,
        )  # fmt: skip

    def _run(self, command: Sequence[str | Path], user: str | None) -> None:
        subprocess.run(command, user=user, group=user, check=True, capture_output=True, cwd=self.folder)

    def _succeeds(self, command: Sequence[str | Path], environment: Mapping[str, str]) -> bool:
        return not subprocess.run(command, env={**os.environ, **environment}, capture_output=True).returncode

    def _await(self, name: str, is_ready: Callable[[], bool]) -> None:
        until = time.monotonic() + START_SECONDS
        while not is_ready():
            if self._services[name].poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"{name} did not start:\n{self.said()}")
            time.sleep(0.1)


def dying_with_us(command: Sequence[str | Path]) -> list[str | Path]:
    """A command that the system ends with the thread that started it, also where that is killed, if it knows how."""
    guard = shutil.which("setpriv")
    return [guard, "--pdeathsig", "KILL", *command] if guard else list(command)


def _free_ports(n: int) -> list[int]:
    listeners = [socket.socket() for _ in range(n)]
    try:
        for listener in listeners:
            listener.bind(("127.0.0.1", 0))
        return [listener.getsockname()[1] for listener in listeners]
    finally:
        for listener in listeners:
            listener.close()


def _answers(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def terminate(process: Process, number: signal.Signals) -> None:
    """Ask a process to end by a signal, and end it with all that it started if it does not."""
    with suppress(ProcessLookupError):
        process.send_signal(number)
    with suppress(subprocess.TimeoutExpired):
        process.wait(STOP_SECONDS)
    kill_group(process)


def kill_group(process: Process) -> None:
    """A process with all that it started: each has a session of its own."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
