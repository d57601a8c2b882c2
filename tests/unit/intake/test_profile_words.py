"""Headers taken apart: spellings of one name, units, days, what is only part of a name."""

import pytest

from registry_pipeline.intake.profiling.lexicon import lexicon
from registry_pipeline.intake.profiling.words import name_score, names_person, read_header, without_word
from schemas import tables_of
from schemas.table import columns_of


@pytest.mark.parametrize(
    ("header", "stem", "unit", "is_days"),
    [
        ("date_of_birth", ("birth",), None, False),
        ("DateOfBirth", ("birth",), None, False),
        ("BirthDate", ("birth",), None, False),
        ("birthdate", ("birth",), None, False),
        ("Geburtsdatum", ("geburt",), None, False),
        ("出生日期", ("出", "生"), None, False),
        ("出生 日期", ("出", "生"), None, False),
        ("days_to_death", ("death",), None, True),
        ("death_days_to", ("death",), None, True),
        ("肿瘤最大径(cm)", ("肿", "瘤", "最", "大", "径"), "cm", False),
        ("肿瘤最大径（ＣＭ）", ("肿", "瘤", "最", "大", "径"), "cm", False),
        ("DosePerFraction_cGy", ("dose", "per", "fraction"), "cGy", False),
        ("Gesamtdosis [Gy]", ("gesamtdosis",), "Gy", False),
        ("Durée (mm)", ("duree",), "mm", False),
        ("size__2", ("size",), None, False),
        ("", (), None, False),
        ("日期", (), None, False),
    ],
)
def test_header(header: str, stem: tuple[str, ...], unit: str | None, is_days: bool) -> None:
    read = read_header(header)
    assert (read.stem, read.unit, read.is_days) == (stem, unit, is_days)


@pytest.mark.parametrize(
    ("header", "names", "least", "most"),
    [
        ("vital_status", ("vital status",), 1.0, 1.0),
        ("VitalStatus", ("vital status",), 1.0, 1.0),
        ("status vital", ("vital status",), 0.95, 0.95),
        ("Stades", ("stade",), 1.0, 1.0),
        ("bcr_patient_barcode", ("patient barcode",), 0.55, 0.65),
        ("tobacco_smoking_age_started", ("age",), 0.0, 0.0),
        ("诊断年龄(岁)", ("诊断年龄",), 1.0, 1.0),
        ("转移确诊日期", ("确诊日期",), 0.55, 0.65),
        ("other", ("vital status",), 0.0, 0.0),
    ],
)
def test_name_score(header: str, names: tuple[str, ...], least: float, most: float) -> None:
    assert least - 1e-9 <= name_score(read_header(header), names) <= most + 1e-9


def test_a_part_of_a_date_is_no_date_of_the_whole() -> None:
    assert name_score(read_header("转移确诊日期"), ("确诊",), is_date=True) == 0.0
    assert name_score(read_header("转移确诊日期"), ("转移确诊",), is_date=True) == 1.0


def test_a_repeated_column_counts_less_than_the_first() -> None:
    assert name_score(read_header("sex__2"), ("sex",)) < name_score(read_header("sex"), ("sex",))


@pytest.mark.parametrize(
    "header", ["姓名", "患者姓名", "Vorname", "LAST_NAME", "phone", "身份证号", "主治医师", "nom"]
)
def test_headers_that_tell_who_a_person_is(header: str) -> None:
    assert names_person(read_header(header))


@pytest.mark.parametrize("header", ["drug_name", "性别", "plan name", "stage", "source"])
def test_headers_that_do_not(header: str) -> None:
    assert not names_person(read_header(header))


def test_without_word() -> None:
    assert without_word("lesion status", "lesion") == "status"
    assert without_word("lesion", "lesion") == ""
    assert without_word("vital status", "lesion") == ""


def test_the_lexicon_speaks_of_columns_that_exist() -> None:
    known = {
        name.split(".")[1]: {one.name for one in columns_of(model)}
        for name, model in tables_of("curated").items()
    }
    records = {one.name for one in lexicon().records}
    for record in lexicon().records:
        assert set(record.items) | set(record.constants) <= known[record.table], record.name
        assert set(record.rivals) <= records, record.name
        named = {*record.items, *lexicon().ids, "@file", *(f"@{name}" for name in records)}
        assert all(set(group) <= named for group in record.needs), record.name
        assert record.where is None or record.where in record.items, record.name
    for rule in lexicon().derived:
        assert rule.item in known[rule.table]


def test_the_lexicon_translates_to_codes_that_exist() -> None:
    from schemas.codes import CODE_LISTS

    for name, words in lexicon().codes.items():
        assert set(words) - {"strip", "roman"} <= set(CODE_LISTS[name].codes), name


def test_no_word_of_a_list_means_two_codes() -> None:
    from registry_pipeline.intake.parsing.text import comparison_key

    for name, words in lexicon().codes.items():
        seen: dict[str, str] = {}
        for code, spellings in words.items():
            for one in spellings if code != "strip" else ():
                assert seen.setdefault(comparison_key(one), code) == code, (name, one)
