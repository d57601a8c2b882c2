"""registry.toml: what is wrong is told in one line with its line number, and what to write instead."""

import json
from itertools import product
from pathlib import Path

import pytest
from dagster._utils.schedules import is_valid_cron_schedule, schedule_execution_time_iterator

from registry_pipeline.core.home import is_facility_id
from registry_pipeline.core.settings_file import read_settings, settings_template
from registry_pipeline.core.toml_source import ConfigurationError
from registry_pipeline.intake.mapping.facility import read_facility
from registry_pipeline.validation.rules.catalogue import OverrideError, catalogue


def settings_of(folder: Path, text: str):  # type: ignore[no-untyped-def]
    path = folder / "registry.toml"
    path.write_text(text, encoding="utf-8")
    return read_settings(path)


def test_the_template_is_valid_and_says_the_defaults(tmp_path: Path) -> None:
    text = settings_template()
    bare = settings_of(tmp_path, text)
    keys = [line[2:] if line.startswith("# ") and " = " in line else line for line in text.splitlines()]
    said = settings_of(
        tmp_path, "\n".join(one for one in keys if not one.startswith(("extract_date", "severity")))
    )
    assert bare == said == settings_of(tmp_path, "")


@pytest.mark.parametrize(
    ("text", "line", "told"),
    [
        ('[study]\nmultivariable = ["agee"]', 2, "age_years"),
        ("[study]\ncutpoint_mm = nan", 2, "finite"),
        ("[study]\ncutpoint_mm = -1", 2, "at least 0"),
        ("[study]\n\nlandmark_months = [-12]", 3, "at least 1"),
        ("[study]\nlandmark_months = 12", 2, "[12, 24, 36, 60]"),
        ("[study]\nwindow_end = 2001-01-01", 2, "before 'window_start'"),
        ("[study]\ncutpoint = 15", 2, "did you mean 'cutpoint_mm'"),
        ("[refresh]\nextract_date = 1999-01-01", 2, "nobody could be observed"),
        ('[refresh]\nmemory_limit = "lots"', 2, '"4GB"'),
        ('[refresh]\ncron = "nonsense"', 2, '"0 3 * * *"'),
        ('[refresh]\ncron = "@daily"', 2, '"0 3 * * *"'),
        ('[refresh]\nmemory_limit = "0GB"', 2, '"1GB"'),
        ('[refresh]\nmemory_limit = "999.9 MB"', 2, '"1GB"'),
        (f"[study]\n\ncutpoint_mm = {'9' * 100_000}", 3, "too long"),
        ("[study]\ncutpoint_mm = " + "1e999", 2, "finite"),
        ('[refresh]\ntimezone = "Mars/Phobos"', 2, "Asia/Shanghai"),
        ("cutpoint_mm = 15", 1, "below [study]"),
        ("[[study]]\norigin = 'omd_dx'", 1, "write [study]"),
        ("[studdy]\n", 1, "did you mean 'study'"),
        ("[rules.M01]\nthresholds = 3", 2, "{ maximum_mm = 150 }"),
        ("[rules.M01]\nseverty = 'error'", 2, "did you mean 'severity'"),
        ("[[rules]]\n", 1, "[rules.M01]"),
        ('[execution]\nengine = "celary"', 2, "embedded, celery"),
        ('[execution]\nengine = "celery"', 2, "needs 'broker'"),
        ('[execution]\nengine = "celery"\nbroker = "redis://db/0"', 2, "needs 'backend'"),
        ('[execution]\nbackend = "rpc://"', 2, "never rpc://"),
        ('[execution]\nbackend = "db+sqlite:///results.db"', 2, "db+postgresql+psycopg2://"),
        ('[execution]\nbroker = "amqp://registry:secret@broker//"', 2, "${BROKER_PASSWORD}"),
        ('[execution]\nbroker = "amqp://registry:${x}y@broker//"', 2, "${BROKER_PASSWORD}"),
        ('[execution]\nbroker = "sqs://queue"', 2, "amqp://"),
        ('[execution]\nbroker = "amqp://broker:port//"', 2, "amqp://"),
        ("[execution]\nworkers = 0", 2, "at least 1"),
        ("[execution]\nlease_seconds = 1", 2, "at least 5"),
        ("workers = 4", 1, "below [execution]"),
    ],
)
def test_a_mistake_is_told_with_its_line(tmp_path: Path, text: str, line: int, told: str) -> None:
    with pytest.raises(ConfigurationError) as problem:
        settings_of(tmp_path, text)
    assert problem.value.line == line
    assert told in str(problem.value)
    assert "\n" not in str(problem.value)


