"""Drafts of exports that name nothing as we do: headers of other languages, no patient's number, several lines."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.profiled import confirmed, drafted, pairs, write_csv

N = 40
PATIENT, TUMOUR, VISIT = "patient", "primary_tumour", "followup"


def _rows(day: Callable[[int, int, int], str], sex: str, alive: str, dead: str) -> list[list[str]]:
    return [
        [str(1000 + n), f"{40 + n}.3", sex, day(1950 + n % 20, 1 + n % 12, 13 + n % 15), day(2015, 1 + n % 12, 13 + n % 15),
         ("IIB", "IB1")[n % 2], day(2019, 1 + n % 12, 13 + n % 15), alive if n % 3 else dead]
        for n in range(N)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("header", "rows"),
    [
        (
            ["Num patient", "âge", "sexe", "date de naissance", "date d'origine", "stade", "date des dernières nouvelles",
             "état aux dernières nouvelles"],
            _rows(lambda y, m, d: f"{d:02d}/{m:02d}/{y}", "F", "vivante", "décédée"),
        ),
        (
            ["Pat-Nr", "Alter", "Geschlecht", "Geburtsdatum", "Diagnosedatum", "Stadium", "Letzter Kontakt", "Vitalstatus"],
            _rows(lambda y, m, d: f"{d:02d}.{m:02d}.{y}", "w", "lebend", "verstorben"),
        ),
        (
            ["Número de paciente", "edad", "sexo", "fecha de nacimiento", "fecha de diagnóstico", "estadio",
             "fecha último contacto", "estado vital"],
            _rows(lambda y, m, d: f"{d:02d}/{m:02d}/{y}", "mujer", "viva", "fallecida"),
        ),
        (
            ["Numero paziente", "età", "sesso", "data di nascita", "data della diagnosi", "stadio",
             "data ultimo contatto", "stato in vita"],
            _rows(lambda y, m, d: f"{d:02d}/{m:02d}/{y}", "donna", "viva", "deceduta"),
        ),
        (
            ["Nr pacjenta", "Wiek", "Płeć", "Data urodzenia", "Data rozpoznania", "Stopień zaawansowania",
             "Data ostatniego kontaktu", "Stan życia"],
            _rows(lambda y, m, d: f"{d:02d}.{m:02d}.{y}", "K", "żyje", "zmarła"),
        ),
        (
            ["Código do paciente", "idade", "sexo", "data de nascimento", "data do diagnóstico", "estadiamento",
             "data do último contato", "situação vital"],
            _rows(lambda y, m, d: f"{d:02d}/{m:02d}/{y}", "feminino", "viva", "óbito"),
        ),
        (
            ["患者编号", "年龄", "性别", "出生日期", "确诊时间", "临床分期", "末次随访时间", "生存状态"],
            _rows(lambda y, m, d: f"{y}年{m}月{d}日", "女", "存活", "死亡"),
        ),
    ],
    ids=["French", "German", "Spanish", "Chinese", "Italian", "Polish", "Portuguese"],
)  # fmt: skip
def test_headers_of_other_languages(tmp_path: Path, header: list[str], rows: list[list[str]]) -> None:
    path = write_csv(tmp_path / "x.csv", header, rows)
    draft, facility = drafted(tmp_path, "east", [path])
    targets = (f"{PATIENT}.patient_id", f"{TUMOUR}.age_at_diagnosis_years", f"{PATIENT}.sex", f"{PATIENT}.birth_date",
               f"{TUMOUR}.dx_date", f"{TUMOUR}.figo_stage", f"{VISIT}.contact_date", f"{VISIT}.is_alive")  # fmt: skip
    assert {("x.csv", column, item) for column, item in zip(header, targets, strict=True)} <= pairs(
        facility, ["x.csv"]
    )
    assert 'round = "floor"' in draft.text
    assert draft.n_mapped == len(header)


def test_where_no_header_names_the_patient_the_guess_is_kept_and_asked(tmp_path: Path) -> None:
    header = ["délka (mm)", "code", "dob", "sex", "diagnosis date", "stage"]
    rows = [[f"{n}", f"K{n}", f"19{40 + n}-03-15", "F", f"2015-01-{1 + n % 28:02d}", "IIB"] for n in range(N)]
    path = write_csv(tmp_path / "x.csv", header, rows)
    draft, facility = drafted(tmp_path, "east", [path])
    assert not facility.sources[0].tables, "a guess that a person has to confirm feeds nothing"
    assert draft.n_mapped == 0
    assert 'which column is the patient\'s number? "code" has another value in every row' in draft.text
    assert (
        'column "délka (mm)": 40 of 40 values are numbers; by its unit perhaps measurement.long_axis_mm'
        in draft.text
    )
    found = pairs(confirmed(tmp_path / "west", "east", draft), ["x.csv"])
    assert ("x.csv", "code", "patient.patient_id") in found
    assert ("x.csv", "diagnosis date", "primary_tumour.dx_date") in found


def test_the_column_that_two_files_share_is_asked_for_as_the_patients_number(tmp_path: Path) -> None:
    """Although one file has it several times, and spells it in its own way; a shared short list is none."""
    women = [[f"W-{n:03d}", ("north", "south")[n % 2], f"19{40 + n}-03-15"] for n in range(12)]
    spots = [[f"w{n % 9:03d}", ("north", "south")[n % 2], ("lung", "bone")[n % 2], f"2016-01-{1 + n:02d}"] for n in range(20)]  # fmt: skip
    paths = [
        write_csv(tmp_path / "women.csv", ["Akte", "district", "dob"], women),
        write_csv(tmp_path / "spots.csv", ["akte", "district", "lesion site", "found on"], spots),
    ]
    draft, facility = drafted(tmp_path, "east", paths)
    assert draft.text.count("stands in another file too") == 2
    assert 'patient_id = "akte"  # 9 patients in 20 rows' in draft.text
    assert 'patient_id = "Akte"  # 12 patients in 12 rows' in draft.text
    assert not any(source.tables for source in facility.sources)


def test_codes_with_words_around_them_are_taken_out(tmp_path: Path) -> None:
    header = ["patient id", "primary site code", "stage", "histology code", "diagnosis date"]
    rows = [
        [f"K{n}", ("C53.0 (endocervix)", "C53.9 (cervix)", "C53.9")[n % 3], ("IIB", "IB1 (2018)", "IB1")[n % 3],
         ("adenocarcinoma (8140/3)", "squamous (8070/3)")[n % 2], "3/15/61"]
        for n in range(N)
    ]  # fmt: skip
    draft, facility = drafted(tmp_path, "east", [write_csv(tmp_path / "x.csv", header, rows)])
    (source,) = facility.sources
    columns = {name: column for table in source.tables for name, column in table.columns.items()}
    takes = {name: [re.search(columns[name].part or "^$", text) for text in texts]
             for name, texts in (("topography_code", ["C53.0 (endocervix)", "C53.9"]), ("morphology_code", ["squamous (8070/3)"]),
                                 ("figo_stage", ["IB1 (2018)"]))}  # fmt: skip
    assert {name: [match and match[1] for match in matches] for name, matches in takes.items()} == {
        "topography_code": ["C53.0", "C53.9"], "morphology_code": ["8070/3"], "figo_stage": ["IB1"]
    }  # fmt: skip
    assert source.date_formats == ("%m/%d/%y",) and source.year_cutoff is not None
    assert "# ? years of two digits: in which hundred years" in draft.text


def test_one_odd_value_of_many_is_no_reason_to_leave_a_column_out(tmp_path: Path) -> None:
    header = ["patient id", "sex", "diagnosis date", "age", "stage"]
    rows = [[f"K{n}", "F", f"2015-01-{1 + n % 28:02d}", str(40 + n % 30), "IIB"] for n in range(533)]
    rows[77][3], rows[99][2] = "about fifty", "29/052015"
    path = write_csv(tmp_path / "x.csv", header, rows)
    draft, facility = drafted(tmp_path, "east", [path])
    assert ("x.csv", "age", "primary_tumour.age_at_diagnosis_years") in pairs(facility, ["x.csv"])
    assert ("x.csv", "diagnosis date", "primary_tumour.dx_date") in pairs(facility, ["x.csv"])
    assert "532 of 533 values are whole numbers; registry facility check lists the other 1" in draft.text
    assert "about fifty" not in draft.text and "29/052015" not in draft.text


@pytest.mark.parametrize("n_rows", [2, 3])
def test_headers_of_several_lines_are_joined_whole(tmp_path: Path, n_rows: int) -> None:
    top = [
        ["Patient", "", "", "Diagnosis", ""],
        ["number", "sex", "birth", "date", "stage"],
        ["(text)", "(code)", "(date)", "(date)", "(FIGO)"],
    ]
    rows = [[f"K{n}", "F", f"19{40 + n}-03-15", f"2015-01-{1 + n % 28:02d}", "IIB"] for n in range(N)]
    path = write_csv(tmp_path / "x.csv", top[0], [*top[1:n_rows], *rows])
    draft, facility = drafted(tmp_path, "east", [path])
    assert f"header_rows = {list(range(1, n_rows + 1))}" in draft.text
    assert "__2" not in draft.text
    items = {item for _, _, item in pairs(facility, ["x.csv"])}
    assert {"patient.patient_id", "patient.sex", "patient.birth_date", "primary_tumour.dx_date"} <= items


def test_metastases_and_their_radiotherapy_in_spanish_beside_patients_in_german(tmp_path: Path) -> None:
    days = [f"{1 + n % 28:02d}/03/2016" for n in range(N)]
    header = ["NHC", "Fecha de diagnóstico de la metástasis", "Inicio RT", "Fin RT", "Técnica RT", "Dosis total (Gy)",
              "Número de fracciones"]  # fmt: skip
    rows = [[f"K{n}", day, day, day, ("SBRT", "IMRT")[n % 2], "50,4", "28"] for n, day in enumerate(days)]
    courses = write_csv(tmp_path / "metástasis.csv", header, rows, delimiter=";", encoding="utf-8-sig")
    header = ["Patienten-Nr.", "Geschl.", "Erstdiagnose am", "FIGO-Stadium", "Histologie"]
    rows = [[f"K{n}", "w", f"{1 + n % 28:02d}.01.2015", "IIB", "adenosquamös"] for n in range(N)]
    patients = write_csv(tmp_path / "Patienten.csv", header, rows, delimiter=";", encoding="cp1252")
    draft, facility = drafted(tmp_path, "east", [courses, patients])
    items = {item for _, _, item in pairs(facility, ["metástasis.csv", "Patienten.csv"])}
    assert {"omd_episode.omd_dx_date", "lrt_course.start_date", "lrt_course.end_date", "lrt_course.lrt_technique",
            "lrt_course.total_dose_gy", "lrt_course.n_fractions_delivered", "primary_tumour.histology_group"} <= items  # fmt: skip
    assert draft.n_mapped == draft.n_columns


def test_what_every_record_needs_and_no_column_gives_is_asked(tmp_path: Path) -> None:
    """Else a first check ends with every record in quarantine, and nobody knows for want of what."""
    header = ["patient id", "diagnosis date", "stage", "course start", "course end", "technique"]
    rows = [[f"K{n}", "2015-01-03", "IIB", "2016-01-03", "2016-02-03", "SBRT"] for n in range(N)]
    path = write_csv(tmp_path / "x.csv", header, rows)
    with_edition = write_csv(
        tmp_path / "y.csv", [*header[:3], "FIGO edition"], [[*row[:3], "2018"] for row in rows]
    )
    asked = drafted(tmp_path, "east", [path])[0].text
    assert "# ? figo_stage counts only with figo_edition" in asked
    assert "figo_edition" not in "\n".join(
        line for line in drafted(tmp_path, "west", [with_edition])[0].text.splitlines() if "# ?" in line
    )
