"""registry.toml: what is wrong is told in one line with its line number, and what to write instead."""

from pathlib import Path

import pytest

from registry_pipeline.core.settings_file import read_settings, settings_template
from registry_pipeline.core.toml_source import ConfigurationError
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
        ('[refresh]\nmemory_limit = "lots"', 2, '"1500MB"'),
        ('[refresh]\ncron = "nonsense"', 2, '"0 3 * * *"'),
        ('[refresh]\ntimezone = "Mars/Phobos"', 2, "Asia/Shanghai"),
        ("cutpoint_mm = 15", 1, "below [study]"),
        ("[[study]]\norigin = 'omd_dx'", 1, "write [study]"),
        ("[studdy]\n", 1, "did you mean 'study'"),
        ("[rules.M01]\nthresholds = 3", 2, "{ maximum_mm = 150 }"),
        ("[rules.M01]\nseverty = 'error'", 2, "did you mean 'severity'"),
        ("[[rules]]\n", 1, "[rules.M01]"),
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
