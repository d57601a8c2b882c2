"""The catalogue: complete, overridable, versioned."""

import polars as pl
import pytest

import schemas
from registry_pipeline.core.settings import Settings
from registry_pipeline.validation.records import curated
from registry_pipeline.validation.rules.catalogue import catalogue, message_of


def test_every_rule_is_listed_once_and_says_what_it_must() -> None:
    rows = catalogue().rows()
    assert len({row["rule_id"] for row in rows}) == len(rows)
    frame = pl.DataFrame(rows, infer_schema_length=None)
    schemas.tables()["quality.rule"].validate(frame.with_columns(pl.col("version").cast(pl.Int64)), lazy=True)
    for row in rows:
        assert row["category"] and row["source"] and str(row["message"]).endswith("."), row["rule_id"]
        assert "{" not in str(row["message"]) and "$" not in str(row["message"]), row["rule_id"]


def test_rules_name_tables_and_columns_that_exist() -> None:
    models = {name.split(".")[1]: model for name, model in schemas.tables().items()}
    for entry in catalogue().entries.values():
        if entry.table_name is not None:
            assert entry.table_name in models, entry.rule_id
            assert set(entry.items) <= set(models[entry.table_name].columns), entry.rule_id


def test_the_catalogue_covers_the_plan() -> None:
    """The rules of the published catalogue that our tables can carry."""
    planned = {
        "S": [1, 2, 3, 5, 9, 10, 11, 12, 13],
        "V": range(1, 25),
        "E": range(1, 13),
        "L": range(1, 8),
        "M": range(1, 12),
        "T": range(1, 12),
        "Y": range(1, 3),
        "U": range(1, 9),
        "X": range(1, 3),
        "H": range(1, 4),
        "G": range(1, 11),
    }
    wanted = {f"{letter}{number:02d}" for letter, numbers in planned.items() for number in numbers}
    assert wanted <= set(catalogue().entries), sorted(wanted - set(catalogue().entries))


def test_eligibility_never_quarantines() -> None:
    entries = catalogue().entries
    assert {entries[name].severity for name in ("E03", "E04", "E05", "T03")} == {"info"}


def test_the_version_changes_with_severity_threshold_and_parameter_only() -> None:
    version = catalogue().rule_set_version
    assert catalogue().rule_set_version == version
    changes = (
        {"M01": {"severity": "warning"}},
        {"M01": {"severity": "off"}},
        {"M01": {"thresholds": {"maximum_mm": 150.0}}},
    )
    assert len({version, *(catalogue(Settings(rules=one)).rule_set_version for one in changes)}) == 4


def test_rules_that_are_off_are_not_published() -> None:
    off = catalogue(Settings(rules={"M01": {"severity": "off"}}))
    assert "M01" not in {row["rule_id"] for row in off.rows()}


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        ({"M99": {"severity": "off"}}, "rules.M99"),
        ({"M01": {"severity": "fatal"}}, "rules.M01.severity"),
        ({"M01": {"thresholds": {"maximum": 3}}}, "maximum_mm"),
    ],
)
def test_wrong_overrides_are_refused_by_name(overrides: dict[str, dict[str, object]], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        catalogue().overridden(overrides)


def test_messages_show_thresholds_in_force() -> None:
    changed = catalogue().overridden({"M01": {"thresholds": {"maximum_mm": 150.0}}})
    assert "150 mm" in message_of(changed.entries["M01"])


def test_parents_come_before_children() -> None:
    order = list(curated())
    assert (
        order.index("patient")
        < order.index("omd_episode")
        < order.index("lesion")
        < order.index("measurement")
    )
