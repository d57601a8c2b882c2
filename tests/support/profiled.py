"""Drafts of mappings in tests: which column was taken for what, and files to draft from."""

import csv
import fnmatch
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from registry_pipeline.intake.mapping.facility import read_facility
from registry_pipeline.intake.mapping.model import Facility
from registry_pipeline.intake.profiling import Draft, draft_mapping

Guess = tuple[str, str, str]


def drafted(folder: Path, facility_id: str, paths: Sequence[Path]) -> tuple[Draft, Facility]:
    """The draft for some files, and the mapping that it is when it is read back."""
    draft = draft_mapping(facility_id, sorted(paths))
    written = folder / f"{facility_id}.toml"
    written.write_text(draft.text, encoding="utf-8")
    return draft, read_facility(written)


def pairs(facility: Facility, names: Iterable[str]) -> set[Guess]:
    """(file, source column, table.column) of everything that a mapping says."""
    return {
        (name, column, f"{table.table}.{item}")
        for name in names
        for source in facility.sources
        if any(fnmatch.fnmatchcase(name, glob) for glob in source.files)
        for table in source.tables
        for item, mapping in table.columns.items()
        for column in table.columns_behind(mapping)
    }


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]], **how: str) -> Path:
    """A CSV file: ``delimiter``, ``encoding``."""
    with path.open("w", encoding=how.get("encoding", "utf-8"), newline="") as out:
        writer = csv.writer(out, delimiter=how.get("delimiter", ","))
        writer.writerow(header)
        writer.writerows(rows)
    return path


def confirmed(folder: Path, facility_id: str, draft: Draft) -> Facility:
    """The mapping of a draft whose tables that are comments a person has confirmed."""
    text = re.sub(r"^# (?=  )", "", draft.text, flags=re.M).replace('ignore = ["*"]', "ignore = []")
    folder.mkdir()
    (folder / f"{facility_id}.toml").write_text(text, encoding="utf-8")
    return read_facility(folder / f"{facility_id}.toml")
