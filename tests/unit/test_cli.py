"""The registry command: what it prints, its exit codes, and that it starts fast."""

import csv
import io
import json
import os
import shlex
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import polars as pl
import pytest

from registry_pipeline.cli import context as cli_context
from registry_pipeline.cli.main import registry
from registry_pipeline.cli.rows import print_json
from registry_pipeline.core.home import Home, make_home
from registry_pipeline.intake.landing.ledger import LandedFile, write_ledger
from registry_pipeline.operations.doctor import examine
from registry_pipeline.store.release import build_release
from registry_pipeline.store.releases import current_release
from tests.support.small_release import VERSIONS, small_release, small_tables

ROOT = Path(__file__).resolve().parents[2]
Command = Callable[..., SimpleNamespace]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Home:
    home, _ = small_release(tmp_path_factory.mktemp("cli"))
    return home


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, served: Home) -> Command:
    """Runs a command over the served home, or the one given as ``home=``."""
    monkeypatch.delenv("REGISTRY_HOME", raising=False)

    def run(*arguments: str, home: Path | None = None) -> SimpleNamespace:
        code = cli_context.run(registry, ["--home", str(home or served.root), *arguments])
        told = capsys.readouterr()
        return SimpleNamespace(code=code, out=told.out, err=told.err)

    return run


def test_init_makes_a_private_home(call: Command, tmp_path: Path) -> None:
    done = call("init", str(tmp_path / "new"))
    assert done.code == 0
    assert "registry.toml" in [one.name for one in (tmp_path / "new").iterdir()]
    assert stat.S_IMODE((tmp_path / "new" / "secrets" / "pseudonym.key").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700
    key = (tmp_path / "new" / "secrets" / "pseudonym.key").read_text()
    assert call("init", str(tmp_path / "new")).code == 0
    assert (tmp_path / "new" / "secrets" / "pseudonym.key").read_text() == key


def test_home_may_stand_before_or_after_or_in_the_environment(
    call: Command, served: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    release_id = current_release(served)
    for arguments in (["--home", str(served.root), "status"], ["status", "--home", str(served.root)]):
        assert cli_context.run(registry, arguments) == 0
        assert str(release_id) in capsys.readouterr().out
    monkeypatch.setenv("REGISTRY_HOME", str(served.root))
    assert cli_context.run(registry, ["status"]) == 0
    assert str(release_id) in capsys.readouterr().out


def test_json_has_no_number_that_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"value": float("nan"), "limits": [float("-inf"), 1.5]})
    assert capsys.readouterr().out == '{"value": null, "limits": [null, 1.5]}\n'


def test_status(call: Command, served: Home) -> None:
    done = call("status")
    assert done.code == 0
    assert "SYNTHETIC" in done.out
    assert "west" in done.out
    told = json.loads(call("status", "--json").out)
    assert told["release"][0]["release_id"] == current_release(served)
    assert told["row_account"][0]["n_read"] == 10
    assert told["open_findings"] == [
        {"facility_id": "west", "severity": "error", "n_findings": 1, "n_rules": 1},
        {"facility_id": "west", "severity": "warning", "n_findings": 1, "n_rules": 1},
    ]
    assert told["scorecard"] == []


def test_before_the_first_release(call: Command, tmp_path: Path) -> None:
    home = make_home(tmp_path / "h").root
    status = call("status", home=home)
    assert (status.code, "There is no release yet" in status.out) == (0, True)
    assert json.loads(call("status", "--json", home=home).out) == {"release": None}
    for command in (["findings"], ["sql", "SELECT 1"], ["report"]):
        done = call(*command, home=home)
        assert done.code == 2
        assert "no release yet" in done.err
        assert len(done.err.splitlines()) == 1
    assert "none" in call("releases", home=home).out


def test_wrong_configuration_is_one_line_with_the_line(call: Command, tmp_path: Path) -> None:
    absent = call("status", home=tmp_path)
    assert (absent.code, "registry init" in absent.err) == (2, True)
    home = make_home(tmp_path / "h")
    home.settings_file.write_text("[study]\ncutpoint_m = 15\n")
    done = call("refresh", home=home.root)
    assert done.code == 2
    assert "registry.toml:2: unknown key 'cutpoint_m'" in done.err
    assert len(done.err.splitlines()) == 1


