"""A mapping tried out: staging and the rules over a facility's files, without touching the home.

Belongs here: the private landing and store of a check, the order of its steps, its report.
Does not belong here: the steps themselves (``staging.py``, ``screening.py``), showing the report (``cli/facility.py``).

Everything that the check writes lies in a folder of its own inside the home (0700), so that records stay on the
disk where they are, and is removed in the end. What has been landed and read before is linked, not copied.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl

from registry_pipeline.core.frames import with_schema
from registry_pipeline.core.home import Home
from registry_pipeline.core.private_folders import private_folder, sweep_private_folders
from registry_pipeline.core.toml_source import ConfigurationError
from registry_pipeline.intake.landing.land import LandingReport, land_inbox
from registry_pipeline.intake.landing.ledger import LEDGER
from registry_pipeline.intake.mapping.facility import read_facility
from registry_pipeline.intake.mapping.model import Facility
from registry_pipeline.intake.profiling.usage import ColumnUse, column_uses
from registry_pipeline.intake.submissions.rows_in_force import find_files
from registry_pipeline.pipeline import screening, staging
from registry_pipeline.pipeline.context import RefreshContext, read_context
from registry_pipeline.pipeline.step_keys import facility_catalogue
from registry_pipeline.pipeline.suggestions import make_suggestions, screened_findings
from registry_pipeline.store.parquet import read_parquet
from registry_pipeline.validation.rules.catalogue import message_of
from registry_pipeline.validation.screening.findings import FINDING
from schemas.codes import SEVERITY

_BROKEN = ("findings", "unlisted")
_MOST_ITEMS = 3
Progress = Callable[[str], None]


@dataclass(frozen=True)
class PrivateHome(Home):
    """A home that reads what the original holds and writes to a folder of its own.

    Attributes:
        private: that folder.
    """

    private: Path

    @property
    def has_linked_landing(self) -> bool:
        """Links to what was landed are the check's own."""
        return True

    @property
    def landing(self) -> Path:
        """Bytes of the check: links to what was landed, copies of what lies in the inbox."""
        return self.private / "landing"

    @property
    def store(self) -> Path:
        """Working files of the check."""
        return self.private / "store"


@dataclass(frozen=True)
class CheckReport:
    """What a check found.

    Attributes:
        files: file, source, status, n_rows. columns: every column of every source.
        tables: table -> accepted and quarantined records.
        rules: rule_id, severity, n_findings, n_denominator, items (where most of them lie), message; the gravest first.
        findings: rows of ``quality.finding``, the gravest first; those behind a common cause stand in it.
        row_account: rows of ``quality.row_account``. problems: what lies in the inbox and could not be taken.
    """

    facility_id: str
    files: list[dict[str, Any]]
    columns: list[ColumnUse]
    tables: dict[str, dict[str, int]]
    rules: list[dict[str, Any]]
    findings: list[dict[str, Any]]
    row_account: list[dict[str, Any]]
    problems: list[str]


def check_facility(home: Home, facility_id: str, progress: Progress = lambda _: None) -> CheckReport:
    """Try a facility's mapping on what lies in its inbox and on what it has sent before.

    Raises:
        ConfigurationError: the mapping is wrong or there is no file to try it on.
    """
    path = home.facilities / f"{facility_id}.toml"
    if not path.is_file():
        raise ConfigurationError(
            path, None, f"is missing; draft it: registry facility new {facility_id} --from FILE"
        )
    facility = read_facility(path)
    settings = home.settings()
    facility_catalogue(read_context(home), facility_id)
    with _private_home(home, facility_id) as private:
        progress("taking a private copy of the inbox")
        unsettled = replace(settings, refresh=replace(settings.refresh, settle_seconds=0))
        landing = land_inbox(private, unsettled, facilities=[facility_id])
        if not (private.landing / facility_id / LEDGER).is_file():
            raise ConfigurationError(
                home.inbox / facility_id, None, "holds no file yet; put the exports there"
            )
        progress("reading and typing")
        context = read_context(private)
        staging.stage(context, facility_id)
        progress("judging by the rules")
        screened = screening.screen(context, facility_id)
        make_suggestions(context)
        progress("counting")
        tables = {
            table: {"n_accepted": n, "n_quarantined": screened.n_quarantined.get(table, 0)}
            for table, n in screened.n_accepted.items()
        }
        return _report(context, facility, landing, tables)


@contextmanager
def _private_home(home: Home, facility_id: str) -> Iterator[PrivateHome]:
    sweep_private_folders(home.root)
    with private_folder(home.root) as folder:
        private = PrivateHome(home.root, folder)
        _link(home, private, facility_id)
        yield private


