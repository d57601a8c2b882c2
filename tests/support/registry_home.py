"""Registry homes for tests of whole refreshes: the demonstration's, and a tiny hospital whose files a test writes.

Belongs here: making homes, running the command in a process of its own, reading a release back.
Does not belong here: what a refresh must do (the tests).
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from registry_pipeline.cli.context import run
from registry_pipeline.cli.main import registry as program
from registry_pipeline.core.home import Home, make_home
from registry_pipeline.simulate import demo_settings
from registry_pipeline.stewardship.decide import Order, decide

ROOT = Path(__file__).resolve().parents[2]
COMMAND = [sys.executable, "-m", "registry_pipeline.cli.main"]
PARTS = ("n_curated", "n_quarantined", "n_duplicate", "n_superseded", "n_blank", "n_rejected", "n_unrouted")
# No wait for files to settle, no bootstrap, no database for analysts: none changes what most tests look at.
QUICK_SETTINGS = """\
[refresh]
settle_seconds = 0
extract_date = 2023-06-30
{refresh}
[analyst]
is_written = false
[study]
bootstrap_replicates = 0
"""

HOSPITAL = "north"
HOSPITAL_MAPPING = """\
id = "north"
name = "Northern hospital"

[[source]]
name = "patients"
files = ["patients*"]
mode = "full"
required = ["number", "born", "diagnosed"]

  [[source.table]]
  table = "patient"
    [source.table.columns]
    patient_id = "number"
    source_patient_id = "number"
    birth_date = "born"
    sex = { from = "sex", codes = { female = "F", male = "M" } }
    residence_region = "region"

  [[source.table]]
  table = "primary_tumour"
    [source.table.columns]
    patient_id = "number"
    tumour_id = { template = "{patient_id}-T1" }
    dx_date = "diagnosed"
    topography_code = { value = "C53.9" }
    morphology_text = "histology"
    figo_stage = { from = "stage", codes = { I = "I", II = "II", III = "III" } }
    figo_edition = { value = "2009" }

[[source]]
name = "contacts"
files = ["contacts*"]
mode = "incremental"
required = ["number", "visit", "seen"]

  [[source.table]]
  table = "followup"
    [source.table.columns]
    patient_id = "number"
    followup_id = "visit"
    contact_date = "seen"
    followup_source = { value = "visit" }
    is_alive = { from = "state", codes = { alive = true, dead = false } }
    disease_status = { value = "ned" }

[[source]]
name = "deaths"
files = ["deaths*"]
encoding = "UTF-8"
required = ["number", "died"]

  [[source.table]]
  table = "death"
    [source.table.columns]
    patient_id = "number"
    death_date = "died"
    death_cause = { value = "cancer" }
"""
PATIENT_HEADER = "number,born,sex,region,diagnosed,histology,stage"
CONTACT_HEADER = "number,visit,seen,state"
N_PATIENTS = 12


def quick_home(root: Path, **refresh: str) -> Home:
    """A home without facilities that refreshes quickly; ``refresh`` are further TOML values of that section."""
    home = make_home(root)
    further = "\n".join(f"{name} = {value}" for name, value in refresh.items())
    home.settings_file.write_text(QUICK_SETTINGS.format(refresh=further), encoding="utf-8")
    return home


def small_home(root: Path, **refresh: str) -> Home:
    """The same with the tiny hospital and an empty inbox."""
    home = quick_home(root, **refresh)
    (home.facilities / f"{HOSPITAL}.toml").write_text(HOSPITAL_MAPPING, encoding="utf-8")
    (home.inbox / HOSPITAL).mkdir(exist_ok=True)
    return home


def let_analysts_in(home: Home) -> None:
    """Let the next release of a home with these settings have a database for analysts too."""
    settings = home.settings_file.read_text(encoding="utf-8")
    home.settings_file.write_text(
        settings.replace("is_written = false", "is_written = true"), encoding="utf-8"
    )


def send(home: Home, name: str, content: str | bytes) -> Path:
    """Put a file into the tiny hospital's inbox."""
    path = home.inbox / HOSPITAL / name
    path.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)
    return path


def patient_row(number: int, **changed: str) -> str:
    """One line of a patients file; cells by header, quoted where need be."""
    cells = {
        "number": f"K{number:04d}",
        "born": f"{1950 + number % 30}-03-14",
        "sex": "female",
        "region": f"District {number}",
        "diagnosed": f"2015-{number % 12 + 1:02d}-10",
        "histology": f"squamous cell carcinoma {number}",
        "stage": ("I", "II", "III")[number % 3],
    } | changed
    return ",".join(quoted(cells[name]) for name in PATIENT_HEADER.split(","))


def quoted(text: str) -> str:
    """A CSV cell."""
    return '"' + text.replace('"', '""') + '"' if set(text) & set(',"\r\n') else text


def patients_csv(rows: Iterable[str]) -> str:
    """A patients file of these lines."""
    return "\n".join([PATIENT_HEADER, *rows]) + "\n"