@pytest.mark.parametrize(
    ("text", "keys", "told"),
    [
        ("[rules.V1]\nseverity = 'off'", ("rules", "V1"), "no such rule; did you mean 'V"),
        (
            "[rules.M01]\nthresholds = { maximum = 3 }",
            ("rules", "M01", "thresholds", "maximum"),
            "maximum_mm",
        ),
        (
            "[rules.M01]\nthresholds = { maximum_mm = 'a' }",
            ("rules", "M01", "thresholds", "maximum_mm"),
            "wrong type",
        ),
    ],
)
def test_a_rule_can_only_be_set_to_what_it_has(
    tmp_path: Path, text: str, keys: tuple[str, ...], told: str
) -> None:
    with pytest.raises(OverrideError) as problem:
        catalogue(settings_of(tmp_path, text))
    assert problem.value.keys == keys
    assert told in str(problem.value)


@pytest.mark.parametrize(
    "text", ["a = " + "[" * 5000 + "]" * 5000, "a = " + "{b = " * 5000, "a" + ".a" * 5000 + " = 1"]
)
def test_a_file_that_is_nested_too_deeply_is_told_in_one_line(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigurationError) as problem:
        settings_of(tmp_path, text)
    assert len(str(problem.value)) < 500


FIELDS = (("0", "59", "60", "*/0", "*/15", "5,10-20", "1-"), ("3", "23", "24", "*/70"), ("1", "30", "31", "32", "L", "?"),
          ("*", "2", "feb", "4,6", "13", "0"), ("*", "7", "8", "sun", "mon-fri", "xyz", "1#2"))  # fmt: skip


@pytest.mark.parametrize("cron", [" ".join(fields) for fields in product(*FIELDS)][::31])
def test_a_schedule_that_is_accepted_can_be_and_is_accepted_by_its_consumer(
    tmp_path: Path, cron: str
) -> None:
    try:
        settings_of(tmp_path, f'[refresh]\ncron = "{cron}"')
    except ConfigurationError as problem:
        assert problem.line == 2
        return
    assert is_valid_cron_schedule(cron)
    next(schedule_execution_time_iterator(1e9, cron, "Europe/Berlin"))


@pytest.mark.parametrize(
    "cron", ["0 3 * * *", "30 2 * * *", "0 3 * * 7", "*/15 8-18 1,15 jan-mar mon-fri", "0 3 29 2 *"]
)
def test_a_schedule_that_comes_is_accepted(tmp_path: Path, cron: str) -> None:
    assert settings_of(tmp_path, f'[refresh]\ncron = "{cron}"').refresh.cron == cron


@pytest.mark.parametrize("facility_id", ["registry", "West", "west hospital", "", "a" * 64, "west\n", "é"])
def test_a_facility_that_cannot_be_called_so_is_refused(tmp_path: Path, facility_id: str) -> None:
    assert not is_facility_id(facility_id)
    path = tmp_path / f"{facility_id.strip() or 'x'}.toml"
    path.write_text(f"id = {json.dumps(facility_id)}\n", encoding="utf-8")
    with pytest.raises(
        ConfigurationError, match=r"must equal the file.s name|rename the file|must be a text"
    ):
        read_facility(path)


def test_where_a_refresh_runs_stands_in_no_release_and_changes_no_hash(tmp_path: Path) -> None:
    workers = settings_of(
        tmp_path,
        '[execution]\nengine = "celery"\nbroker = "amqp://registry:${BROKER_PASSWORD}@broker.example.org:5672//"\n'
        'backend = "db+postgresql+psycopg2://registry:${PG_PASSWORD}@db.example.org/dagster"\nworkers = 6\n',
    )
    assert workers.execution.workers == 6
    assert workers.digest() == settings_of(tmp_path, "").digest()
    assert "broker" not in json.dumps(workers.parameter_rows())
