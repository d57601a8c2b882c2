"""One woman under several numbers: links that a facility declares, chains, contradictions, stable pseudonyms."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import polars as pl
import pytest

from registry_pipeline.core.toml_source import ConfigurationError
from registry_pipeline.intake import pseudonym as pseudonyms
from registry_pipeline.intake.identity.person_keys import name_form, sound_form, soundex, suffix_form
from registry_pipeline.intake.mapping.facility import read_facility
from registry_pipeline.intake.parsing import Distinct, distinct_texts
from registry_pipeline.intake.pseudonym import Pseudonyms, StackedPseudonyms, pseudonym
from registry_pipeline.intake.stage import Staged
from tests.support.staging import Place, source, table

HIS = source(
    table("patient", 'patient_id = "record"', 'birth_date = "born"'),
    'date_formats = ["%Y-%m-%d"]',
    files="his*",
)
WARD = source(
    table("patient", 'patient_id = "admission"', 'birth_date = "born"')
    + table("followup", 'patient_id = "admission"', 'followup_id = "visit"', 'contact_date = "seen"'),
    'patient_number = "admission"',
    'date_formats = ["%Y-%m-%d"]',
    name="ward",
    files="ward*",
)


def _links(mode: str = "full") -> str:
    made = source("", f'mode = "{mode}"', name="crosswalk", files="links*")
    return made + '[source.person]\nnumbers = { patient = "record", admission = "admission" }\n'


def _sent(place: Place, **files: str) -> Staged:
    """What is staged after one more submission: name -> lines separated by a blank."""
    heads = {"his": "record,born", "ward": "admission,born,visit,seen", "links": "record,admission"}
    for name, lines in files.items():
        place.send(f"{name}.csv", "\n".join([heads[re.sub(r"[0-9_]", "", name)], *lines.split()]) + "\n")
    return place.stage()


def _patients(staged: Staged) -> set[str]:
    return set(staged.tables["patient"]["patient_id"].drop_nulls())


def test_equal_numbers_of_two_kinds_are_two_patients(tmp_path: Path) -> None:
    place = Place(tmp_path, HIS + WARD)
    staged = _sent(place, his="7,1960-01-01", ward="7,1971-02-02,v1,2012-01-01")
    key = place.home.key()
    assert _patients(staged) == {pseudonym("west", "7", key), pseudonym("west", "7", key, "admission")}


def test_numbers_of_stacked_facilities_are_hashed_together_as_each_has_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    links = {("patient", "B"): ("patient", "A")}
    alone = [Pseudonyms("east", b"key"), Pseudonyms("west", b"key", links)]
    numbers = [pl.Series("no", ["A", None, "A|1"]), pl.Series("no", ["A", "B", "A"])]
    expected = pl.concat([own.of(part, "patient") for own, part in zip(alone, numbers, strict=True)])
    asked: list[pl.Series] = []

    def noted(texts: pl.Series) -> Distinct:
        asked.append(texts)
        return distinct_texts(texts)

    monkeypatch.setattr(pseudonyms, "distinct_texts", noted)
    together = StackedPseudonyms(alone)
    row_ids = pl.Series("_row_id", [1, 2, 3, *(1 << 56 | row for row in (1, 2, 3))])
    assert together.of(row_ids, pl.concat(numbers), "patient").to_list() == expected.to_list()
    assert together.of(row_ids[1:4], pl.concat(numbers)[1:4], "patient").to_list() == expected[1:4].to_list()
    assert len(asked) == 2


def test_a_cross_reference_makes_one_patient_of_a_chain_of_numbers(tmp_path: Path) -> None:
    """Two admissions of one record, and an admission that a second record shares: A1 = R1 = A2 = R2."""
    place = Place(tmp_path, HIS + WARD + _links())
    staged = _sent(
        place,
        his="R1,1960-01-01 R2,1960-01-01 R3,1950-05-05",
        ward="A1,1960-01-01,v1,2012-01-01 A2,1960-01-01,v2,2013-01-01 A9,1950-05-05,v3,2014-01-01",
        links="R1,A1 R1,A2 R2,A2 R3, ,A9 R8,A8",
    )
    key = place.home.key()
    one, three = pseudonym("west", "R1", key), pseudonym("west", "R3", key)
    alone = pseudonym("west", "A9", key, "admission")
    assert _patients(staged) == {one, three, alone}
    assert staged.tables["followup"]["patient_id"].to_list() == [one, one, alone]
    numbers = (
        staged.tables["patient"].select("patient_id", "source_patient_id").unique().sort("source_patient_id")
    )
    assert numbers.rows() == [(alone, "A9"), (one, "R1"), (three, "R3")]
    xref = staged.tables["patient_xref"]
    assert set(xref.filter(pl.col("patient_id") == one).select("source_name", "source_patient_id").rows()) == {
        ("his", "R1"), ("his", "R2"), ("ward", "A1"), ("ward", "A2"), ("crosswalk.admission", "A1"),
        ("crosswalk.admission", "A2"), ("crosswalk", "R1"), ("crosswalk", "R2"),
    }  # fmt: skip
    assert "R8" not in xref["source_patient_id"], "numbers of people without a record are not kept"
    assert set(xref["match_method"]) == {"exact"}
    own = xref.filter(pl.col("source_patient_id") == "A2")["own_patient_id"].unique().to_list()
    assert own == [pseudonym("west", "A2", key, "admission")]
    assert staged.issues.is_empty()


def test_a_link_that_comes_later_leaves_the_pseudonym_as_it_was(tmp_path: Path) -> None:
    place = Place(tmp_path, HIS + WARD + _links("incremental"))
    first = _patients(_sent(place, ward="A1,1960-01-01,v1,2012-01-01"))
    # A crosswalk that names a record without any record of hers, then her record, then her second admission.
    assert _patients(_sent(place, links_1="R1,A1")) == first
    assert _patients(_sent(place, his_1="R1,1960-01-01")) == first
    assert _patients(_sent(place, ward_2="A1,1960-01-01,v1,2012-01-01 A2,1960-01-01,v2,2013-01-01")) > first
    assert _patients(_sent(place, links_2="R1,A2")) == first
    # The file in which she was first seen has been replaced since.
    assert _patients(_sent(place, ward_3="A2,1960-01-01,v2,2013-01-01")) == first


def test_a_link_that_is_taken_back_parts_the_patients_again(tmp_path: Path) -> None:
    place = Place(tmp_path, HIS + WARD + _links())
    records = {"his": "R1,1960-01-01 R2,1971-01-01", "ward": "A1,1960-01-01,v1,2012-01-01"}
    apart = _patients(_sent(place, **records))
    joined = _patients(_sent(place, links="R1,A1"))
    assert len(apart) == 3 and len(joined) == 2 and joined < apart
    assert _patients(_sent(place, links_2="R2,")) == apart


def test_links_without_a_patient_number_of_their_own_follow_the_table(tmp_path: Path) -> None:
    """Each system sends its own number and the national one: the national number links them."""
    person = '[source.person]\nnumbers = { national = "id_card" }\n'
    place = Place(tmp_path, HIS + person + WARD + person)
    place.send("his.csv", "record,born,id_card\nR1,1960-01-01,110\nR2,1961-01-01,\nR3,1962-01-01,112\n")
    place.send(
        "ward.csv",
        "admission,born,visit,seen,id_card\nA1,1960-01-01,v1,2012-01-01,110\nA2,1961-01-01,v2,2012-01-01,\n",
    )
    staged = place.stage()
    assert len(_patients(staged)) == 4
    assert pseudonym("west", "R1", place.home.key()) in set(staged.tables["followup"]["patient_id"])
    assert "110" not in set(staged.tables["patient"]["source_patient_id"])


def test_linked_numbers_with_different_birth_dates_are_an_issue_at_their_rows(tmp_path: Path) -> None:
    place = Place(tmp_path, HIS + WARD + _links())
    staged = _sent(
        place, his="R1,1960-01-01 R2,1950-01-01", ward="A1,1971-02-02,v1,2012-01-01 A2,1950-01,v2,2012-01-01",
        links="R1,A1 R2,A2",
    )  # fmt: skip
    found = staged.issues.filter(pl.col("rule_id") == "V01")
    assert found.select("table_name", "column_name", "reason").unique().rows() == [
        ("patient", "birth_date", "linked_numbers_disagree")
    ]
    assert found.height == 2 and found["_row_id"].equals(found["_record_row_id"])


def test_a_corrected_birth_date_is_no_contradiction(tmp_path: Path) -> None:
    place = Place(
        tmp_path, HIS.replace('files = ["his*"]', 'files = ["his*"]\nmode = "incremental"') + WARD + _links()
    )
    _sent(place, his_1="R1,1971-01-01", ward="A1,1960-01-01,v1,2012-01-01", links="R1,A1")
    assert _sent(place, his_2="R1,1960-01-01").issues.is_empty()


NAMED = '[source.person]\nname = ["surname", "given"]\nnational_id = "id_card"\n'


def test_names_and_national_numbers_leave_only_keyed_hashes(tmp_path: Path) -> None:
    place = Place(tmp_path, source(table("patient", 'patient_id = "no"')) + NAMED)
    place.send(
        "a.csv",
        "no,surname,given,id_card\n1,Müller,Anna,110101196003043286\n2,ANNA,Muller,xx3286\n3,Miller,Ana,\n4,,,12\n",
    )
    staged = place.stage()
    keys = staged.person_keys.sort(pl.col("patient_id").replace_strict(_order(staged)))
    assert keys["name_key"][0] == keys["name_key"][1] != keys["name_key"][2]
    assert keys["sound_key"].n_unique() == 2 and keys["sound_key"][0] == keys["sound_key"][2]
    assert keys["national_id_key"][0] == keys["national_id_key"][1] and keys["national_id_key"][2] is None
    assert keys.row(3)[1:] == (None, None, None)
    made = keys.select(pl.exclude("patient_id")).to_dict(as_series=False)
    assert all(one is None or re.fullmatch("[0-9a-f]{16}", one) for column in made.values() for one in column)
    plain = hashlib.blake2b(b"anna muller", digest_size=8, person=b"name").hexdigest()
    assert plain not in keys["name_key"].to_list(), "the hash needs the registry's key"
    told = [
        str(value)
        for frame in (*staged.tables.values(), staged.issues, staged.coercions)
        for value in frame.rows()
    ]
    assert not [one for one in told if "ller" in one or "3286" in one]
    assert staged.file_issues.is_empty(), "declared columns are not unexpected"


def _order(staged: Staged) -> dict[str, str]:
    xref = staged.tables["patient_xref"]
    return dict(xref.select("patient_id", "source_patient_id").iter_rows())


def test_two_facilities_with_one_key_make_one_hash(tmp_path: Path) -> None:
    place = Place(tmp_path, source(table("patient", 'patient_id = "no"')) + NAMED)
    place.send("a.csv", "no,surname,given,id_card\n1,Wang,Li,1234\n")
    east = place.home.facilities / "east.toml"
    east.write_text('id = "east"\n' + source(table("patient", 'patient_id = "no"')) + NAMED)
    (place.home.inbox / "east").mkdir()
    (place.home.inbox / "east" / "b.csv").write_text("no,surname,given,id_card\n1,Li,Wang,xx1234\n")
    west = place.stage().person_keys
    from registry_pipeline.intake.stage import stage_facility
    from tests.support.staging import SETTINGS

    other = stage_facility(place.home, read_facility(east), SETTINGS).person_keys
    assert west.drop("patient_id").equals(other.drop("patient_id"))
    assert west["patient_id"][0] != other["patient_id"][0]


@pytest.mark.parametrize(
    ("word", "code"),
    [("robert", "r163"), ("rupert", "r163"), ("rubin", "r150"), ("ashcraft", "a261"), ("tymczak", "t522"),
     ("pfister", "p236"), ("honeyman", "h555"), ("lee", "l000"), ("иванова", "иванова")],
)  # fmt: skip
def test_soundex_of_the_national_archives(word: str, code: str) -> None:
    assert soundex(word) == code


def test_forms_of_names() -> None:
    assert name_form("O'Neill,  Mary-Ann") == name_form("mary ann ONEILL") == "ann mary oneill"
    assert name_form("ＺＨＡＮＧ Ｌｉ") == "li zhang"
    assert name_form("张 丽") == name_form("张丽") == "张丽" != name_form("丽张")
    assert sound_form("张丽") == sound_form("丽 张")
    assert name_form(" 12 -- ") is None and sound_form("") is None
    assert suffix_form("1101 0119 6003 04328x") == "328X" and suffix_form("12-3") is None


def test_identity_numbers_of_fifteen_and_of_eighteen_digits_are_one_number() -> None:
    assert suffix_form("110105491231002") == suffix_form("11010519491231002X") == "002X"
    assert suffix_form("110105499931002") == "1002", "no such month: not an identity number"


@pytest.mark.parametrize("word", ["NULL", "不详", "#N/A", "9999", "unknown", "----"])
def test_words_that_name_nobody_are_no_key_of_a_person(word: str) -> None:
    assert (name_form(word), sound_form(word), suffix_form(word)) == (None, None, None)


@pytest.mark.parametrize(
    ("toml", "line", "told"),
    [
        ("[source.person]\n", 5, "needs numbers"),
        ('[source.person]\nnumber = { patient = "a" }\n', 6, "did you mean 'numbers'"),
        ('[source.person]\nnumbers = { "Record No" = "a" }\n', 6, "is no kind of number"),
        ('patient_number = "Admission No"\n[source.person]\nname = "a"\n', 5, "is no kind of number"),
    ],
)
def test_mistakes_are_told_with_their_line(tmp_path: Path, toml: str, line: int, told: str) -> None:
    path = tmp_path / "west.toml"
    path.write_text('id = "west"\n[[source]]\nname = "x"\nfiles = ["*"]\n' + toml)
    with pytest.raises(ConfigurationError, match=told) as problem:
        read_facility(path)
    assert problem.value.line == line
