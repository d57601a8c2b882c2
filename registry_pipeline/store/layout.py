"""Where everything lies in the store of a home.

Belongs here: the path of every working file and folder under ``store/``. Does not belong here: what is in them, the
raw rows (``intake/raw/store.py``), releases (``releases.py``). Imports nothing heavy.

    store/staged/<facility>/      ``<table>.rows`` typed, and ``_<frame>.rows`` of what was noticed on the way
    store/screened/<facility>/    ``<table>.<outcome>.parquet`` of judged records (of those in quarantine where there are
                                  any), ``_<frame>.parquet`` of findings
    store/suggested/<facility>/   what trials suggest for those findings
    store/<layer>/<table>.parquet curated, mart, result and quality tables of the whole registry
    store/<layer>/<table>/        those that are a file per facility
    store/errors/                 private details of bugs
    store/cluster/                what workers on other machines go by, and their locks
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

ROWS = ".rows"
"""Of files that ``store/parquet.py`` alone reads: SQL reads what ends in ``.parquet``."""


@dataclass(frozen=True)
class StoreLayout:
    """The paths of a store.

    Attributes:
        root: the store's folder.
    """

    root: Path

    def raw(self, facility_id: str) -> Path:
        """Folder of a facility's rows as read."""
        return self.root / "raw" / facility_id

    def staged(self, facility_id: str) -> Path:
        """Folder of a facility's typed rows."""
        return self.root / "staged" / facility_id

    def staged_table(self, facility_id: str, table: str) -> Path:
        """A facility's typed rows of a table."""
        return self.staged(facility_id) / f"{table}{ROWS}"

    def staged_frame(self, facility_id: str, frame: str) -> Path:
        """What staging noticed: ``rows``, ``issues``, ``files``, …"""
        return self.staged(facility_id) / f"_{frame}{ROWS if frame != 'coercions' else '.parquet'}"

    def screened(self, facility_id: str) -> Path:
        """Folder of a facility's judged records."""
        return self.root / "screened" / facility_id

    def screened_table(self, facility_id: str, table: str, outcome: str = "accepted") -> Path:
        """A facility's records of a table: ``accepted`` or ``quarantined``."""
        return self.screened(facility_id) / f"{table}.{outcome}.parquet"

    def screened_frame(self, facility_id: str, frame: str) -> Path:
        """What screening found: ``findings``, ``rule_results``, …"""
        return self.screened(facility_id) / f"_{frame}.parquet"

    def suggested(self, facility_id: str) -> Path:
        """Folder of what trials suggest for a facility's findings."""
        return self.root / "suggested" / facility_id

    def layer(self, layer: str) -> Path:
        """Folder of a layer of the whole registry."""
        return self.root / layer

    def table(self, name: str) -> Path:
        """A table of the whole registry, by its full name (``mart.cohort``)."""
        layer, _, table = name.partition(".")
        return self.layer(layer) / f"{table}.parquet"

    def parts(self, name: str) -> Path:
        """Folder of a table that is a file per facility."""
        return self.table(name).with_suffix("")

    def lineage(self) -> Path:
        """Folder of the rows of ``meta.lineage``, a file per facility."""
        return self.parts("meta.lineage")

    def linkage(self) -> Path:
        """Folder of the pairs that may be one person, as they were found last."""
        return self.layer("quality") / "linkage"

    def registry_rules(self) -> Path:
        """Folder of what the queries of rules over the whole registry said last."""
        return self.layer("quality") / "rules"

    def registry_unlisted(self) -> Path:
        """Findings of rules over the whole registry that are counted in that of their cause."""
        return self.layer("quality") / "_unlisted.parquet"

    def derived(self) -> Path:
        """Folder of what is derived of each patient for analysts, as of the last release."""
        return self.layer("result") / "derived"

    def drawings(self) -> Path:
        """Folder of the figures of the last reports, by what they are made of."""
        return self.root / "drawings"

    def errors(self) -> Path:
        """Folder of the private details of bugs."""
        return self.root / "errors"

    def cluster(self) -> Path:
        """Folder of the manifest, the lease and the locks of a refresh on several machines."""
        return self.root / "cluster"
