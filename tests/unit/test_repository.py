"""What is committed names no package index and no path of a machine; sizes and stock phrases of the house."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
INDEX = re.compile(
    r"(?<!no-emit-)index-url|extra-index|find-links|https?://[^\s\"']*(?:/simple\b|pypi\.|pythonhosted\.)",
    re.IGNORECASE,
)
MACHINE = re.compile(r"(?<![\w.\-<~$}])/(?:home|root|Users|work|mnt|opt)/[\w.-]+")
TEXT = {".py", ".toml", ".md", ".lock", ".sql", ".yaml", ".yml", ".html", ".css", ".csv", ".cfg", ""}


def committed() -> list[Path]:
    """Text files that git tracks."""
    told = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if told.returncode:
        pytest.skip("not a git checkout")
    paths = [ROOT / one for one in told.stdout.decode().split("\0") if one]
    return [one for one in paths if one.suffix in TEXT and one.is_file() and one != Path(__file__)]


@pytest.mark.parametrize("pattern", [INDEX, MACHINE], ids=["package index", "machine path"])
def test_no_committed_file_names(pattern: re.Pattern[str]) -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {match[0]}"
        for path in committed()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if (match := pattern.search(line))
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("pattern", "line", "is_found"),
    [
        (INDEX, "--index-url https://example.org/simple", True),
        (INDEX, "requests==2.32 --hash=sha256:00", False),
        (MACHINE, 'path = "/home/someone/registry"', True),
        (MACHINE, "put it into <home>/inbox/west", False),
    ],
)
def test_the_patterns_see_what_they_should(pattern: re.Pattern[str], line: str, is_found: bool) -> None:
    assert bool(pattern.search(line)) is is_found
