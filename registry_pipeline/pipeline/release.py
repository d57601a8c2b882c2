"""The last step: from the store's tables to a served release.

Belongs here: whether a release is needed, what goes into it.
Does not belong here: building, proving, sealing, switching (``store/release.py``).
"""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

import schemas
from registry_pipeline.core.chain_head import copy_heads
from registry_pipeline.core.files import BUILDING, StoreError, disk_errors_as_store_error, write_text
from registry_pipeline.core.home import Home
from registry_pipeline.core.native_panics import panics_as_exceptions
from registry_pipeline.pipeline.analyst.risk import add_disclosure_risk
from registry_pipeline.pipeline.analyst.write import add_analyst_database
from registry_pipeline.pipeline.comparison import choose_comparison
from registry_pipeline.pipeline.context import RefreshContext
from registry_pipeline.pipeline.decisions import renew_ledger_head
from registry_pipeline.pipeline.errors import Refused, record_private_details
from registry_pipeline.pipeline.facility_parts import facility_parts
from registry_pipeline.pipeline.keys import row_inputs
from registry_pipeline.pipeline.release_tables import tables_of_release
from registry_pipeline.pipeline.step import (
    code_version,
    input_hash,
    is_up_to_date,
    refresh_lock,
)
from registry_pipeline.pipeline.step_keys import outdated_facilities
from registry_pipeline.reporting.report import write_reports
from registry_pipeline.store.inputs import keep_inputs
from registry_pipeline.store.integrity import write_checksums
from registry_pipeline.store.layout import StoreLayout
from registry_pipeline.store.parquet import read_parquet
from registry_pipeline.store.proofs import ReleaseRefused
from registry_pipeline.store.refill import contents_in
from registry_pipeline.store.release import Versions, build_release, new_release_id, sweep_releases
from registry_pipeline.store.releases import (
    DATABASE,
    FAILED,
    REPORTS,
    choose_release,
    current_release,
    open_release,
    release_folder,
    reports_problem,
)
from registry_pipeline.store.row_changes import RowChange
from registry_pipeline.study.compare.since import write_changes_page


@dataclass(frozen=True)
class PublicationReport:
    """What became of a refresh.

    Attributes:
        release_id: the release that is served now.
        is_new: whether this refresh made it.
        n_open_errors: open findings of severity error in it.
        reports_problem: why it has no reports, or None.
        proofs: sentences proved of it before it was sealed -> rows against them.
        n_rows: rows of the tables that only this step makes.
    """

    release_id: str
    is_new: bool
    n_open_errors: int
    reports_problem: str | None
    proofs: Mapping[str, int]
    n_rows: Mapping[str, int]

    def proofs_of(self, table: str) -> list[int]:
        """Rows against each sentence about a table (``curated.lesion``)."""
        start = table.replace(".", "_") + "_"
        longer = {name.replace(".", "_") + "_" for name in schemas.tables() if name != table}
        others = tuple(name for name in longer if name.startswith(start))
        return [
            n for name, n in self.proofs.items() if name.startswith(start) and not name.startswith(others)
        ]


def publish(context: RefreshContext, force: bool = False) -> PublicationReport:
    """Serve the store's tables as a new release, unless the served one is made of the same.

    Raises:
        Refused: a check is violated, or a blocking rule has findings; the old release is still served.
    """
    home = context.home
    with refresh_lock(home):
        sweep_releases(home)
        outdated = outdated_facilities(context)
        is_new = force or not is_up_to_date(context, outdated)
        if is_new:
            _refuse_blocked(context)
            _build(context, outdated, anew=force)
        elif reports_problem(home) is not None:
            _retry_reports(home)
        return released_report(home, is_new)


def released_report(home: Home, is_new: bool = False) -> PublicationReport:
    """The report of the release that is served."""
    release_id = current_release(home)
    assert release_id is not None
    return PublicationReport(release_id, is_new, reports_problem=reports_problem(home), **_counts(home))


def _refuse_blocked(context: RefreshContext) -> None:
    """Screening blocks a run as soon as it can; rules over the whole registry can do so only here."""
    blocking = set(context.settings.refresh.blocking_rules)
    findings = read_parquet(context.whole(context.layout.table("quality.finding")))
    results = read_parquet(context.whole(context.layout.table("quality.rule_result")))
    with_findings = set(findings.get_column("rule_id").unique())
    failed = set(results.filter(pl.col("status") == "failed_to_run").get_column("rule_id"))
    for rules, what in ((with_findings, "have findings"), (failed, "failed to run")):
        if violated := sorted(rules & blocking):
            raise Refused(
                f"blocking rules {what}: {', '.join(violated)}; the release that was served still is"
            )