def _link(home: Home, private: PrivateHome, facility_id: str) -> None:
    """All ledgers (they hold the extract date), the facility's bytes and what was read of them."""
    for ledger in home.landing.glob(f"*/{LEDGER}"):
        copy = private.landing / ledger.parent.name / LEDGER
        copy.parent.mkdir(parents=True, mode=0o700)
        shutil.copyfile(ledger, copy)
    for shared, own in ((home.landing, private.landing), (home.store / "raw", private.store / "raw")):
        (own / facility_id).mkdir(parents=True, exist_ok=True, mode=0o700)
        for path in sorted((shared / facility_id).glob("[!.]*")):
            if path.name != LEDGER and path.is_file() and not path.name.endswith(".building"):
                _take(path, own / facility_id / path.name)


def _take(path: Path, own: Path) -> None:
    """Large files as links, small notes as copies, for a check may write them anew."""
    if path.suffix == ".json":
        shutil.copyfile(path, own)
    else:
        own.symlink_to(path)


def _report(
    context: RefreshContext, facility: Facility, landing: LandingReport, tables: dict[str, dict[str, int]]
) -> CheckReport:
    facility_id = facility.facility_id
    layout = context.layout
    uses = find_files(context.home, facility, context.settings)
    issues = read_parquet(context.whole(layout.staged_frame(facility_id, "issues")))
    findings = _findings(screened_findings(context))
    return CheckReport(
        facility_id=facility_id,
        files=[
            {
                "source_file": use.landed.source_file,
                "source": use.source.name if use.source else None,
                "status": "superseded" if use.is_superseded else use.status,
                "n_rows": sum(sheet.n_rows for sheet in use.sheets),
            }
            for use in uses
        ],
        columns=column_uses(context.home, facility, uses, issues),
        tables=tables,
        rules=_rules(context, facility_id, findings),
        findings=findings,
        row_account=read_parquet(context.whole(layout.screened_frame(facility_id, "row_account"))).to_dicts(),
        problems=[str(problem) for problem in landing.problems if problem.facility_id == facility_id],
    )


def _findings(screened: pl.DataFrame) -> list[dict[str, Any]]:
    """What was found, row by row."""
    findings = with_schema(screened, FINDING)
    direct = findings.filter(pl.col("systemic_finding_id").is_null())
    rank = pl.col("severity").replace_strict(dict(zip(SEVERITY.codes, range(3), strict=True)), default=3)
    return direct.sort(rank, "source_file", "source_row", "rule_id", nulls_last=True).to_dicts()


def _most_frequent_items(findings: Iterable[Mapping[str, Any]]) -> dict[tuple[str, str], str]:
    """(rule, severity) -> the items that most of its findings lie in, as ``table.item, item``."""
    places: dict[tuple[str, str], Counter[str]] = {}
    for finding in findings:
        item = ".".join(filter(None, (finding["table_name"], finding["items"]))).replace(",", ", ")
        places.setdefault((finding["rule_id"], finding["severity"]), Counter())[item] += 1
    return {
        rule: "; ".join(name for name, _ in counts.most_common(_MOST_ITEMS))
        for rule, counts in places.items()
    }


def _rules(
    context: RefreshContext, facility_id: str, findings: Iterable[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Findings by rule and severity, listed or not, and rules that could not be run.

    As ``quality.rule_result`` counts them: the finding of a common cause speaks of those that hang on it.
    """
    entries = facility_catalogue(context, facility_id).entries
    results = read_parquet(context.whole(context.layout.screened_frame(facility_id, "rule_results")))
    judged = {row["rule_id"]: row for row in results.iter_rows(named=True)}
    counted = _counted(
        *(read_parquet(context.whole(context.layout.screened_frame(facility_id, name))) for name in _BROKEN)
    )
    rows = [(rule_id, severity, n) for rule_id, severity, n in counted.iter_rows()]
    rows += [
        (rule_id, "failed to run", 0) for rule_id, row in judged.items() if row["status"] == "failed_to_run"
    ]
    items = _most_frequent_items(findings)
    rule_results = [
        {
            "rule_id": rule_id,
            "severity": severity,
            "n_findings": n,
            "n_denominator": judged.get(rule_id, {}).get("n_denominator"),
            "items": items.get((rule_id, severity)),
            "message": message_of(entries[rule_id]),
        }
        for rule_id, severity, n in rows
    ]
    order = {severity: place for place, severity in enumerate(("failed to run", *SEVERITY.codes))}
    return sorted(rule_results, key=lambda row: (order[row["severity"]], -row["n_findings"], row["rule_id"]))


def _counted(findings: pl.DataFrame, unlisted: pl.DataFrame) -> pl.DataFrame:
    """``rule_id, severity, n``: of every finding, listed or not, but for those that count the others of one cause."""
    own = pl.concat(
        frame.select(pl.col("finding_id", "rule_id", "severity", "systemic_finding_id").cast(pl.String))
        for frame in (findings, unlisted.with_columns(pl.lit(None, dtype=pl.String).alias("finding_id")))
    )
    causes = own["systemic_finding_id"].drop_nulls().unique().implode()
    is_cause = pl.col("finding_id").is_in(causes).fill_null(False)
    return own.filter(~is_cause).group_by("rule_id", "severity").agg(pl.len().alias("n"))
