"""What the quality report counts: the findings and rows of a release, of all facilities or of one.

Belongs here: reading, and which findings are open, new, closed or waived. Does not belong here: sections, drawing.
No value of a record, no text as received and no record key is read.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

import schemas
from registry_pipeline.reporting.quality.columns import completeness
from registry_pipeline.reporting.sections.context import Context
from schemas.codes import OPEN_STATUSES, SEVERITY
from schemas.table import columns_of

FACILITY_READS = ("findings", "rows", "completeness", "outcomes", "corrections", "quarantined")
"""What the sections of a facility's page read of the release, as attributes of :class:`Scope`, beside ``rules``."""
FATES = tuple(
    column.name
    for column in columns_of(schemas.tables()["quality.row_account"])
    if column.name.startswith("n_") and column.name != "n_read"
)
"""What can become of a row: the parts of quality.row_account, which sum to the rows read."""
SEVERITIES = SEVERITY.codes
_FINDING = (
    "finding_id", "rule_id", "severity", "facility_id", "source_file", "sheet", "source_row", "source_column", "items",
    "status", "first_seen_release", "closed_release",
)  # fmt: skip


@dataclass(frozen=True)
class Scope:
    """A release, or what of it concerns one facility.

    Attributes:
        context: the release.
        facility: a facility whose page it is; empty for all.
        whole: the whole release, where it has been read already: a facility's rows are taken from it.
        reads: what may be read of it then.
    """

    context: Context
    facility: str = ""
    whole: Scope | None = None
    reads: tuple[str, ...] = FACILITY_READS

    @cached_property
    def findings(self) -> pd.DataFrame:
        """Findings that are asked by themselves, with ``is_open``, ``is_new`` and ``is_newly_closed``.

        Nothing is new where there is no earlier release: a page that calls everything new would be another one in the
        next release, in which nothing of its facility has changed.
        """
        if self.whole is not None:
            return self._of_whole("findings")
        names = [column for column in _FINDING if self.context.tables.has("quality.finding", column)]
        rows = self._query(
            f"SELECT {', '.join(names)} FROM quality.finding WHERE systemic_finding_id IS NULL",
            {"quality.finding": ["facility_id", "status", "systemic_finding_id"]},
        ).reindex(columns=list(_FINDING))
        is_open, earlier = rows["status"].isin(OPEN_STATUSES), self.compared_release_id
        first, closed = (
            rows[name].fillna("").astype(str) for name in ("first_seen_release", "closed_release")
        )
        return rows.assign(
            is_open=is_open,
            is_new=is_open & (first > earlier) & bool(earlier),
            is_newly_closed=~is_open & (closed > earlier),
        )

    @cached_property
    def open(self) -> pd.DataFrame:
        """Findings that wait for somebody."""
        return self.findings[self.findings["is_open"]]

    @cached_property
    def closed(self) -> pd.DataFrame:
        """Findings that wait for nobody any more."""
        return self.findings[~self.findings["is_open"]]

    @cached_property
    def rows(self) -> pd.DataFrame:
        """Rows read and what became of them, by file and sheet."""
        if self.whole is not None:
            return self._of_whole("rows")
        names = ["facility_id", "source_file", "sheet", "n_read", *FATES]
        present = [name for name in names if self.context.tables.has("quality.row_account", name)]
        rows = self._query(
            f"SELECT {', '.join(present)} FROM quality.row_account ORDER BY facility_id, submission_id, source_file, sheet",
            {"quality.row_account": ["facility_id", "submission_id", "n_read"]},
        ).reindex(columns=names)
        counts = ["n_read", *FATES]
        return rows.assign(**{name: pd.to_numeric(rows[name]).fillna(0).astype(int) for name in counts})

    @cached_property
    def completeness(self) -> pd.DataFrame:
        """Share of filled values by facility and item of the curated tables."""
        return completeness(self.context) if self.whole is None else self._of_whole("completeness")

    @cached_property
    def rules(self) -> pd.DataFrame:
        """The catalogue, by id."""
        if self.whole is not None:
            return self.whole.rules
        return self.context.tables.table("quality.rule").drop_duplicates("rule_id").set_index("rule_id")

    @cached_property
    def rules_by_id(self) -> dict[str, dict[str, Any]]:
        """What the catalogue says of each rule."""
        if self.whole is not None:
            return self.whole.rules_by_id
        return {str(rule_id): rule for rule_id, rule in self.rules.to_dict("index").items()}

    @cached_property
    def outcomes(self) -> pd.DataFrame:
        """What became of every rule."""
        if self.whole is not None:
            return self._of_whole("outcomes")
        return self.own(self.context.tables.table("quality.rule_result"))

    @cached_property
    def corrections(self) -> pd.DataFrame:
        """Values that the registry uses in place of those received: where, never what."""
        if self.whole is not None:
            return self._of_whole("corrections")
        return self.own(self.context.tables.table("quality.correction"))

    @cached_property
    def quarantined(self) -> pd.DataFrame | None:
        """Records and patients in quarantine by facility, table and reason; None where the release does not say."""
        if self.whole is not None:
            return None if self.whole.quarantined is None else self._of_whole("quarantined")
        rows = self.context.tables.query(
            "SELECT facility_id, table_name, reason, count(*) AS n, count(DISTINCT patient_id) AS n_patients "
            "FROM quality.quarantine GROUP BY ALL ORDER BY facility_id, table_name, reason",
            {"quality.quarantine": ["facility_id", "table_name", "reason", "patient_id"]},
        )
        return None if rows is None else self.own(rows)

    @cached_property
    def release_id(self) -> str:
        """The release."""
        rows = self.context.tables.table("meta.release", limit=1)
        return str(rows["release_id"].iloc[0]) if len(rows) else ""

    @cached_property
    def compared_release_id(self) -> str:
        """The earlier release that the release was compared with, which may not be the last one; empty without one."""
        names = self.context.tables.table("meta.release", limit=1)["compared_release_id"].dropna()
        return str(names.iloc[0]) if len(names) else ""

    def own(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Of rows with a facility those of this scope."""
        return rows[rows["facility_id"] == self.facility] if self.facility else rows

    def _of_whole(self, name: str) -> pd.DataFrame:
        """A facility's rows of what has been read of the whole release.

        Raises:
            ValueError: they must not be read.
        """
        if name not in self.reads:
            raise ValueError(
                f"a section of a facility's page reads {name} and declares {', '.join(self.reads)}"
            )
        rows: pd.DataFrame = getattr(self.whole, name)
        return self.own(rows)

    def by_release(self) -> pd.DataFrame:
        """Open findings by severity at every release that findings speak of: release, and a column per severity.

        The release itself is among them for the registry, not for a facility: a page of one that sent nothing new is the
        same in the next release.
        """
        seen = self.findings[self.findings["first_seen_release"].notna()]
        names = {*seen["first_seen_release"], *seen["closed_release"].dropna()}
        names = (names if self.facility else {*names, self.release_id}) - {""}
        first, closed = seen["first_seen_release"].astype(str), seen["closed_release"].astype(object)
        lines = []
        for name in sorted(names):
            is_closed = closed.notna() & (closed.fillna("").astype(str) <= name)
            if name == max(names):  # a release of before `closed_release` says only what is so now
                is_closed |= ~seen["is_open"]
            counts = seen.loc[(first <= name) & ~is_closed, "severity"].value_counts()
            lines.append(
                {"release_id": name, **{severity: int(counts.get(severity, 0)) for severity in SEVERITIES}}
            )
        return pd.DataFrame(lines, columns=["release_id", *SEVERITIES])

    def _query(self, sql: str, needs: dict[str, list[str]]) -> pd.DataFrame:
        rows = self.context.tables.query(sql, needs)
        return pd.DataFrame(columns=["facility_id"]) if rows is None else self.own(rows)
