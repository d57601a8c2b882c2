"""docs/tables.md, settings.md, commands.md and rules.md are what the code says."""

from pathlib import Path

import pytest

import schemas
from docs.write_reference import FOLDER, PAGES, write
from schemas.code_list import CODE_LISTS
from schemas.table import columns_of


@pytest.mark.parametrize("name", PAGES)
def test_the_page_is_fresh(name: str) -> None:
    stale = f"docs/{name} is stale: run python docs/write_reference.py"
    assert (FOLDER / name).read_text(encoding="utf-8") == PAGES[name](), stale


def test_every_column_and_every_code_stands_in_the_page_of_tables() -> None:
    sections = {part.split("\n")[0]: part for part in PAGES["tables.md"]().split("\n### ")[1:]}
    for table, model in schemas.tables().items():
        for column in columns_of(model):
            assert f"\n| `{column.name}`" in sections[table], (table, column.name)
    for codes in CODE_LISTS.values():
        assert all(f"\n| `{code}` |" in sections[codes.name] for code in codes.labels), codes.name


def test_writing(tmp_path: Path) -> None:
    write(tmp_path)
    assert {file.name: file.read_text(encoding="utf-8") for file in tmp_path.iterdir()} == {
        name: page() for name, page in PAGES.items()
    }
