"""The steps that are made per facility: land, stage, screen.

Belongs here: which rooms a step calls, what it reads from and writes to the store, whether it has
anything to do. Does not belong here: reading, typing or judging (``intake/``, ``validation/``).
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from registry_pipeline.core.files import disk_errors_as_store_error, write_text
from registry_pipeline.core.home import Home
from registry_pipeline.core.settings import Settings
from registry_pipeline.core.toml_source import nearest, read_toml
from registry_pipeline.intake.landing.ledger import read_ledger
from registry_pipeline.intake.mapping.facility import read_facility
from registry_pipeline.intake.raw.lookup import raw_values
from registry_pipeline.intake.stage import stage_facility
from registry_pipeline.pipeline.decisions import Merges, decided, merges_at
from registry_pipeline.pipeline.step import (
    code_version,
    digest_of,
    is_fresh,
    mark_fresh,
    mark_stale,
    refresh_lock,
    screening_digest,
    staging_digest,
)
from registry_pipeline.store.parquet import read_parquet, write_parquet
from registry_pipeline.validation.decisions.waivers import Waivers
from registry_pipeline.validation.registry_wide.persons import (
    StagedParts,
    known_elsewhere,
    with_merged_patients,
)
from registry_pipeline.validation.rules.catalogue import Catalogue, OverrideError, catalogue, parameters_of
from registry_pipeline.validation.screening.row_account import with_empty_sheets
from registry_pipeline.validation.screening.screen import Screened, ScreenOptions, screen_facility

STAGED_FRAMES = ("issues", "coercions", "rows", "file_issues", "files", "sheets", "person_keys")
SCREENED_FRAMES = ("findings", "rule_results", "row_account", "quarantine")


@dataclass(frozen=True)
class ScreeningReport:
    """Counts of one facility's screening, for events and terminals: no values.

    Attributes:
        n_accepted: table -> accepted records.
        n_quarantined: table -> quarantined records.
        findings: table -> list of [rule id, severity, category, number of findings].
        failed: table -> list of [rule id, category] of the rules that failed to run.
    """

    n_accepted: dict[str, int]
    n_quarantined: dict[str, int]
    findings: dict[str, list[tuple[str, str, str, int]]]
    failed: dict[str, list[tuple[str, str]]] = field(default_factory=dict)

    def counts(self, table: str) -> Counter[tuple[str, str, str]]:
        """(rule id, severity, category) -> number of findings of a table."""
        return Counter(
            {(rule, severity, category): n for rule, severity, category, n in self.findings.get(table, [])}
        )


class StagedTables(Mapping[str, pl.DataFrame]):
    """The staged tables of a facility, each read when it is asked for and not kept: all are large together."""

    def __init__(self, folder: Path) -> None:
        self.paths = {path.stem: path for path in sorted(folder.glob("[!_]*.parquet"))}

    def __getitem__(self, name: str) -> pl.DataFrame:
        return read_parquet(self.paths[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self.paths)

    def __len__(self) -> int:
        return len(self.paths)


def extract_date(home: Home, settings: Settings) -> date:
    """Administrative end of observation: as set, else the day on which the newest file was received."""
    if settings.refresh.extract_date is not None:
        return settings.refresh.extract_date
    received = [
        one.received_at for facility_id in home.facility_ids() for one in read_ledger(home, facility_id)
    ]
    return datetime.fromisoformat(max(received)).date() if received else date.today()


def stage(home: Home, facility_id: str, force: bool = False) -> dict[str, int]:
    """Read and type every source of a facility: table -> number of staged rows."""
    with refresh_lock(home):
        folder, settings = home.store / "staged" / facility_id, home.settings()
        fingerprint = digest_of(staging_digest(home, facility_id), code_version(), asdict(settings.limits))
        if force or not is_fresh(folder, fingerprint):
            mark_stale(folder)
            _stage(home, facility_id, settings)
            mark_fresh(folder, fingerprint)
        counts: dict[str, int] = json.loads((folder / "_counts.json").read_text())
        return counts


def _stage(home: Home, facility_id: str, settings: Settings) -> None:
    folder = home.store / "staged" / facility_id
    facility = read_facility(home.facilities / f"{facility_id}.toml")
    with disk_errors_as_store_error(home.store / "raw" / facility_id):
        staged = stage_facility(home, facility, settings)
    for old in folder.glob("*.parquet"):
        old.unlink()
    for table, frame in staged.tables.items():
        write_parquet(frame, folder / f"{table}.parquet")
    for name in STAGED_FRAMES:
        write_parquet(getattr(staged, name), folder / f"_{name}.parquet")
    columns = [[*key, value] for key, value in staged.source_columns.items()]
    write_text(json.dumps(columns, ensure_ascii=False), folder / "_source_columns.json")
    write_text(json.dumps(dict(staged.judged)), folder / "_judged.json")
    write_text(
        json.dumps({table: frame.height for table, frame in staged.tables.items()}), folder / "_counts.json"
    )


def rows_read(home: Home, facility_id: str) -> int:
    """Rows of all files of a facility, as counted when they were staged."""
    sheets = read_parquet(home.store / "staged" / facility_id / "_sheets.parquet")
    return int(sheets.get_column("n_read").sum())


def _stored_staging(home: Home, facility_id: str) -> StagedParts:
    folder = home.store / "staged" / facility_id
    tables = StagedTables(folder)
    columns = json.loads((folder / "_source_columns.json").read_text())
    frames = {name: read_parquet(folder / f"_{name}.parquet") for name in ("issues", "rows", "file_issues")}
    judged = json.loads((folder / "_judged.json").read_text())
    return StagedParts(
        tables, **frames, source_columns={tuple(key): value for *key, value in columns}, judged=judged
    )


def facility_catalogue(home: Home, facility_id: str, settings: Settings) -> Catalogue:
    """The rules in force at a facility.

    Raises:
        ConfigurationError: an override names a rule, severity or threshold that does not exist.
    """
    facility = read_facility(home.facilities / f"{facility_id}.toml")
    try:
        rules = catalogue(settings)
    except OverrideError as problem:
        raise read_toml(home.settings_file).error(problem.keys, str(problem)) from None
    for one in settings.refresh.blocking_rules:
        if one not in rules.entries:
            told = f"there is no rule {one}{nearest(one, rules.entries)}"
            raise read_toml(home.settings_file).error(["refresh", "blocking_rules"], told)
    try:
        return rules.overridden_at_facility(facility.rules)
    except OverrideError as problem:
        raise read_toml(facility.path).error(problem.keys, str(problem)) from None


def screen(home: Home, facility_id: str, force: bool = False) -> ScreeningReport:
    """Judge every record of a facility."""
    with refresh_lock(home):
        folder, settings = home.store / "screened" / facility_id, home.settings()
        until = extract_date(home, settings)
        staged = (home.store / "staged" / facility_id / "_fingerprint").read_text()
        made = decided(home)
        merges, waived = merges_at(home, facility_id, made), made.waived_at(facility_id)
        told = screening_digest(home, facility_id)
        fingerprint = digest_of(staged, told, settings.digest(), until, asdict(merges), waived)
        if force or not is_fresh(folder, fingerprint):
            mark_stale(folder)
            _screen(home, facility_id, settings, until, merges, Waivers(waived, home.key()))
            mark_fresh(folder, fingerprint)
        return ScreeningReport(**json.loads((folder / "_report.json").read_text()))


def _screen(
    home: Home, facility_id: str, settings: Settings, until: date, merges: Merges, waivers: Waivers
) -> None:
    facility = read_facility(home.facilities / f"{facility_id}.toml")
    rules = facility_catalogue(home, facility_id, settings)
    options = ScreenOptions(
        precedence=facility.precedence,
        tolerance=facility.tolerance,
        systemic_share=settings.refresh.systemic_share,
        raw_value=partial(raw_values, home, facility_id),
        memory_limit=settings.refresh.memory_limit,
        waivers=waivers,
    )
    staged = with_merged_patients(_stored_staging(home, facility_id), merges.within)
    judged = screen_facility(facility_id, staged, rules, parameters_of(settings, until), options)
    judged = _known_elsewhere(judged, merges.between)
    sheets = read_parquet(home.store / "staged" / facility_id / "_sheets.parquet")
    account = with_empty_sheets(judged.row_account, sheets, facility_id)
    _store_screened(home, facility_id, replace(judged, row_account=account), rules)


def _known_elsewhere(judged: Screened, between: Mapping[str, str]) -> Screened:
    """Records of patients whom another facility knows under the pseudonym that survives."""
    if not between:
        return judged
    accepted, quarantined = (
        {table: known_elsewhere(frame, between) for table, frame in frames.items()}
        for frames in (judged.accepted, judged.quarantined)
    )
    quarantine = known_elsewhere(judged.quarantine, between)
    return replace(judged, accepted=accepted, quarantined=quarantined, quarantine=quarantine)


def _store_screened(home: Home, facility_id: str, judged: Screened, rules: Catalogue) -> None:
    folder = home.store / "screened" / facility_id
    for old in folder.glob("*.parquet"):
        old.unlink()
    heights: dict[str, dict[str, int]] = {"accepted": {}, "quarantined": {}}
    for outcome, told in heights.items():
        for table, frame in getattr(judged, outcome).items():
            write_parquet(frame, folder / f"{table}.{outcome}.parquet")
            told[table] = frame.height
    for name in SCREENED_FRAMES:
        write_parquet(getattr(judged, name), folder / f"_{name}.parquet")
    write_text(json.dumps(judged.failures), folder / "_failures.json")
    write_text(json.dumps(asdict(_report(judged, rules, heights))), folder / "_report.json")


def _report(judged: Screened, rules: Catalogue, heights: Mapping[str, dict[str, int]]) -> ScreeningReport:
    found: dict[str, list[tuple[str, str, str, int]]] = {}
    counted: Any = judged.findings.group_by("table_name", "rule_id", "severity").len().sort(pl.all())
    for table, rule_id, severity, n in counted.iter_rows():
        found.setdefault(table, []).append((rule_id, severity, rules.entries[rule_id].category, n))
    failed: dict[str, list[tuple[str, str]]] = {}
    for one in sorted(judged.failures):
        entry = rules.entries[one]
        for table in [entry.table_name] if entry.table_name else judged.accepted:
            failed.setdefault(table, []).append((one, entry.category))
    return ScreeningReport(
        heights["accepted"],
        heights["quarantined"],
        found,
        failed,
    )
