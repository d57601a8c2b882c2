"""Every text that can reach a facility stands in every language, with the same places.

What the SQL rules say of their own failing examples is looked up in ``tests/sql``, where the examples run.
"""

import re

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry_pipeline.core.settings import Settings
from registry_pipeline.stewardship.findings import UnknownFilter, translate
from registry_pipeline.validation.registry_wide.persons import FACILITIES_DIFFER
from registry_pipeline.validation.rules.catalogue import Catalogue, catalogue, message_of, written_messages
from registry_pipeline.validation.rules.translations import (
    in_language,
    rule_message_rows,
    translated_message,
    translated_suggestion,
)
from registry_pipeline.validation.screening.staged_issues import FIRST_COUNTS, SAME_KEY
from registry_pipeline.validation.screening.systemic import CAUSE, SAMPLED
from schemas.messages import AN_ITEM, ENGLISH, fill, languages, messages, places, sentence, supported_language
from schemas.reasons import REASONS
from tests.support.message_sources import intake_texts, skeleton

OTHERS = [one for one in languages() if one != ENGLISH]
DETAILS = (
    SAME_KEY,
    FIRST_COUNTS,
    "two systems differ by 1462 days: one of them counts days from 1904",
    CAUSE,
    SAMPLED,
    "no source takes this file",
)
SHOWN = {  # what the SQL rules can say, once with values in it
    "no record in patient": "patient 中没有该记录",
    "2 of 3 episodes are marked": "3 个病程中标记了 2 个",
    "none stated, 2 sent": "所述 未填 个，已上报 2 个",
    "before: birth, lesion": "此前：出生、病灶",
    FACILITIES_DIFFER.format(
        "north", "a.csv, row 2", "south", "b.csv, row 3"
    ): "两家机构不一致：north：a.csv, row 2；south：b.csv, row 3",
    "before: 12.0 mm": "此前：12.0 mm",
    "94.1 % complete, 95 % agreed, 99.0 % in the last release": "完整率 94.1 %，约定 95 %，上一版 99.0 %",
    "6.0 mm, then 24.0 mm after 21 days": "先为 6.0 mm，21 天后为 24.0 mm",
    "14.0 mm, if the value is in cm": "14.0 mm（如果该值以 cm 为单位）",
    "map 'Born' instead, if that is its new name": "如果“Born”是其新名称，请改为映射它",
    "more than 1,000,000 rows; split the export": "超过 1,000,000 行；请拆分导出",
}


@pytest.mark.parametrize("language", OTHERS)
def test_every_rule_is_translated_with_the_same_places(language: str) -> None:
    told = messages(language).rules
    written = written_messages()
    assert set(told) == set(written), f"rules without a translation: {sorted(set(written) - set(told))}"
    for rule_id, english in written.items():
        assert places(told[rule_id]["message"]) == places(english), rule_id
        assert told[rule_id]["message"] != english, rule_id


@pytest.mark.parametrize("language", OTHERS)
def test_suggestions_in_words_are_translated(language: str) -> None:
    for rule_id, entry in catalogue().entries.items():
        if entry.suggestion is not None and " " in entry.suggestion:
            assert "suggestion" in messages(language).rules[rule_id], rule_id


@pytest.mark.parametrize("language", OTHERS)
def test_sentences_keep_their_places(language: str) -> None:
    for english, other in messages(language).sentences.items():
        assert places(other) == places(english), english


@pytest.mark.parametrize("language", OTHERS)
def test_reasons_and_details_are_translated(language: str) -> None:
    missing = [text for text in (*REASONS.values(), *DETAILS) if text not in messages(language).sentences]
    assert missing == []


@pytest.mark.parametrize("language", OTHERS)
def test_what_reading_says_is_translated(language: str) -> None:
    known = {skeleton(one) for one in messages(language).sentences}
    found = intake_texts()
    assert len(found) > 40, "the search for texts in the source finds too little to be right"
    missing = {text: place for text, place in found.items() if text not in known}
    assert missing == {}, f"add these to schemas/messages/{language}.toml"


def test_a_detail_is_found_with_its_values() -> None:
    told = messages("zh_CN")
    assert {text: sentence(text, told) for text in SHOWN} == SHOWN
    assert sentence("a remark of somebody", told) is None


def test_a_message_with_thresholds_detail_and_common_cause() -> None:
    message = message_of(catalogue().entries["M01"])
    assert translated_message("M01", message, "en") == message
    assert translated_message("M01", message, "zh_CN").startswith("直径必须在 1 至 200 mm 之间")
    changed = catalogue(Settings(rules={"M01": {"thresholds": {"maximum_mm": 150.0}}})).entries["M01"]
    assert "1 至 150 mm" in translated_message("M01", message_of(changed), "zh_CN")
    cause = fill(CAUSE, {"n_broken": "60", "n_rows": "80"})
    column = message_of(catalogue().entries["S05"], "sex")
    made = translated_message("S05", f"{cause} {column} (not in the code list or the mapping)", "zh_CN")
    assert made.startswith("该文件 80 行中有 60 行违反此规则") and "“sex”的值不在代码表中" in made
    assert made.endswith("（不在代码表或映射中）")