@pytest.mark.parametrize("words", [("refresh", "--plain"), ("screen",)])
def test_without_a_facility_nothing_is_judged(call: Command, tmp_path: Path, words: tuple[str, ...]) -> None:
    done = call(*words, home=make_home(tmp_path / "h").root)
    assert done.code == 1
    assert "no facility has a mapping" in done.err
    assert len(done.err.splitlines()) == 1


def test_wrong_use(call: Command) -> None:
    assert call("nothing").code == 2
    assert call("findings", "--severity", "awful").code == 2
    assert call("findings", "--format", "xlsx").code == 2
    assert call("simulate", "--patients", "1", "--facilities", "2", "--out", "x").code == 2
    for option, value in (("--error-rate", "nan"), ("--last-hazard-ratio", "nan"), ("--seed", "-1")):
        assert call("simulate", "--patients", "1", option, value, "--out", "x").code == 2
    assert call("releases", "prune", "--days", "inf").code == 2
    assert call("sql", "--out", "nowhere/at/all.csv", "SELECT 1").code == 2
    assert call("releases", "show", "x").code == 2


def test_a_bug_is_one_line_and_a_private_file(
    call: Command, served: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    def bug(*_: object, **__: object) -> None:
        raise ZeroDivisionError("record of Jane Doe")

    monkeypatch.setattr("registry_pipeline.cli.query.current_release", bug)
    done = call("status")
    assert done.code == 3
    assert "Jane Doe" not in done.out + done.err
    assert "Traceback" not in done.err
    path = Path(done.err.split()[-1])
    assert path.parent == served.store / "errors"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "Jane Doe" in path.read_text()
    assert "Traceback" in call("status", "--debug").err


def test_findings_filters(call: Command) -> None:
    def ids(*arguments: str) -> list[str]:
        return [one["finding_id"] for one in json.loads(call("findings", "--json", *arguments).out)]

    assert ids() == ["F2", "F1"]
    assert ids("--status", "all") == ["F3", "F2", "F1"]
    assert ids("--status", "corrected") == ["F3"]
    assert ids("--severity", "warning") == ["F1"]
    assert ids("--rule", "V02", "--rule", "M01", "--facility", "west") == ["F2", "F1"]
    assert "F2" in call("findings").out


@pytest.mark.parametrize(
    ("option", "slip", "nearest"),
    [
        ("--rule", "V20x", "V2"),
        ("--rule", "u03", "did you mean 'U03'?"),
        ("--facility", "wets", "west"),
        ("--status", "opne", "open"),
    ],
)
def test_a_filter_that_can_match_nothing_is_a_slip(
    call: Command, option: str, slip: str, nearest: str
) -> None:
    done = call("findings", option, slip)
    assert done.code == 2
    assert done.err.count("\n") == 1
    assert f"{option}: there is no '{slip}'" in done.err
    assert nearest in done.err


def test_a_rule_is_found_in_small_letters_too(call: Command) -> None:
    assert call("rule", "u03").out == call("rule", "U03").out != ""
    assert "did you mean 'U03'?" in call("rule", "uu03").err


def test_a_landed_file_without_a_byte_has_none(call: Command, tmp_path: Path) -> None:
    home = make_home(tmp_path / "home")
    (home.facilities / "west.toml").write_text("")
    (home.landing / "west").mkdir()
    write_ledger(home, "west", [LandedFile("west", 1, 1, "west-0001-0", "a.csv", "0" * 64, 0, "2026-01-01")])
    told = call("landing", home=home.root)
    assert told.code == 0, (told.out, told.err)
    (line,) = [line.split() for line in told.out.splitlines() if "a.csv" in line]
    assert line[line.index("a.csv") + 1] == "0"


def test_json_loses_no_column_and_says_only_what_json_can_say(call: Command) -> None:
    told = call("sql", "--json", "select 1 as a, 2 as a, 'nan'::double as b").out
    assert json.loads(told, parse_constant=lambda name: pytest.fail(name)) == [{"a": 1, "a_2": 2, "b": None}]


def test_a_file_says_its_form_by_its_ending(call: Command, tmp_path: Path) -> None:
    assert call("sql", "select 1 as a", "--out", str(tmp_path / "one.json")).code == 0
    assert json.loads((tmp_path / "one.json").read_text()) == [{"a": 1}]
    done = call("sql", "select 1 as a", "--out", str(tmp_path / "one.txt"))
    assert (done.code, "csv, json, parquet" in done.err) == (2, True)
    assert not (tmp_path / "one.txt").exists()


def test_a_mistake_on_the_command_line_is_one_line(call: Command) -> None:
    done = call("findings", "--severty", "error")
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert "--severity" in done.err
    assert "registry findings --help" in done.err


def test_a_wrong_setting_of_a_rule_is_told_by_the_command_that_shows_rules(
    call: Command, served: Home
) -> None:
    before = served.settings_file.read_text()
    try:
        served.settings_file.write_text(f"{before}\n[rules.M01]\nthresholds = {{ maximum_mm = nan }}\n")
        done = call("rule", "M01")
    finally:
        served.settings_file.write_text(before)
    assert (done.code, done.err.count("\n"), "must be a number from 0" in done.err) == (2, 1, True), done.err


@pytest.mark.parametrize("form", ["csv", "json", "parquet"])
def test_a_reader_that_leaves_is_no_failure(served: Home, form: str) -> None:
    command = (
        f"registry --home '{served.root}' sql 'from range(2000000)' --format {form} | head -c 1 >/dev/null"
    )
    tested = f"PATH='{Path(sys.executable).parent}':$PATH; {command}; exit ${{PIPESTATUS[0]}}"
    assert subprocess.run(["bash", "-c", tested], check=False, stderr=subprocess.DEVNULL).returncode == 0


def test_without_an_output_nothing_breaks(served: Home) -> None:
    tested = f"'{Path(sys.executable).parent}/registry' --home '{served.root}' status --json >&-"
    assert subprocess.run(["bash", "-c", tested], check=False, stderr=subprocess.PIPE).returncode == 0


def test_a_terminal_without_the_letters_and_a_folder_that_is_gone_are_no_bug(
    served: Home, tmp_path: Path
) -> None:
    program = f"'{Path(sys.executable).parent}/registry'"
    ask = f"{program} --home '{served.root}' sql \"select '\u95ee' as a\" --format csv"
    asked = subprocess.run(
        ["bash", "-c", ask], capture_output=True, env={**os.environ, "PYTHONIOENCODING": "ascii"}, check=False
    )
    assert (asked.returncode, asked.stdout.split()) == (0, [b"a", b"\\u95ee"])
    gone = f"mkdir '{tmp_path}/gone'; cd '{tmp_path}/gone'; rmdir '{tmp_path}/gone'; {program} --home home status"
    done = subprocess.run(["bash", "-c", gone], capture_output=True, text=True, check=False)
    assert (done.returncode, "was started in is gone" in done.stderr) == (2, True), done.stderr


def test_findings_files_cannot_act(call: Command, tmp_path: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(call("findings", "--format", "csv").out)))
    assert [row["value_text"] for row in rows] == ["male", "'=1+1"]
    path = tmp_path / "findings.xlsx"
    assert call("findings", "--format", "xlsx", "--out", str(path)).code == 0
    frame = pl.read_excel(path)
    assert frame["value_text"].to_list() == ["male", "=1+1"]
    assert frame["source_row"].to_list() == [2, 3]


