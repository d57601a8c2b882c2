"""The files of ``deploy/``: they parse, and start commands that there are over settings that registry.toml takes."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import click
import pytest
import yaml

from deploy.loopback import Topology
from deploy.services import Services
from registry_pipeline.cli.main import registry
from registry_pipeline.core.execution import Execution
from registry_pipeline.core.home import make_home

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
UNITS = sorted((DEPLOY / "systemd").iterdir())


def parsed(command: list[str]) -> click.Context:
    """A command of ``registry`` with its arguments; fails where it does not know one."""
    name, *arguments = command
    return registry.commands[name].make_context(
        name, [part.replace("${WORKER_PROCESSES:-1}", "1") for part in arguments]
    )


@pytest.fixture(scope="module")
def compose() -> dict:  # type: ignore[type-arg]
    return yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))


def test_the_compose_file_starts_services_and_commands_that_there_are(compose: dict) -> None:  # type: ignore[type-arg]
    services = compose["services"]
    assert set(services) == {"postgres", "rabbitmq", "registry", "worker"}
    for name in ("registry", "worker"):
        parsed(services[name]["command"])
        assert set(services[name]["depends_on"]) <= set(services)
        assert services[name]["volumes"] == ["${REGISTRY_HOME:?folder of the registry home}:/srv/registry"]
    published = [port for service in services.values() for port in service.get("ports", ())]
    assert published and all(port.startswith("127.0.0.1:") for port in published)
    mounted = [volume for service in services.values() for volume in service.get("volumes", ())]
    for volume in mounted:
        source = volume.split(":")[0]
        assert source in compose["volumes"] or source.startswith("${") or (DEPLOY / source).is_file(), volume


def test_every_variable_of_the_compose_file_is_in_the_example_and_no_password_is(compose: dict) -> None:  # type: ignore[type-arg]
    text = (DEPLOY / "compose.yaml").read_text("utf-8")
    required = set(re.findall(r"\$\{([A-Z_]+):\?", text))
    example = dict(
        line.split("=", 1)
        for line in (DEPLOY / "cluster.env.example").read_text("utf-8").splitlines()
        if line and not line.startswith("#")
    )
    assert required == set(example)
    assert {name for name in example if "PASSWORD" in name} == {
        name for name, value in example.items() if not value
    }


def test_the_image_holds_what_the_pipeline_runs_on_and_no_home_and_no_password() -> None:
    """A home lies in the folder of the software where the README makes it; the image is handed on."""
    root = DEPLOY.parent
    first, *patterns = [
        line for line in (root / ".dockerignore").read_text("utf-8").splitlines() if not line.startswith("#")
    ]
    allowed = [pattern.removeprefix("!") for pattern in patterns if pattern.startswith("!")]
    assert first == "*", "what is not named is left out"
    assert all((root / name).exists() for name in allowed)
    packages = {"registry_pipeline", "schemas", "sql", "dagster_home/dagster.yaml"}
    assert set(allowed) - packages == {
        "pyproject.toml",
        "requirements.lock",
        "README.md",
        "LICENSE",
        "workspace.yaml",
    }
    assert packages <= set(allowed)
    ignored = (root / ".gitignore").read_text("utf-8").splitlines()
    assert "deploy/cluster.env" in ignored, "its example asks for passwords in it"


def test_rabbitmq_waits_longer_than_the_longest_batch() -> None:
    match = re.search(
        r"^consumer_timeout = (\d+)$", (DEPLOY / "rabbitmq.conf").read_text("utf-8"), re.MULTILINE
    )
    assert match is not None and int(match[1]) > 1000 * Execution().batch_seconds


@pytest.mark.parametrize("unit", UNITS, ids=[path.name for path in UNITS])
def test_a_unit_starts_a_command_that_there_is(unit: Path) -> None:
    start = re.search(r"^ExecStart=\S+/registry (.+)$", unit.read_text("utf-8"), re.MULTILINE)
    assert start is not None
    parsed(start[1].split())


@pytest.mark.parametrize("unit", [*UNITS, DEPLOY.parent / "docs" / "operator.md"], ids=lambda path: path.name)
def test_a_unit_is_never_given_up(unit: Path) -> None:
    """A database that comes up later: systemd gives up what failed five times within ten seconds."""
    pause = re.search(r"^ *RestartSec=(\d+)$", unit.read_text("utf-8"), re.MULTILINE)
    assert pause is not None and int(pause[1]) * 5 > 10
    assert unit not in UNITS or "RequiresMountsFor=/srv/registry\n" in unit.read_text("utf-8")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_look_that_is_ended_by_whatever_signal_puts_the_settings_back(
    tmp_path: Path, number: signal.Signals
) -> None:
    """A terminal that is closed sends SIGHUP; the home named a broker that was gone."""
    home = make_home(tmp_path / "home")
    before = home.settings_file.read_bytes()
    code = (
        "import sys; from deploy import loopback; from deploy.services import Services;"
        "Services.start_postgres = Services.start_broker = lambda _: None;"
        f"loopback.missing_programs = lambda _: []; sys.argv[1:] = [{str(home.root)!r}, '--workers', '0'];"
        "loopback.main()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=DEPLOY.parent, stdout=subprocess.PIPE, text=True
    ) as look:
        assert look.stdout is not None
        while "Stop with" not in look.stdout.readline():
            assert look.poll() is None
        assert home.settings_file.read_bytes() != before
        look.send_signal(number)
        assert look.wait(30) == 0
    assert home.settings_file.read_bytes() == before


def test_systemd_understands_every_unit(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    program = tmp_path / "registry"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    copies = [tmp_path / unit.name.replace("@.", "@1.") for unit in UNITS]
    for unit, copy in zip(UNITS, copies, strict=True):
        command = re.sub(
            r"^ExecStart=\S+", f"ExecStart={program}", unit.read_text("utf-8"), flags=re.MULTILINE
        )
        copy.write_text(command)
    result = subprocess.run(
        ["systemd-analyze", "verify", *copies], capture_output=True, text=True, timeout=60
    )
    names = {copy.name for copy in copies}
    assert not [line for line in result.stderr.splitlines() if any(name in line for name in names)], (
        result.stderr
    )


def test_a_home_says_again_what_it_said_when_its_services_are_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A look at several machines leaves no home behind that waits for a broker which is no more."""
    for name in ("start_postgres", "start_broker"):
        monkeypatch.setattr(Services, name, lambda _: None)
    home = make_home(tmp_path / "home")
    before = home.settings_file.read_bytes()
    for _ in range(2):
        with Topology(home.root):
            assert home.settings().execution.engine == "celery"
            assert (home.root / "dagster" / "dagster.yaml").is_file()
        assert home.settings_file.read_bytes() == before
        assert not (home.root / "dagster" / "dagster.yaml").exists()
