"""The topology of docs/cluster.md on this machine's loopback: ``python deploy/loopback.py HOME --workers 2``.

PostgreSQL and RabbitMQ (or Redis) are started from Debian's packages with data, ports, names and passwords of their own
in a temporary folder, beside whatever else runs on the machine; workers are started over HOME, whose registry.toml gets
its section [execution]. Ctrl-C stops everything again. For a look, and for the tests: it keeps nothing.
"""

from __future__ import annotations

import argparse
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType

import yaml

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


class Topology:
    """The services and workers of one cluster.

    Attributes:
        home: folder of the registry home.
        broker: ``rabbitmq`` or ``redis``.
        workers: the processes of the workers that were started.
        environment: what a command over the home needs to know of the services.
    """

    def __init__(self, home: Path, broker: str = "rabbitmq") -> None:
        self.home, self.broker = home, broker
        self.workers: list[Process] = []
        self._services: dict[str, Process] = {}
        self._folder = Path(tempfile.mkdtemp(prefix="registry-cluster-"))
        self._folder.chmod(0o711)  # PostgreSQL runs as another user where we are root
        self._password = secrets.token_hex(16)
        self._ports = dict(zip(("postgres", "broker", "epmd", "distribution"), _free_ports(4), strict=True))
        self.environment = {
            "REGISTRY_HOME": str(home),
            "REGISTRY_PG_PASSWORD": self._password,
            "REGISTRY_BROKER_PASSWORD": self._password,
            "REGISTRY_PG_URL": f"postgresql+psycopg2://registry:{self._password}@127.0.0.1:{self._ports['postgres']}/dagster",
        }

    def __enter__(self) -> Topology:
        try:
            self.start_postgres()
            self.start_broker()
            self._write_configuration()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, way: TracebackType | None
    ) -> None:
        self.stop()

    def start_postgres(self) -> None:
        """A database cluster in the temporary folder, of a user of its own where this one is root."""
        programs = postgres_programs()
        assert programs is not None
        data, password = self._folder / "postgres", self._folder / "password"
        user = "postgres" if os.geteuid() == 0 else None
        data.mkdir(mode=0o700)
        password.write_text(self._password)
        if user:
            shutil.chown(data, user)
            shutil.chown(password, user)
        self._run(
            [programs / "initdb", "-D", data, "-U", "registry", "-A", "scram-sha-256", f"--pwfile={password}",
             "--no-sync", "-E", "UTF8", "--locale=C"], user,
        )  # fmt: skip
        password.unlink()
        port = str(self._ports["postgres"])
        self._start(
            "postgres",
            [programs / "postgres", "-D", data, "-p", port, "-c", "listen_addresses=127.0.0.1",
             "-c", "unix_socket_directories=", "-c", "max_connections=200"], user=user,
        )  # fmt: skip
        environment = {"PGPASSWORD": self._password}
        create = [programs / "createdb", "-h", "127.0.0.1", "-p", port, "-U", "registry", "dagster"]
        self._await("postgres", lambda: self._succeeds(create, environment))

    def start_broker(self) -> None:
        """RabbitMQ or Redis; a broker that was killed is started anew over its data."""
        if self.broker == "redis":
            self._start_redis()
        else:
            self._start_rabbitmq()

    def _start_redis(self) -> None:
        data = self._folder / "redis"
        data.mkdir(mode=0o700, exist_ok=True)
        settings = data / "redis.conf"
        settings.write_text(
            f"bind 127.0.0.1\nport {self._ports['broker']}\ndir {data}\nappendonly yes\nappendfsync always\n"
            f"requirepass {self._password}\n"
        )
        self._start("broker", ["redis-server", settings])
        self._await("broker", lambda: _answers(self._ports["broker"]))

    def _start_rabbitmq(self) -> None:
        program = rabbitmq_program()
        assert program is not None
        data, ports = self._folder / "rabbitmq", self._ports
        data.mkdir(mode=0o700, exist_ok=True)
        (data / "enabled_plugins").write_text("[].")
        (data / "rabbitmq.conf").write_text(
            f"listeners.tcp.1 = 127.0.0.1:{ports['broker']}\ndefault_user = registry\n"
            f"default_pass = {self._password}\nconsumer_timeout = {CONSUMER_TIMEOUT_SECONDS * 1000}\n"
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

    def _write_configuration(self) -> None:
        """[execution] of registry.toml and the storage of dagster.yaml; a file of either that is there is kept."""
        ports = self._ports
        scheme = "redis://:" if self.broker == "redis" else "amqp://registry:"
        keys = (
            f'engine = "celery"\nbroker = "{scheme}${{REGISTRY_BROKER_PASSWORD}}@127.0.0.1:{ports["broker"]}/"\n'
            f'backend = "db+postgresql+psycopg2://registry:${{REGISTRY_PG_PASSWORD}}@127.0.0.1:{ports["postgres"]}/dagster"\n'
        )
        settings = self.home / "registry.toml"
        text = settings.read_text(encoding="utf-8")
        if tomllib.loads(text).get("execution", {}).keys() & {"engine", "broker", "backend"}:
            raise SystemExit(f"{settings}: [execution] names an engine already; take it out for this script")
        header = "[execution]\n"
        text = text if header in text else f"{text}\n{header}"
        settings.write_text(text.replace(header, header + keys), encoding="utf-8")
        template = Path(__file__).resolve().parents[1] / "dagster_home" / "dagster.yaml"
        instance = self.home / "dagster" / "dagster.yaml"
        instance.parent.mkdir(mode=0o700, exist_ok=True)
        content = yaml.safe_load(template.read_text(encoding="utf-8"))
        content["storage"] = {"postgres": {"postgres_url": {"env": "REGISTRY_PG_URL"}}}
        instance.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")

    def start_worker(self, processes: int = 1, core: int | None = None) -> Process:
        """A worker over the home.

        Args:
            processes: batches at a time.
            core: the one core that it may use, as if it were a machine of its own.
        """
        command = [sys.executable, "-m", "registry_pipeline.cli.main", "--home", str(self.home), "worker",
                   "--processes", str(processes)]  # fmt: skip
        pinned = ["taskset", "-c", str(core), *command] if core is not None else command
        log = (self._folder / f"worker-{len(self.workers)}.log").open("wb")
        worker = subprocess.Popen(_dying_with_us(pinned), env={**os.environ, **self.environment, "POLARS_MAX_THREADS": "1"},
                                  start_new_session=True,
                                  stdout=log, stderr=subprocess.STDOUT,
                                  cwd=Path(__file__).resolve().parents[1])  # fmt: skip
        self.workers.append(worker)
        return worker

    def said(self) -> str:
        """What services and workers said, for whoever looks for a mistake."""
        logs = sorted(self._folder.glob("*.log"))
        return "\n".join(f"== {log.name}\n{log.read_text(errors='replace')[-4000:]}" for log in logs)

    def kill_broker(self) -> None:
        """As a power cut would."""
        _kill_group(self._services["broker"])

    def kill_worker(self, worker: Process) -> None:
        """As a machine that is switched off: with all its processes."""
        self.workers.remove(worker)
        _kill_group(worker)

    def stop(self) -> None:
        """Stop everything and remove its folder."""
        for worker in self.workers:
            _terminate(worker, signal.SIGTERM)
        for name, service in reversed(self._services.items()):
            _terminate(service, signal.SIGINT if name == "postgres" else signal.SIGKILL)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _start(
        self,
        name: str,
        command: Sequence[str | Path],
        environment: Mapping[str, str] = {},
        user: str | None = None,
    ) -> None:
        log = (self._folder / f"{name}.log").open("ab")
        self._services[name] = subprocess.Popen(
            _dying_with_us(command), env={**os.environ, **environment}, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
            user=user, group=user, cwd=self._folder,
        )  # fmt: skip

    def _run(self, command: Sequence[str | Path], user: str | None) -> None:
        subprocess.run(command, user=user, group=user, check=True, capture_output=True, cwd=self._folder)

    def _succeeds(self, command: Sequence[str | Path], environment: Mapping[str, str]) -> bool:
        return not subprocess.run(command, env={**os.environ, **environment}, capture_output=True).returncode

    def _await(self, name: str, is_ready: Callable[[], bool]) -> None:
        until = time.monotonic() + START_SECONDS
        while not is_ready():
            if self._services[name].poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"{name} did not start:\n{self.said()}")
            time.sleep(0.1)


def _dying_with_us(command: Sequence[str | Path]) -> list[str | Path]:
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


def _terminate(process: Process, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        process.send_signal(number)
    with suppress(subprocess.TimeoutExpired):
        process.wait(STOP_SECONDS)
    _kill_group(process)


def _kill_group(process: Process) -> None:
    """A process with all that it started: each has a session of its own."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def main() -> None:
    """Start it, say how to use it, wait."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("home", type=lambda text: Path(text).resolve(), help="a registry home")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--broker", choices=("rabbitmq", "redis"), default="rabbitmq")
    given = parser.parse_args()
    if missing := missing_programs(given.broker):
        sys.exit(f"install first: {' '.join(missing)}")
    with Topology(given.home, given.broker) as topology:
        for _ in range(given.workers):
            topology.start_worker()
        print(f"{given.workers} workers over {given.home}. In another terminal:")
        for name, value in topology.environment.items():
            print(f"  export {name}='{value}'")
        print(f"  registry --home {given.home} refresh\nStop with Ctrl-C.", flush=True)
        with suppress(KeyboardInterrupt):
            signal.pause()


if __name__ == "__main__":
    main()