@pytest.mark.parametrize("value", ["INTERVAL 1 DAY", "union_value(a := 1)", "DATE 'infinity'", "DATE '20000-01-01'",
    "TIMESTAMP '294000-01-01'", "TIMESTAMPTZ '2020-01-01 00:00:00+00'", "'x'::ENUM('x')", "NULL", "{'a': INTERVAL 1 DAY}", "10::BIT",
    "'a'::BLOB", "170141183460469231731687303715884105727", "TIME '24:00:00'", "INTERVAL 300000000 DAY", "[]", "MAP {}"])  # fmt: skip
@pytest.mark.parametrize("form", ["table", "csv", "json", "parquet"])
def test_a_value_of_any_type_is_written_or_refused_in_a_line(
    call: Command, tmp_path: Path, form: str, value: str
) -> None:
    out = tmp_path / "answer"
    done = call(
        "sql", f"SELECT {value} AS v", "--format", form, *(["--out", str(out)] if form != "table" else [])
    )
    assert done.code == 0 or (done.code, done.err.count("\n"), out.exists()) == (2, 1, False), done.err


def test_sql_formats(call: Command, tmp_path: Path) -> None:
    question = "SELECT patient_id, 1.5 AS size, DATE '2020-01-02' AS day FROM curated.patient ORDER BY 1"
    assert "P1" in call("sql", question).out
    assert call("sql", question, "--format", "csv").out.splitlines() == [
        "patient_id,size,day", "P1,1.5,2020-01-02", "P2,1.5,2020-01-02",
    ]  # fmt: skip
    assert json.loads(call("sql", "--json", question).out)[0] == {
        "patient_id": "P1", "size": 1.5, "day": "2020-01-02",
    }  # fmt: skip
    path = tmp_path / "x.parquet"
    assert call("sql", question, "--format", "parquet", "--out", str(path)).code == 0
    assert pl.read_parquet(path)["patient_id"].to_list() == ["P1", "P2"]
    mixed = "SELECT true AS b, [1, 2] AS l, {'a': false, 'd': DATE '2020-01-02'} AS s, NULL::BOOLEAN AS n"
    text = call("sql", mixed, "--format", "csv").out
    assert text.splitlines()[1] == 'true,"[1, 2]","{""a"": false, ""d"": ""2020-01-02""}",'
    assert call("sql", "DESCRIBE curated.patient").code == 0
    assert call("sql", "SUMMARIZE curated.patient").code == 0


