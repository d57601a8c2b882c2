"""The version is that of the last tag, however the sources came, and stands nowhere a second time."""

from __future__ import annotations

import re
import shutil
import subprocess
import tarfile
import tomllib
from pathlib import Path

import pytest
from setuptools_scm import get_version

from registry_pipeline.core.version import UNKNOWN, package_version

ROOT = Path(__file__).resolve().parents[2]


def version_of(folder: Path) -> str:
    """What a build of a folder would write into its metadata."""
    settings = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["tool"][
        "setuptools_scm"
    ]
    return get_version(root=str(folder), **settings)


def git(folder: Path, *arguments: str) -> None:
    person = ("-c", "user.name=A", "-c", "user.email=a@b.example", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *person, *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    folder = tmp_path / "sources"
    folder.mkdir()
    for name in ("pyproject.toml", ".gitattributes", ".git_archival.txt"):
        shutil.copy(ROOT / name, folder)
    return folder


def test_the_version_follows_the_last_tag(sources: Path, tmp_path: Path) -> None:
    assert version_of(sources) == UNKNOWN
    git(sources, "init", "-q")
    git(sources, "add", "-A")
    git(sources, "commit", "-qm", "first")
    untagged = version_of(sources)
    assert re.fullmatch(r"0\.0\.1\.dev\d+", untagged)
    git(sources, "tag", "-a", "v1.2.3", "-m", "release")
    assert version_of(sources) == "1.2.3"
    git(sources, "archive", "--output", str(tmp_path / "sources.tar"), "HEAD")
    with tarfile.open(tmp_path / "sources.tar") as archive:
        archive.extractall(tmp_path / "unpacked", filter="data")
    assert version_of(tmp_path / "unpacked") == "1.2.3"
    git(sources, "commit", "-q", "--allow-empty", "-m", "second")
    assert version_of(sources) == "1.2.4.dev1"


def test_no_file_writes_the_version_a_second_time() -> None:
    assert not re.search(r"^version:", (ROOT / "CITATION.cff").read_text(encoding="utf-8"), re.MULTILINE)
    assert not re.search(r'^version = "', (ROOT / "pyproject.toml").read_text(encoding="utf-8"), re.MULTILINE)
    assert package_version() != ""
