"""Code digests follow what a result can depend on, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from registry_pipeline.core import source_code

FILES = {
    "registry_pipeline/__init__.py": "",
    "registry_pipeline/study/__init__.py": "",
    "registry_pipeline/study/growth.py": "from registry_pipeline.analysis import (\n    fit,\n)\nimport schemas\n",
    "registry_pipeline/study/rows.py": "",
    "registry_pipeline/analysis/__init__.py": "",
    "registry_pipeline/analysis/fit.py": "def fit():\n    from registry_pipeline.core.dates import month\n",
    "registry_pipeline/core/__init__.py": "",
    "registry_pipeline/core/dates.py": "month = 30.4375\n",
    "registry_pipeline/reporting/__init__.py": "",
    "registry_pipeline/reporting/words.py": "",
    "schemas/__init__.py": "",
}


def digest_after(monkeypatch: pytest.MonkeyPatch, root: Path, changed: str = "") -> str:
    for name, text in FILES.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + ("# changed\n" if name == changed else ""))
    monkeypatch.setattr(source_code, "_ROOT", root)
    forget()
    return source_code.code_digest("registry_pipeline.study.growth")


def forget() -> None:
    """What was read of the code: within a process it does not change."""
    for function in vars(source_code).values():
        if hasattr(function, "cache_clear"):
            function.cache_clear()


@pytest.fixture(autouse=True)
def forget_afterwards(monkeypatch: pytest.MonkeyPatch) -> object:
    yield
    monkeypatch.undo()
    forget()


@pytest.mark.parametrize("changed", sorted(FILES))
def test_a_digest_follows_what_is_imported_at_any_depth(
    changed: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    before = digest_after(monkeypatch, tmp_path)
    is_other = changed.startswith("registry_pipeline/reporting") or changed.endswith("rows.py")
    assert (digest_after(monkeypatch, tmp_path, changed) == before) == is_other


def test_an_estimate_does_not_depend_on_a_page() -> None:
    files = source_code._closure(["registry_pipeline.study.growth"])
    names = {path.rpartition("registry_pipeline/")[2] for path in files}
    assert "analysis/growth/fit.py" in names
    assert not any(name.startswith(("reporting/", "cli/", "defs/")) for name in names)


@pytest.mark.parametrize(
    ("line", "read"),
    [
        ("study.cutpoint_mm", {"cutpoint_mm"}),
        ("inputs.study.origin.lower()", {"origin"}),
        ("cutpoint_mm = 3", set()),
        ("getattr(inputs.study, name)", {"cutpoint_mm", "origin"}),
        ("getattr(other, name)", set()),
    ],
)
def test_attributes_that_code_can_read(
    line: str, read: set[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """At any depth; a name that is computed may be any."""
    digest_after(monkeypatch, tmp_path)
    with (tmp_path / "registry_pipeline/core/dates.py").open("a") as module:
        module.write(f"{line}\n")
    forget()
    names = ("cutpoint_mm", "origin")
    assert source_code.attributes_read(names, "study", "registry_pipeline.study.growth") == read
