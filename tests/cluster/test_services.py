"""Services that do not answer are told in a line, with no password in it. None has to run."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from registry_pipeline.core.home import Home, make_home
from registry_pipeline.core.toml_source import ConfigurationError
from registry_pipeline.defs.cluster import services
from registry_pipeline.defs.cluster.engine import address
from registry_pipeline.defs.cluster.worker import run_worker
from registry_pipeline.pipeline.errors import Refused
from tests.support.registry_home import command

PASSWORD = 'p@s:/%#w"x'


@pytest.fixture
def closed_port() -> Iterator[int]:
    """Taken, and nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


@pytest.fixture
def home(tmp_path: Path, closed_port: int, monkeypatch: pytest.MonkeyPatch) -> Home:
    home = make_home(tmp_path / "home")
    home.settings_file.write_text(
        f"""
[execution]
engine = "celery"
broker = "amqp://registry:${{BROKER_PASSWORD}}@127.0.0.1:{closed_port}/${{VHOST}}"
backend = "db+postgresql+psycopg2://registry:${{BROKER_PASSWORD}}@127.0.0.1:{closed_port}/dagster"
patience_seconds = 5
""",
        encoding="utf-8",
    )
    monkeypatch.setenv("BROKER_PASSWORD", PASSWORD)
    monkeypatch.setenv("VHOST", "own")
    return home


def test_a_password_stands_in_the_environment_as_it_is(home: Home, closed_port: int) -> None:
    assert address(home, "broker") == f"amqp://registry:p%40s%3A%2F%25%23w%22x@127.0.0.1:{closed_port}/own"


def test_an_empty_variable_is_none(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BROKER_PASSWORD", "")
    with pytest.raises(
        ConfigurationError, match="BROKER_PASSWORD, which is not set in the environment, or empty"
    ):
        address(home, "broker")


@pytest.mark.parametrize("broker", ["amqp://registry", "redis://"])
@pytest.mark.parametrize("silent", ["broker", "backend"])
def test_a_worker_tells_once_what_does_not_answer_and_then_ends(
    home: Home, broker: str, silent: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = home.settings_file.read_text("utf-8").replace("amqp://registry", broker).replace("${VHOST}", "")
    home.settings_file.write_text(text, encoding="utf-8")
    clock = iter(range(0, 100, 2))
    patience = SimpleNamespace(monotonic=lambda: next(clock), sleep=lambda _: None)
    monkeypatch.setattr(services, "time", patience)
    if silent == "backend":
        monkeypatch.setattr("kombu.Connection.ensure_connection", lambda *_, **__: None)
    problem = rf"'{silent}' \(\S+\$\{{BROKER_PASSWORD\}}\S+\) does not answer: .*refused"
    with pytest.raises(Refused, match=problem) as failure:
        run_worker(home, 1)
    said = capsys.readouterr().err
    assert said == f"registry: {failure.value}; waiting for it\n"
    assert "p@s" not in said and "p%40s" not in said


def test_doctor_names_the_service_that_does_not_answer(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    code, told = command(home, "doctor", "--json")
    said = [row for row in json.loads(told) if row["subject"] == "services"]
    assert code == 1 and len(said) == 1 and "'broker'" in said[0]["message"] and PASSWORD not in told
    monkeypatch.delenv("BROKER_PASSWORD")
    assert "BROKER_PASSWORD, which is not set" in command(home, "doctor", "--json")[1]
