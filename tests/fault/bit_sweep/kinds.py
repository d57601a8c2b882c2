"""Every kind of file of a home, and a home that has each of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from registry_pipeline.cli.context import run
from registry_pipeline.cli.main import registry
from registry_pipeline.core.home import Home
from registry_pipeline.pipeline import release as publication
from registry_pipeline.store.releases import current_release
from registry_pipeline.validation.decisions.ledger import Draft, Subject, append_decisions
from tests.fault.bit_sweep import readings
from tests.fault.bit_sweep.readings import Reading
from tests.support.registry_home import (
    N_PATIENTS,
    good_files,
    let_analysts_in,
    patient_row,
    patients_csv,
    send,
    send_all,
    small_home,
)


@dataclass(frozen=True)
class Kind:
    """Files that are read in one way.

    Attributes:
        pattern: of their names within the home.
        reading: what the registry's own readers say of one.
        is_configuration: people write it: another value is another configuration, and the release names its hash.
        by_dagster: only a refresh through Dagster reads it.
    """

    pattern: str
    reading: Reading
    is_configuration: bool = False
    by_dagster: bool = False


KINDS = {
    "served database": Kind("releases/{served}/registry.duckdb", readings.release_file),
    "earlier database": Kind("releases/{first}/registry.duckdb", readings.release_file),
    "hashes of a release": Kind("releases/{served}/SHA256SUMS", readings.release_file),
    "contents of a release": Kind("releases/{served}/contents.json", readings.contents),
    "keys of analysts' tables": Kind("releases/{served}/analyst_tables.json", readings.hashed_json),
    "heads in a release": Kind("releases/{served}/*.head", readings.heads),
    "pages": Kind("releases/{served}/reports/*.html", readings.release_file),
    "landed bytes": Kind("landing/*/[0-9a-f]*", readings.hashed),
    "ledger of landing": Kind("landing/*/submissions.json", readings.landing_ledger),
    "seen files": Kind("landing/*/seen.json", readings.hashed_json),
    "raw rows": Kind("store/raw/*/*.arrows", readings.hashed),
    "raw JSON": Kind("store/raw/*/*.json", readings.hashed_json),
    "staged rows": Kind("store/staged/*/*.rows", readings.hashed),
    "staged Parquet": Kind("store/staged/*/*.parquet", readings.hashed),
    "staged JSON": Kind("store/staged/*/*.json", readings.working_json),
    "screened Parquet": Kind("store/screened/*/*.parquet", readings.hashed),
    "suggested Parquet": Kind("store/suggested/*/*.parquet", readings.hashed),
    "screened JSON": Kind("store/screened/*/*.json", readings.working_json),
    "curated Parquet": Kind("store/curated/*.parquet", readings.hashed),
    "curated Parquet by facility": Kind("store/curated/*/*.parquet", readings.hashed),
    "mart Parquet": Kind("store/mart/*.parquet", readings.hashed),
    "result Parquet": Kind("store/result/*.parquet", readings.hashed),
    "quality Parquet": Kind("store/quality/*.parquet", readings.hashed),
    "keys of tables": Kind("store/[cmr]*/_tables.json", readings.hashed_json),
    "failures of rules": Kind("store/quality/*.json", readings.hashed),
    "signatures of the inbox": Kind("store/inbox_*", readings.hashed),
    "ledger of decisions": Kind("decisions.sqlite", readings.decision_ledger),
    "audit log": Kind("audit.jsonl", readings.audit),
    "heads": Kind("secrets/*.head", readings.heads),
    "key": Kind("secrets/pseudonym.key", readings.key),
    "check value": Kind("secrets/pseudonym.check", readings.check_value),
    "mapping": Kind("facilities/*.toml", readings.mapping, is_configuration=True),
    "settings": Kind("registry.toml", readings.settings, is_configuration=True),
    "Dagster's history": Kind("dagster/**/*.db", readings.history, by_dagster=True),
    "Dagster's settings": Kind("dagster/dagster.yaml", readings.dagster_settings, by_dagster=True),
}


def files_of(home: Home, kind: Kind) -> list[Path]:
    """Files of a kind that hold at least a byte."""
    releases = sorted(path.name for path in home.releases.iterdir())
    pattern = kind.pattern.format(served=releases[-1], first=releases[0])
    found = [path for path in sorted(home.root.glob(pattern)) if path.is_file()]
    return [path for path in found if path.stat().st_size]


def write_small_pages(_: Path, folder: Path, **__: object) -> None:
    """In place of the pages, which take longer than the rest."""
    folder.mkdir(exist_ok=True)
    (folder / "study_report.html").write_text("<html><body>pages of this release</body></html>" * 20)


def prepare(root: Path) -> int:
    """Two releases with decisions, and settings by which the next refresh makes a third of the same data."""
    publication.write_reports = write_small_pages
    home = small_home(root)
    let_analysts_in(home)
    slip = {"deaths_1.csv": good_files()["deaths_1.csv"].replace("K0003,20", "K0003,19")}
    send_all(home, good_files() | slip)  # of a century, which is suggested
    rows = [patient_row(number, sex="male" if number < 2 else "female") for number in range(N_PATIENTS)]
    send(home, "patients_1.csv", patients_csv(rows))
    run(registry, ["--home", str(root), "refresh"])
    subject = Subject("F000000000000000", "V02", "north", "patient", "k", "sex", "d")
    append_decisions(
        home.decisions, home.key(), [Draft(subject, "remark", "seen", "A. Steward") for _ in range(3)]
    )
    run(registry, ["--home", str(root), "refresh", "--plain"])
    settings = home.settings_file.read_text().replace("settle_seconds = 0", "settle_seconds = 1")
    home.settings_file.write_text(settings)
    if without := [name for name, kind in KINDS.items() if not files_of(home, kind)]:
        print(f"the home of the sweep has no file of: {', '.join(without)}")
    return 0 if current_release(home) and not without else 1
