"""The topology of docs/cluster.md on this machine's loopback: ``python -m deploy.loopback HOME --workers 2``.

PostgreSQL and RabbitMQ (or Redis) are started from Debian's packages with data, ports, names and passwords of their own
in a temporary folder, beside whatever else runs on the machine; workers are started over HOME, whose registry.toml gets
its section [execution]. Ctrl-C stops everything again, and puts the home's settings back. For a look, and for the tests.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tomllib
from contextlib import suppress
from pathlib import Path
from types import TracebackType

import yaml

from deploy.services import Process, Services, dying_with_us, kill_group, missing_programs, terminate
from registry_pipeline.core.home import open_home
from registry_pipeline.core.toml_source import ConfigurationError


class Topology:
    """The services and workers of one cluster.

    Attributes:
        home: folder of the registry home.
        services: PostgreSQL and the broker.
        workers: the processes of the workers that were started.
        environment: what a command over the home needs to know of the services.
    """

    def __init__(self, home: Path, broker: str = "rabbitmq") -> None:
        self.home, self.services = home, Services(broker)
        self.workers: list[Process] = []
        self._before: dict[Path, bytes | None] = {}
        password = self.services.password
        self.environment = {
            "REGISTRY_HOME": str(home),
            "REGISTRY_PG_PASSWORD": password,
            "REGISTRY_BROKER_PASSWORD": password,
        }

    def __enter__(self) -> Topology:
        try:
            self.services.start_postgres()
            self.services.start_broker()
            self._write_configuration()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, way: TracebackType | None
    ) -> None:
        self.stop()

    def _write_configuration(self) -> None:
        """[execution] of registry.toml and the storage of dagster.yaml, until everything is stopped."""
        ports = self.services.ports
        scheme = "redis://:" if self.services.broker == "redis" else "amqp://registry:"
        keys = (
            f'engine = "celery"\nbroker = "{scheme}${{REGISTRY_BROKER_PASSWORD}}@127.0.0.1:{ports["broker"]}/"\n'
            f'backend = "db+postgresql+psycopg2://registry:${{REGISTRY_PG_PASSWORD}}@127.0.0.1:{ports["postgres"]}/dagster"\n'
        )
        settings = self.home / "registry.toml"
        text = settings.read_text(encoding="utf-8")
        if tomllib.loads(text).get("execution", {}).keys() & {"engine", "broker", "backend"}:
            raise SystemExit(
                f"{settings}: [execution] names an engine already; take it out for this script, and dagster/dagster.yaml "
                "beside it where a run of it was killed"
            )
        instance = self.home / "dagster" / "dagster.yaml"
        self._before = {path: path.read_bytes() if path.exists() else None for path in (settings, instance)}
        header = "[execution]\n"
        text = text if header in text else f"{text}\n{header}"
        settings.write_text(text.replace(header, header + keys), encoding="utf-8")
        template = Path(__file__).resolve().parents[1] / "dagster_home" / "dagster.yaml"
        instance.parent.mkdir(mode=0o700, exist_ok=True)
        content = yaml.safe_load(template.read_text(encoding="utf-8"))
        database = {"username": "registry", "password": {"env": "REGISTRY_PG_PASSWORD"}, "hostname": "127.0.0.1",
                    "port": ports["postgres"], "db_name": "dagster"}  # fmt: skip
        content["storage"] = {"postgres": {"postgres_db": database}}
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
        log = (self.services.folder / f"worker-{len(self.workers)}.log").open("wb")
        worker = subprocess.Popen(dying_with_us(pinned), env={**os.environ, **self.environment, "POLARS_MAX_THREADS": "1"},
                                  start_new_session=True,
                                  stdout=log, stderr=subprocess.STDOUT,
                                  cwd=Path(__file__).resolve().parents[1])  # fmt: skip
        self.workers.append(worker)
        return worker

    def kill_worker(self, worker: Process) -> None:
        """As a machine that is switched off: with all its processes."""
        self.workers.remove(worker)
        kill_group(worker)

    def stop(self) -> None:
        """Stop everything, remove its folder, and let the home say again what it said: the services are gone."""
        for worker in self.workers:
            terminate(worker, signal.SIGTERM)
        self.services.stop()
        for path, content in self._before.items():
            if content is None:
                path.unlink(missing_ok=True)
            else:
                path.write_bytes(content)


def main() -> None:
    """Start it, say how to use it, wait."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("home", type=lambda text: Path(text).resolve(), help="a registry home")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--broker", choices=("rabbitmq", "redis"), default="rabbitmq")
    arguments = parser.parse_args()
    if missing := missing_programs(arguments.broker):
        sys.exit(f"install first: {' '.join(missing)}")
    try:
        open_home(arguments.home).settings()
    except ConfigurationError as problem:
        sys.exit(str(problem))
    # the home gets its settings back also where a terminal is closed, or the machine goes down
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    with suppress(KeyboardInterrupt), Topology(arguments.home, arguments.broker) as topology:
        for _ in range(arguments.workers):
            topology.start_worker()
        print(f"{arguments.workers} workers over {arguments.home}. In another terminal:")
        for name, value in topology.environment.items():
            print(f"  export {name}='{value}'")
        print(f"  {open_home(arguments.home).command} refresh\nStop with Ctrl-C.", flush=True)
        signal.pause()


if __name__ == "__main__":
    main()
