"""What was staged of a facility, read back for its screening.

Belongs here: the files of one staging as one value. Does not belong here: staging, judging (``pipeline/screening.py``).
"""

import json
from collections.abc import Iterator, Mapping
from fnmatch import fnmatch
from pathlib import Path

import polars as pl

from registry_pipeline.pipeline.context import RefreshContext
from registry_pipeline.pipeline.step import read_note
from registry_pipeline.store.layout import ROWS
from registry_pipeline.store.parquet import StoredRows, read_all_parquet, read_parquet
from registry_pipeline.validation.registry_wide.persons import StagedParts

_FEW_BYTES = 30 * 2**20


class StagedTables(Mapping[str, pl.DataFrame]):
    """The staged tables of a facility, each read when it is asked for and not kept: all are large together.

    Small ones are read together, for to begin reading takes longer than what is in them, and let go as they are asked for.
    """

    def __init__(self, context: RefreshContext, folder: Path) -> None:
        self.context = context
        written = (read_note(folder) or {"files": {}})["files"]
        self.paths = {Path(name).stem: folder / name for name in written if fnmatch(name, f"[!_]*{ROWS}")}
        self.read: dict[str, pl.DataFrame] | None = None

    def __getitem__(self, name: str) -> pl.DataFrame:
        if self.read is None:
            paths = [self.context.whole(path) for path in self.paths.values()]
            is_small = sum(path.stat().st_size for path in paths) <= _FEW_BYTES
            self.read = dict(zip(self.paths, read_all_parquet(paths), strict=True)) if is_small else {}
        if name in self.read:
            return self.read.pop(name)
        return read_parquet(self.context.whole(self.paths[name]))

    def __iter__(self) -> Iterator[str]:
        return iter(self.paths)

    def __len__(self) -> int:
        return len(self.paths)


def stored_staging(context: RefreshContext, facility_id: str) -> StagedParts:
    """What was staged of a facility.

    Raises:
        DamagedFile: a file is not what was written.
    """
    layout = context.layout
    folder = layout.staged(facility_id)
    columns = json.loads(context.whole(folder / "_source_columns.json").read_text(encoding="utf-8"))
    return StagedParts(
        StagedTables(context, folder),
        issues=StoredRows(context.whole(layout.staged_frame(facility_id, "issues"))),
        rows=read_parquet(context.whole(layout.staged_frame(facility_id, "rows"))),
        file_issues=read_parquet(context.whole(layout.staged_frame(facility_id, "file_issues"))),
        source_columns={tuple(key): value for *key, value in columns},
        judged=json.loads(context.whole(folder / "_judged.json").read_text(encoding="utf-8")),
    )