def good_files(n: int = N_PATIENTS) -> dict[str, str]:
    """Names and texts of a submission without any mistake: every third patient has died."""
    visits = [
        f"K{number:04d},V{number:04d}-{year},{year}-06-{number % 28 + 1:02d},alive"
        for number in range(n)
        for year in ((2017, 2019) if number % 3 else (2017,))
    ]
    deaths = [f"K{number:04d},2018-0{number % 9 + 1}-20" for number in range(0, n, 3)]
    return {
        "patients_1.csv": patients_csv(patient_row(number) for number in range(n)),
        "contacts_1.csv": "\n".join([CONTACT_HEADER, *visits]) + "\n",
        "deaths_1.csv": "\n".join(["number,died", *deaths]) + "\n",
    }


def send_all(home: Home, files: Mapping[str, str | bytes]) -> None:
    """Put files into the tiny hospital's inbox."""
    for name, content in files.items():
        send(home, name, content)


def quick_demo_settings(**refresh: str) -> str:
    """The demonstration's settings, without bootstrap; ``refresh`` are further TOML values."""
    lines = "".join(f"{name} = {value}\n" for name, value in refresh.items())
    quick = re.sub(r"bootstrap_replicates = \d+", "bootstrap_replicates = 0", demo_settings())
    return quick.replace("[refresh]\n", f"[refresh]\n{lines}")


def registry(home: Home, *arguments: str, timeout: float = 300) -> subprocess.CompletedProcess[str]:
    """The ``registry`` command in a process of its own."""
    return subprocess.run(
        [*COMMAND, "--home", str(home.root), *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        env={**os.environ, "COLUMNS": "200"},
    )


def command(home: Home, *arguments: str) -> tuple[int, str]:
    """The ``registry`` command in this process: exit code, and all that it prints.

    It starts no second process, which takes longer to start than it saves on so small a home.
    """
    output = io.StringIO()
    with (
        contextlib.redirect_stderr(output),
        contextlib.redirect_stdout(output),
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr("registry_pipeline.core.helper_process.has_second_core", lambda: False)
        code = run(program, ["--home", str(home.root), *arguments])
    return code, output.getvalue()


def assert_one_line(told: str) -> None:
    """What a user is told on failure: one line, no traceback."""
    lines = [line for line in told.splitlines() if not line.startswith("  ")]
    assert len(lines) == 1, told
    assert lines[0].startswith("registry: ")
    assert "Traceback" not in told


def ask(home: Home, query: str, release_id: str | None = None) -> pl.DataFrame:
    """The answer of a release (the served one by default)."""
    with _opened(home, release_id) as release:
        return release.execute(query).pl()


def waive_errors(home: Home, of: str = "true") -> None:
    """A steward waives every open error of the newest release, or those that a condition chooses."""
    open_errors = f"SELECT * FROM quality.finding WHERE severity = 'error' AND status = 'open' AND {of}"
    decide(home, ask(home, open_errors), Order("waived", "as the hospital says", "A. Steward"))


def _opened(home: Home, release_id: str | None) -> duckdb.DuckDBPyConnection:
    folder = home.current if release_id is None else home.releases / release_id
    return duckdb.connect(str(folder / "registry.duckdb"), read_only=True)


def tables(
    home: Home, layers: Sequence[str], release_id: str | None = None, leave_out: Sequence[str] = ()
) -> dict[str, pl.DataFrame]:
    """Every table of some layers of a release, its rows in order of their values."""
    with _opened(home, release_id) as release:
        names = release.execute(
            "SELECT table_schema || '.' || table_name, list(column_name ORDER BY ordinal_position) "
            "FROM information_schema.columns WHERE list_contains(?, table_schema) GROUP BY ALL ORDER BY 1",
            [list(layers)],
        ).fetchall()
        found = {}
        for name, columns in names:
            wanted = ", ".join(f'"{one}"' for one in columns if one not in leave_out)
            found[name] = release.execute(f"SELECT {wanted} FROM {name} ORDER BY ALL").pl()
    return found


@contextmanager
def without_reports() -> Iterator[None]:
    """Refreshes of this process leave out the reports, which take half of a small refresh and are in no table."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("registry_pipeline.pipeline.release.write_reports", lambda *_, **__: None)
        yield


@contextmanager
def without_estimates() -> Iterator[None]:
    """The same, and without estimates: for tests that look at records and findings alone."""
    with without_reports(), pytest.MonkeyPatch.context() as patch:
        patch.setattr("registry_pipeline.pipeline.registry.analyse", lambda *_: {})
        yield


def assert_same_tables(found: Mapping[str, pl.DataFrame], expected: Mapping[str, pl.DataFrame]) -> None:
    """Both releases hold the same tables with the same rows (floats within 1e-9, relative)."""
    assert list(found) == list(expected)
    for name, frame in expected.items():
        try:
            assert_frame_equal(found[name], frame, rel_tol=1e-9, abs_tol=1e-12)
        except AssertionError as difference:
            raise AssertionError(f"{name} differs: {difference}") from None


def assert_balanced(home: Home, release_id: str | None = None) -> pl.DataFrame:
    """Every landed file has its row account, and the parts of each sum to what was read; gives the account."""
    account = ask(home, "FROM quality.row_account", release_id)
    unbalanced = account.filter(pl.sum_horizontal(*PARTS) != pl.col("n_read"))
    assert unbalanced.is_empty(), unbalanced.to_dicts()
    landed = ask(home, "SELECT submission_id, source_file FROM meta.submission", release_id)
    without = landed.join(account, on=["submission_id", "source_file"], how="anti")
    assert without.is_empty(), f"no account of {without['source_file'].to_list()}"
    return account
