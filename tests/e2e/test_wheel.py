"""The built wheel alone makes a release: nothing that a refresh reads was left in the source tree."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from tests.support.registry_home import N_PATIENTS, ROOT, ask, good_files, send_all, small_home

SOURCES = ("registry_pipeline", "schemas", "sql", "dagster_home", "pyproject.toml", "README.md", "LICENSE")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment that holds the wheel and the dependencies, but no source tree."""
    folder = tmp_path_factory.mktemp("wheel")
    tree = folder / "tree"
    tree.mkdir()
    for (
        name
    ) in SOURCES:  # what git tracks: a stale build/ beside the sources would hide a file that is missing
        subprocess.run(["cp", "-r", str(ROOT / name), str(tree)], check=True)
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", folder, tree],
        check=True,
        cwd=folder,
    )
    environment = folder / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    packages = next(environment.glob("lib/python*/site-packages"))
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as wheel:
        wheel.extractall(packages)
    # A folder that a .pth file names is searched, but its own .pth files (the editable install) are not read.
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    return environment / "bin" / "python"


def _run(python: Path, *arguments: object) -> str:
    environment = {name: text for name, text in os.environ.items() if name != "PYTHONPATH"}
    completed = subprocess.run(
        [python, *map(str, arguments)],
        cwd=python.parent,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert completed.returncode == 0, completed.stderr
    return completed.stdout


def test_modules_come_from_the_wheel_and_are_typed(installed: Path) -> None:
    places = _run(
        installed,
        "-c",
        "import registry_pipeline, schemas; print(registry_pipeline.__file__, schemas.__file__)",
    )
    for place in map(Path, places.split()):
        assert installed.parent.parent in place.parents, place
        assert (place.parent / "py.typed").exists()


def test_every_file_of_the_packages_is_in_the_wheel(installed: Path) -> None:
    packages = next(installed.parent.parent.glob("lib/python*/site-packages"))
    files = [path for name in SOURCES[:4] for path in (ROOT / name).rglob("*") if path.is_file()]
    assert len(files) > 300
    is_source = [
        path for path in files if "__pycache__" not in path.parts and path.parent.name != "dagster_home"
    ]
    missing = [
        str(path.relative_to(ROOT)) for path in is_source if not (packages / path.relative_to(ROOT)).exists()
    ]
    assert not missing


def test_a_refresh_through_dagster_serves_a_release(installed: Path, tmp_path: Path) -> None:
    home = small_home(tmp_path / "home")
    send_all(home, good_files())
    _run(installed, "-m", "registry_pipeline.cli.main", "--home", home.root, "refresh")
    assert ask(home, "SELECT count(*) FROM curated.patient").item() == N_PATIENTS
    assert list(home.current.rglob("*.html")), "the templates of the reports are in the wheel"
