"""Severity and thresholds are settings: they judge anew and read nothing anew."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from registry_pipeline.core.home import Home
from registry_pipeline.core.settings_file import read_settings
from registry_pipeline.core.toml_source import ConfigurationError
from registry_pipeline.intake.landing.land import land_inbox
from registry_pipeline.intake.mapping.facility import read_facility
from registry_pipeline.pipeline import screening, staging
from registry_pipeline.pipeline.context import read_context
from registry_pipeline.pipeline.step import read_note
from registry_pipeline.pipeline.step_keys import facility_catalogue
from registry_pipeline.validation.rules.catalogue import catalogue
from tests.support.registry_home import HOSPITAL, PATIENT_HEADER, patient_row, send, small_home
from tests.support.staged import screen, staged_of

_DAY = date(2018, 1, 1)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """A hospital that sent three women, one of them male and one 70 years old at diagnosis."""
    made = small_home(tmp_path / "home")
    rows = [patient_row(1), patient_row(2, sex="male"), patient_row(3, born="1944-03-14")]
    send(made, "patients_1.csv", "\n".join([PATIENT_HEADER, *rows]) + "\n")
    land_inbox(made, made.settings())
    yield made


def _done(home: Home) -> tuple[str, str, dict[str, list[str]]]:
    """Fingerprints of staging and screening, severities by rule."""
    context = read_context(home)
    staging.stage(context, HOSPITAL)
    screening.screen(context, HOSPITAL)
    notes = [read_note(home.store / layer / HOSPITAL) for layer in ("staged", "screened")]
    marks = [note["fingerprint"] for note in notes if note]
    found = pl.read_parquet(home.store / "screened" / HOSPITAL / "_findings.parquet")
    chosen = found.filter(pl.col("rule_id").is_in(["V02", "V03"])).sort("rule_id")
    severities: dict[str, list[str]] = {}
    for rule_id, severity in chosen.select("rule_id", "severity").iter_rows():
        severities.setdefault(rule_id, []).append(severity)
    return marks[0], marks[1], severities


def _append(path: Path, text: str) -> None:
    path.write_text(path.read_text(encoding="utf-8") + text, encoding="utf-8")


def _prepend(path: Path, text: str) -> None:
    path.write_text(text + path.read_text(encoding="utf-8"), encoding="utf-8")


@pytest.mark.parametrize("where", ["registry", "facility"])
def test_a_change_judges_anew_and_reads_nothing_anew(
    home: Home, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    staged, screened, severities = _done(home)
    assert severities == {"V02": ["error"]}
    monkeypatch.setattr(staging, "stage_facility", _must_not_run)
    path = home.settings_file if where == "registry" else home.facilities / f"{HOSPITAL}.toml"
    text = '[rules.V02]\nseverity = "warning"\n[rules.V03.thresholds]\nusual_maximum_years = 65\n'
    _append(path, "\n" + text)
    again, judged, severities = _done(home)
    assert again == staged and judged != screened
    assert severities == {"V02": ["warning"], "V03": ["warning"]}


def _must_not_run(*_: object, **__: object) -> None:
    raise AssertionError("the facility's files were read again")


def test_the_language_changes_nothing_that_is_judged(home: Home) -> None:
    before = _done(home)[:2]
    _prepend(home.facilities / f"{HOSPITAL}.toml", 'language = "zh"\n')
    assert _done(home)[:2] == before
    assert read_facility(home.facilities / f"{HOSPITAL}.toml").language == "zh_CN"


def test_another_column_is_read_again(home: Home) -> None:
    staged = _done(home)[0]
    path = home.facilities / f"{HOSPITAL}.toml"
    path.write_text(
        path.read_text(encoding="utf-8").replace('value = "C53.9"', 'value = "C53.0"'), encoding="utf-8"
    )
    assert _done(home)[0] != staged


def test_an_unknown_language_is_refused(home: Home) -> None:
    _prepend(home.facilities / f"{HOSPITAL}.toml", 'language = "klingon"\n')
    with pytest.raises(ConfigurationError, match="known: en, zh_CN"):
        read_facility(home.facilities / f"{HOSPITAL}.toml")


def test_a_registry_rule_is_refused_in_a_facility(home: Home) -> None:
    _append(home.facilities / f"{HOSPITAL}.toml", '\n[rules.G08]\nseverity = "off"\n')
    with pytest.raises(ConfigurationError, match=r"G08.*registry\.toml"):
        facility_catalogue(read_context(home), HOSPITAL)


def test_the_softer_step_has_a_severity_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "registry.toml"
    told = {"error": ["error"], "warning": ["warning"], "info": ["info"], "off": []}
    patients = [{"patient_id": "P1", "sex": "U", "birth_date": date(1960, 1, 1)}]
    for level, wanted in told.items():
        path.write_text(f'[rules.V02]\nsofter_severity = "{level}"\n', encoding="utf-8")
        done = screen(staged_of({"patient": patients}), catalogue(read_settings(path)))
        assert done.findings.filter(pl.col("rule_id") == "V02")["severity"].to_list() == wanted, level


def test_the_softer_step_of_an_sql_rule_too() -> None:
    tables: dict[str, list[dict[str, object]]] = {
        "patient": [{"patient_id": "P1", "sex": "F"}],
        "event": [
            {"event_id": "V1", "patient_id": "P1", "event_type": "local_recurrence", "event_date": _DAY}
        ],
    }
    for level, wanted in (("error", ["error"]), ("info", ["info"]), ("off", [])):
        rules = catalogue().overridden({"U04": {"softer_severity": level}})
        done = screen(staged_of(tables), rules)
        assert done.findings.filter(pl.col("rule_id") == "U04")["severity"].to_list() == wanted, level


def test_it_never_becomes_graver_than_the_rule() -> None:
    rules = catalogue().overridden({"V02": {"severity": "info", "softer_severity": "error"}})
    assert rules.entries["V02"].warning_severity == "info"


def test_the_version_of_the_rules_knows_of_it() -> None:
    changed = catalogue().overridden({"V02": {"softer_severity": "error"}})
    assert changed.rule_set_version != catalogue().rule_set_version


def test_mistakes_are_named(tmp_path: Path) -> None:
    path = tmp_path / "registry.toml"
    path.write_text('[rules.V02]\nsofter_severity = "mild"\n', encoding="utf-8")
    with pytest.raises(ConfigurationError, match="softer_severity must be"):
        read_settings(path)
    with pytest.raises(ValueError, match=r"V02\.softer_severity"):
        catalogue().overridden({"V02": {"softer_severity": "mild"}})