def build_again(context: RefreshContext, release_id: str) -> None:
    """The database of a release that is made a second time, to be compared; without pages.

    Raises:
        Refused: a check is violated.
    """
    _build(context, outdated_facilities(context), anew=True, release_id=release_id, has_pages=False)


def _build(
    context: RefreshContext,
    outdated: Mapping[str, str],
    anew: bool,
    release_id: str = "",
    has_pages: bool = True,
) -> None:
    home, settings = context.home, context.settings
    rules, comparison = context.rules, choose_comparison(context)
    versions = Versions(
        code_version=code_version(),
        rule_set_version=rules.rule_set_version,
        parameter_hash=settings.digest(),
        input_hash=input_hash(context, outdated),
        key_check=home.key_check(),
        data_statement=settings.privacy.data_statement,
        compared_release_id=comparison.release_id,
        comparison_note=comparison.note,
    )
    layers = ("curated", "mart", "result", "quality", "meta")
    files = {name: context.layout.table(name) for layer in layers for name in schemas.tables_of(layer)}
    release_id = release_id or new_release_id(home)
    if anew:
        shutil.rmtree(context.layout.drawings(), ignore_errors=True)
    tables = {name: path for name, path in files.items() if path.is_file()}
    patients = add_disclosure_risk(context, tables, anew)
    try:
        build_release(
            home,
            {**tables, **tables_of_release(context, release_id), **facility_parts(context)},
            versions,
            finish=partial(_finish, context, has_pages, anew, patients),
            memory_limit=settings.refresh.lesser_duckdb_memory,
            release_id=release_id,
            anew=anew,
            inputs=row_inputs(context),
        )
    except ReleaseRefused as problem:
        raise Refused(str(problem)) from None


def _finish(
    context: RefreshContext,
    has_pages: bool,
    anew: bool,
    patients: pl.DataFrame | None,
    folder: Path,
    row_changes: Mapping[str, RowChange],
) -> None:
    """What lies beside a release's database: the analysts', what it was made of, where the ledgers end, its pages."""
    home = context.home
    if patients is not None:
        add_analyst_database(context, folder, patients, anew, row_changes)
    if not has_pages:
        return
    keep_inputs(home, folder)
    renew_ledger_head(home)
    copy_heads(home.root, folder)
    _write_reports(home, folder, row_changes)


def _write_reports(home: Home, folder: Path, row_changes: Mapping[str, RowChange] | None = None) -> None:
    """The release's pages.

    A bug in a page must not keep the data from being served: it is written down and tried again by the
    next refresh.

    Raises:
        StoreError: the disk is full.
    """
    reports = folder / REPORTS
    try:
        with panics_as_exceptions(), disk_errors_as_store_error(reports):
            write_changes_page(home, folder, row_changes)
            contents, drawings = contents_in(folder), StoreLayout(home.store).drawings()
            digests = None if contents is None else contents.tables
            write_reports(folder / DATABASE, reports, drawings=drawings, contents=digests)
    except StoreError:
        raise
    except Exception as problem:
        details = record_private_details(home, problem)
        write_text(
            f"the reports could not be written; details, which may quote records: {details}\n",
            reports / FAILED,
        )


def _retry_reports(home: Home) -> None:
    """Write the served release's pages again, beside, and put them in place of what there is of them."""
    folder = release_folder(home, choose_release(home))
    building = folder.with_name(f"{folder.name}.{REPORTS}{BUILDING}")
    building.mkdir(mode=0o700)
    (building / DATABASE).hardlink_to(folder / DATABASE)
    _write_reports(home, building)
    shutil.rmtree(folder / REPORTS, ignore_errors=True)
    (building / REPORTS).rename(folder / REPORTS)
    write_checksums(folder)
    shutil.rmtree(building, ignore_errors=True)


def _counts(home: Home) -> dict[str, Any]:
    with open_release(home) as connection:
        errors = connection.execute("SELECT count(*) FROM open_findings WHERE severity = 'error'").fetchall()
        proofs = connection.execute("SELECT check_name, n_violated FROM quality.reconciliation").fetchall()
        rows = {
            name: connection.table(name).count("*").fetchall()[0][0] for name in schemas.MADE_WITH_RELEASE
        }
    return {"n_open_errors": int(errors[0][0]), "proofs": dict(proofs), "n_rows": rows}