@pytest.mark.parametrize("language", languages())
def test_a_rule_that_is_shown_without_a_column_quotes_none(language: str) -> None:
    named = [entry for entry in catalogue().entries.values() if "{column}" in entry.message]
    assert len(named) > 20
    for entry in named:
        english = message_of(entry)
        shown = translated_message(entry.rule_id, english, language)
        assert re.search(r"(?<![a-z])'|“|\{|a column", shown) is None, shown
        assert (shown == english) == (language == ENGLISH), f"{entry.rule_id} stays English"


@pytest.mark.parametrize("language", languages())
@given(column=st.text(min_size=1, max_size=40), detail=st.sampled_from([*DETAILS, *SHOWN]))
@settings(max_examples=25)
def test_a_column_that_is_known_is_named(language: str, column: str, detail: str) -> None:
    """Whatever it is called: files bring names with quotes, brackets and line ends."""
    left, right = ("'", "'") if language == ENGLISH else ("“", "”")
    for entry in catalogue().entries.values():
        if "{column}" in entry.message:
            message = f"{message_of(entry, column)} ({detail})"
            shown = translated_message.__wrapped__(entry.rule_id, message, language)
            assert f"{left}{column}{right}" in shown, (entry.rule_id, shown)
            assert language == ENGLISH or shown != message, f"{entry.rule_id} stays English: {shown}"
            assert nameless(language) not in shown.replace(column, "").lower(), (entry.rule_id, shown)


def nameless(language: str) -> str:
    """What stands for a column whose name is not known."""
    return AN_ITEM if language == ENGLISH else messages(language).terms[AN_ITEM]


def test_words_for_a_column_that_is_not_known() -> None:
    shown = {
        rule: message_of(catalogue().entries[rule]).split(".")[0] for rule in ("S02", "S10", "S14", "G12")
    }
    assert shown["S02"] == "The columns of the file are not those of the mapping"
    assert shown["S10"].startswith("The date is required and missing")
    assert shown["S14"].startswith("An item is required and missing")
    assert "no value of an item any more" in shown["G12"]
    chinese = translated_message(
        "S05", f"{message_of(catalogue().entries['S05'])} (no source takes this file)", "zh_CN"
    )
    assert chinese.startswith("某项的值不在代码表中") and chinese.endswith("）")


def test_what_has_no_translation_stays_as_it_is() -> None:
    assert translated_message("Z99", "Something else.", "zh_CN") == "Something else."
    message = message_of(catalogue().entries["M02"])
    assert translated_message("M02", f"{message} (unheard of)", "zh_CN").endswith("（unheard of）")
    assert translated_suggestion("V17", "IVB", "zh_CN") == "IVB"
    assert translated_suggestion("M01", None, "zh_CN") is None


def test_findings_as_a_frame() -> None:
    frame = pl.DataFrame(
        {
            "rule_id": ["V02", "S02"],
            "message": [
                message_of(catalogue().entries["V02"]),
                message_of(catalogue().entries["S02"], "born"),
            ],
            "suggestion": ["F", "map or ignore it"],
        }
    )
    assert in_language(frame, "en").equals(frame)
    made = in_language(frame, "zh_CN")
    assert made["suggestion"].to_list() == ["F", "请映射或忽略该列"]
    assert "“born”" in made["message"][1]


def test_names_of_languages() -> None:
    assert supported_language("zh") == "zh_CN" and supported_language("EN") == "en"
    with pytest.raises(ValueError, match="known: en, zh_CN"):
        supported_language("tlh")


def test_the_release_publishes_every_rule_in_every_language() -> None:
    rows = rule_message_rows(catalogue())
    assert len(rows) == len(catalogue().rows()) * len(languages())
    assert all("{" not in str(row["message"]) for row in rows)
    off = Catalogue(catalogue(Settings(rules={"M01": {"severity": "off"}})).entries)
    assert "M01" not in {row["rule_id"] for row in rule_message_rows(off)}


def test_findings_are_shown_in_every_language() -> None:
    words = {"rule_id": "V02", "suggestion": "F", "message": message_of(catalogue().entries["V02"])}
    findings = pl.DataFrame([words])
    assert translate(findings, "en").equals(findings)
    assert translate(findings, "zh")["message"][0] == messages("zh_CN").rules["V02"]["message"]
    with pytest.raises(UnknownFilter, match="known: en, zh_CN"):
        translate(findings, "tlh")