@pytest.mark.parametrize(
    "question",
    [
        "DELETE FROM curated.patient",
        "DROP TABLE curated.patient",
        "INSERT INTO curated.patient SELECT * FROM curated.patient",
        "CREATE TEMP TABLE x AS SELECT 1",
        "COPY curated.patient TO 'x.csv'",
        "ATTACH 'x.duckdb'",
        "SET memory_limit = '9GB'",
        "EXPLAIN ANALYZE DELETE FROM curated.patient",
        "SELECT * FROM read_csv('/etc/hostname')",
        "SELECT 1; DELETE FROM curated.patient",
        "SELECT * FROM curated.nothing",
        "SELEKT 1",
        "",
    ],
)
def test_sql_refuses_in_one_clear_line(question: str, call: Command) -> None:
    done = call("sql", question)
    assert done.code == 2
    assert len(done.err.splitlines()) == 1
    assert not done.out


def test_releases(call: Command, served: Home) -> None:
    release_id = str(current_release(served))
    listed = json.loads(call("releases", "--json").out)
    assert [(one["release_id"], one["is_current"]) for one in listed] == [(release_id, True)]
    assert release_id in call("releases", "list").out
    shown = json.loads(call("releases", "show", release_id, "--json").out)
    rows = {one["table_name"]: one["n_rows"] for one in shown["tables"]}
    assert rows["curated.patient"] == 2
    assert all(one["n_violated"] == 0 for one in shown["reconciliation"])
    assert "attrition_adds_up" in call("releases", "show", release_id).out


def test_an_older_release_can_be_asked(call: Command, tmp_path: Path) -> None:
    home, first = small_release(tmp_path)
    build_release(
        home, small_tables(tmp_path / "more", death="patient_id | death_date\nP1 | 2021-06-01"), VERSIONS
    )
    question = "SELECT count(*) FROM curated.death"
    assert call("sql", "--format", "csv", question, home=home.root).out.splitlines()[1] == "1"
    assert (
        call("sql", "--release", first, "--format", "csv", question, home=home.root).out.splitlines()[1]
        == "0"
    )


