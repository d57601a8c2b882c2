"""The house: no circle of imports, few rooms, packages instead of prefixes, modules that fit on a page or two."""

import ast
import graphlib
from collections import Counter
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path

import click
import pytest

ROOT = Path(__file__).resolve().parents[2]
PRODUCT = ("registry_pipeline", "schemas")
MOST_ROOMS, MOST_LINES, MOST_OF_A_PREFIX = 16, 300, 2


def modules_under(root: Path, tops: tuple[str, ...] = PRODUCT) -> dict[str, Path]:
    """Dotted name -> file of every module; a package is its ``__init__``."""
    paths = [path for top in tops for path in sorted((root / top).rglob("*.py"))]
    return {".".join(_parts(path.relative_to(root))): path for path in paths}


def _parts(path: Path) -> tuple[str, ...]:
    parts = path.with_suffix("").parts
    return parts[:-1] if parts[-1] == "__init__" else parts


def imported(source: str, known: Mapping[str, Path]) -> Iterator[str]:
    """The modules that a module names in an import anywhere: at its top, in a function, for types only."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                module = f"{node.module}.{alias.name}"
                if name := next((name for name in (module, node.module) if name in known), None):
                    yield name


def circle(modules: Mapping[str, Path]) -> list[str]:
    """The modules of one circle of imports, in order, or none."""
    graph = {name: set(imported(path.read_text("utf-8"), modules)) - {name} for name, path in modules.items()}
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        members: list[str] = error.args[1]
        return members
    return []


def crowded_prefixes(paths: list[Path]) -> list[str]:
    """``folder/prefix_*`` of which a folder has so many modules that they should be a package."""
    counts = Counter((path.parent, path.stem.split("_")[0]) for path in paths if "_" in path.stem.strip("_"))
    return [f"{folder}/{prefix}_*" for (folder, prefix), n in counts.items() if n > MOST_OF_A_PREFIX]


def test_there_is_no_circle_of_imports() -> None:
    assert circle(modules_under(ROOT)) == []


@pytest.mark.parametrize("top", PRODUCT)
def test_there_are_at_most_sixteen_rooms(top: str) -> None:
    rooms = {path.relative_to(ROOT / top).parts[0] for path in (ROOT / top).rglob("*.py")} - {"__init__.py"}
    assert len(rooms) <= MOST_ROOMS, sorted(rooms)


def test_no_folder_has_three_modules_with_one_prefix() -> None:
    assert crowded_prefixes([path.relative_to(ROOT) for path in modules_under(ROOT).values()]) == []


def test_modules_are_short() -> None:
    lengths = {name: len(path.read_text("utf-8").splitlines()) for name, path in modules_under(ROOT).items()}
    assert {name: n for name, n in lengths.items() if n > MOST_LINES} == {}


@pytest.mark.parametrize(
    ("files", "is_circle"),
    [
        ({"a.py": "from top import b", "b.py": "from top.a import x"}, True),
        ({"a.py": "from top.b import x", "b.py": "def f():\n    from top import a"}, True),
        ({"a.py": "import top.b", "b.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import top.a"}, True),
        ({"a.py": "from top.b import x", "b.py": "x = 1"}, False),
        ({"a.py": "from top import b", "b.py": "", "c.py": "from top import a, b"}, False),
    ],
)  # fmt: skip
def test_a_circle_is_seen_wherever_its_import_stands(
    tmp_path: Path, files: dict[str, str], is_circle: bool
) -> None:
    (tmp_path / "top").mkdir()
    for name, text in {"__init__.py": "", **files}.items():
        (tmp_path / "top" / name).write_text(text)
    assert bool(circle(modules_under(tmp_path, ("top",)))) is is_circle


def test_a_crowded_prefix_is_seen() -> None:
    names = ("cox_fit.py", "cox_test.py", "cox_frame.py", "km_a.py", "km_b.py", "__init__.py")
    assert crowded_prefixes([Path("room") / name for name in names]) == ["room/cox_*"]


def test_every_command_and_page_that_is_written_can_be_reached() -> None:
    """They are entered where they are written, in ``COMMANDS`` and ``ROUTES``; none is forgotten there."""
    from registry_pipeline.cli.main import registry
    from registry_pipeline.web import forms, pages

    reached: list[click.Command] = [registry]
    for command in reached:
        reached += command.commands.values() if isinstance(command, click.Group) else []
    written = {
        value
        for name in modules_under(ROOT)
        if name.startswith("registry_pipeline.cli.")
        for value in vars(import_module(name)).values()
        if isinstance(value, click.Command)
    }
    assert written == set(reached)
    routed = {route.endpoint for route in (*pages.ROUTES, *forms.ROUTES)}
    shown = {value for name, value in vars(pages).items() if name.endswith("_page")}
    assert shown and shown <= routed


@pytest.mark.parametrize(
    ("sections", "additions", "message"),
    [
        (("a", "a"), (), "share a name: a"),
        (("a",), ("b",), "added to b, and the report has only a"),
    ],
)
def test_a_section_or_an_addition_that_has_no_place_is_named(
    sections: tuple[str, ...],
    additions: tuple[str, ...],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from registry_pipeline.reporting import report
    from registry_pipeline.reporting.sections.record import Addition, ReportSection

    declared = {
        "SECTIONS": [ReportSection(name, 1, lambda _: None) for name in sections],
        "ADDITIONS": [Addition(name, lambda _: []) for name in additions],
    }
    monkeypatch.setattr(report, "_declared", declared.__getitem__)
    with pytest.raises(ValueError, match=message):
        report.report_sections.__wrapped__()


def test_no_line_of_the_pipeline_knows_of_this_registry() -> None:
    """What is special about a facility stands in its mapping alone."""
    files = [
        path
        for folder, ends in (
            ("registry_pipeline", (".py", ".toml", ".html")),
            ("schemas", (".py",)),
            ("sql", (".sql",)),
        )
        for path in (ROOT / folder).rglob("*")
        if path.suffix in ends
    ]
    assert len(files) > 100
    naming = [
        str(path.relative_to(ROOT))
        for path in files
        if any(
            word in path.read_text(encoding="utf-8").lower()
            for word in ("tcga", "bcr_patient", "nationwidechildrens")
        )
    ]
    assert naming == []