def test_report(call: Command, tmp_path: Path) -> None:
    home = make_home(tmp_path / "h")

    def finish(folder: Path, _: object) -> None:
        (folder / "reports").mkdir()
        (folder / "reports" / "study_report.html").write_text("x")

    build_release(home, small_tables(tmp_path / "w"), VERSIONS, finish)
    (found,) = json.loads(call("report", "--json", home=home.root).out)
    assert Path(found["report"]).read_text() == "x"
    assert call("report").code == 2


def test_simulate_writes_what_a_home_takes(call: Command, tmp_path: Path) -> None:
    done = call(
        "simulate", "--patients", "6", "--facilities", "2", "--seed", "3", "--out", str(tmp_path / "s")
    )
    assert done.code == 0
    assert "6 patients of 2 facilities" in done.out
    assert len(list((tmp_path / "s" / "facilities").glob("*.toml"))) == 2


HEAVY = (
    "asyncio",
    "dagster",
    "lifelines",
    "pandera",
    "polars",
    "pandas",
    "scipy",
    "matplotlib",
    "pyarrow",
    "schemas.table",
)


@pytest.mark.parametrize("arguments", [["--help"], ["status"], ["releases"], ["sql", "SELECT 1"]])
def test_looking_imports_nothing_heavy(arguments: list[str], served: Home) -> None:
    code = (
        "import sys\n"
        "from registry_pipeline.cli.main import registry\n"
        "from registry_pipeline.cli.context import run\n"
        "assert run(registry, sys.argv[1:]) == 0\n"
        f"heavy = sorted(set({HEAVY!r}) & set(sys.modules))\n"
        "sys.exit('imported: ' + ', '.join(heavy) if heavy else 0)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "--home", str(served.root), *arguments],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_a_command_bounds_the_threads_of_blas_before_numpy_is_loaded_and_an_import_sets_nothing() -> None:
    code = (
        "import os, sys\n"
        "before = dict(os.environ)\n"
        "from registry_pipeline.cli.main import main\n"
        "assert 'numpy' not in sys.modules\n"
        "import registry_pipeline.analysis\n"
        "assert dict(os.environ) == before\n"
        "sys.argv = ['registry', '--version']\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "assert os.environ['OPENBLAS_NUM_THREADS'] == '1'\n"
    )
    bare = {name: value for name, value in os.environ.items() if name != "OPENBLAS_NUM_THREADS"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=bare, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_a_reader_that_goes_away_is_no_failure(served: Home) -> None:
    done = subprocess.run(
        f"{sys.executable} -m registry_pipeline.cli.main --home {served.root} sql --format csv "
        "'SELECT * FROM range(1000000)' | head -1",
        shell=True, cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stdout == "range\n"
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("arguments", "folder"),
    [(["demo"], "demo_home"), (["--home", "named", "demo"], "named"), (["demo", "--home", "named"], "named"),
     (["--home", "named", "demo", "folder"], "folder")],
)  # fmt: skip
def test_the_demonstration_is_made_where_it_was_asked_for(
    monkeypatch: pytest.MonkeyPatch, arguments: list[str], folder: str
) -> None:
    """--home before it was listed as an option and not obeyed."""
    folders: list[Path] = []
    monkeypatch.setattr("registry_pipeline.pipeline.demo.run_demo", lambda home, *_: folders.append(home))
    monkeypatch.delenv("REGISTRY_HOME", raising=False)
    assert cli_context.run(registry, arguments) == 0
    assert folders == [Path(folder)]


def test_a_command_that_is_shown_works_where_the_path_of_the_home_has_blanks(tmp_path: Path) -> None:
    root = tmp_path / "a home's ö"
    result = subprocess.run(
        [sys.executable, "-m", "registry_pipeline.cli.main", "init", str(root)],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    shown = [
        line.partition("registry --home")[2]
        for line in result.stdout.splitlines()
        if "registry --home" in line
    ]
    assert len(shown) == 3
    assert all(rest.startswith(f" {shlex.quote(str(root))} ") for rest in shown)
    home = make_home(root)
    home.landing.chmod(0o755)
    (remedy,) = [one.remedy for one in examine(home) if one.message.startswith("open to others")]
    assert shlex.split(remedy) == ["chmod", "go-rwx", str(home.landing)]
