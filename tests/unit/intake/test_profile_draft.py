"""A draft from files: what it recognises in other languages, what it asks, and what it must never show."""

import tomllib
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from registry_pipeline.intake.profiling import draft_mapping
from tests.support.profiled import confirmed, drafted, pairs, write_csv

N = 40
DAYS = [date(2012, 1, 3) + timedelta(days=61 * n) for n in range(N)]


def german(day: date) -> str:
    return day.strftime("%d.%m.%Y")


def french(day: date) -> str:
    return day.strftime("%d/%m/%Y")


def test_a_german_export(tmp_path: Path) -> None:
    header = ["Patientennummer", "Nachname", "Geburtsdatum", "Geschlecht", "Diagnosedatum", "FIGO-Stadium", "Grading",
              "Histologie", "Tumorgröße (mm)", "SCC-Ag (ng/ml)", "Vitalstatus", "Letzter Kontakt", "Sterbedatum",
              "Bemerkung"]  # fmt: skip
    rows = [
        [f"P{1000 + n}", f"Muster{n}", german(date(1950, 5, 17) + timedelta(days=99 * n)), "weiblich", german(DAYS[n]),
         ["Stadium IB1", "Stadium IIB", "Stadium IIIB"][n % 3], ["G1", "G2", "G3"][n % 3],
         ["Plattenepithelkarzinom", "Adenokarzinom"][n % 2], f"{20 + n % 30},5", f"{n / 3:.1f}".replace(".", ","),
         "verstorben" if n % 4 == 0 else "lebend", german(DAYS[n] + timedelta(days=400)),
         german(DAYS[n] + timedelta(days=420)) if n % 4 == 0 else "", "k.A."]
        for n in range(N)
    ]  # fmt: skip
    path = write_csv(tmp_path / "Tumordoku_2024-05-01.csv", header, rows, delimiter=";", encoding="cp1252")
    draft, facility = drafted(tmp_path, "nord", [path])
    source = facility.sources[0]
    found = {(column, item) for _, column, item in pairs(facility, [path.name])}
    assert found >= {
        ("Patientennummer", "patient.patient_id"), ("Geburtsdatum", "patient.birth_date"), ("Geschlecht", "patient.sex"),
        ("Diagnosedatum", "primary_tumour.dx_date"), ("FIGO-Stadium", "primary_tumour.figo_stage"),
        ("Grading", "primary_tumour.grade_code"), ("Histologie", "primary_tumour.histology_group"),
        ("Tumorgröße (mm)", "primary_tumour.tumour_size_mm"), ("SCC-Ag (ng/ml)", "primary_tumour.scc_ag_ng_ml"),
        ("Vitalstatus", "followup.is_alive"), ("Letzter Kontakt", "followup.contact_date"),
        ("Sterbedatum", "death.death_date"),
    }  # fmt: skip
    assert not [pair for pair in found if pair[0] in ("Nachname", "Bemerkung")]
    assert source.files == ("Tumordoku_*.csv",)
    assert source.read_options.delimiter == ";"
    assert (source.decimal, source.date_formats) == (",", ("%d.%m.%Y",))
    assert "Muster" not in draft.text and "1950" not in draft.text


def test_a_french_export(tmp_path: Path) -> None:
    header = ["IPP", "Nom", "Date de naissance", "Sexe", "Date du diagnostic", "Stade FIGO", "Type histologique",
              "Statut vital", "Date de dernière nouvelle", "Date de décès", "Commentaire"]  # fmt: skip
    rows = [
        [f"80{n:05d}", f"Exemple{n}", french(date(1949, 2, 19) + timedelta(days=83 * n)), "Féminin", french(DAYS[n]),
         ["Stade IB1", "Stade IIA", "Stade IVA"][n % 3], ["Carcinome épidermoïde", "Adénocarcinome"][n % 2],
         "Décédée" if n % 5 == 0 else "Vivante", french(DAYS[n] + timedelta(days=500)),
         french(DAYS[n] + timedelta(days=510)) if n % 5 == 0 else "", ""]
        for n in range(N)
    ]  # fmt: skip
    path = write_csv(tmp_path / "suivi_patientes.csv", header, rows, delimiter=";", encoding="utf-8-sig")
    draft, facility = drafted(tmp_path, "sud", [path])
    found = {(column, item) for _, column, item in pairs(facility, [path.name])}
    assert found >= {
        ("IPP", "patient.patient_id"), ("Date de naissance", "patient.birth_date"), ("Sexe", "patient.sex"),
        ("Date du diagnostic", "primary_tumour.dx_date"), ("Stade FIGO", "primary_tumour.figo_stage"),
        ("Type histologique", "primary_tumour.histology_group"),
        ("Date de dernière nouvelle", "followup.contact_date"), ("Date de décès", "death.death_date"),
    }  # fmt: skip
    assert facility.sources[0].date_formats == ("%d/%m/%Y",)
    assert "Exemple" not in draft.text


def test_day_or_month_first_is_asked_when_nothing_tells(tmp_path: Path) -> None:
    rows = [[f"A{n}", "F", f"{n % 12 + 1:02d}/{(n * 5) % 12 + 1:02d}/2015"] for n in range(N)]
    path = write_csv(tmp_path / "a.csv", ["mrn", "sex", "birth_date"], rows)
    draft, facility = drafted(tmp_path, "x", [path])
    assert "write day_first" in draft.text
    assert facility.sources[0].date_formats == ()


def test_another_column_tells_day_from_month(tmp_path: Path) -> None:
    rows = [[f"A{n}", "F", f"{n % 12 + 1:02d}/03/1950", f"{n % 20 + 5:02d}/04/2015", "IB1"] for n in range(N)]
    path = write_csv(tmp_path / "a.csv", ["mrn", "sex", "birth_date", "diagnosis_date", "stage"], rows)
    draft, facility = drafted(tmp_path, "x", [path])
    assert facility.sources[0].date_formats == ("%d/%m/%Y",)
    assert "day_first" not in draft.text


def test_a_file_without_a_header_is_not_shown(tmp_path: Path) -> None:
    rows = [[f"P{n}", german(DAYS[n]), "F", "IB1"] for n in range(N)]
    path = write_csv(tmp_path / "raw.csv", ["P999", "17.03.1951", "F", "IB1"], rows)
    draft = draft_mapping("x", [path])
    assert draft.n_sources == 0
    assert "looks like a record" in draft.problems[0]
    assert "1951" not in draft.text and "P999" not in draft.text


def test_a_source_that_says_nothing_is_kept_and_not_used(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "stock.csv", ["shelf", "box"], [[f"s{n}", f"b{n}"] for n in range(N)])
    _, facility = drafted(tmp_path, "x", [path])
    assert facility.sources[0].ignore == ("*",) and facility.sources[0].tables == ()


def test_number_sentinels_are_found_far_above_all_other_numbers(tmp_path: Path) -> None:
    rows = [
        [f"A{n}", "F", DAYS[n].isoformat(), "IIB", "9999" if n % 8 == 0 else str(40 + n)] for n in range(N)
    ]
    path = write_csv(tmp_path / "a.csv", ["mrn", "sex", "dx_date", "stage", "age"], rows)
    _, facility = drafted(tmp_path, "x", [path])
    assert facility.sources[0].sentinels == ("9999",)


def test_two_exports_of_one_make_are_one_source(tmp_path: Path) -> None:
    header = ["mrn", "sex", "birth_date"]
    paths = [
        write_csv(
            tmp_path / f"pat_{day}.csv", header, [[f"A{n}", "F", DAYS[n].isoformat()] for n in range(20)]
        )
        for day in ("2023-01-31", "2023-02-28")
    ]
    _, facility = drafted(tmp_path, "x", paths)
    assert [one.files for one in facility.sources] == [("pat_*.csv",)]


def test_redcap_files_are_named(tmp_path: Path) -> None:
    export = write_csv(
        tmp_path / "data.csv",
        ["record_id", "redcap_event_name", "sex"],
        [[n, "baseline_arm_1", "F"] for n in range(N)],
    )
    dictionary = write_csv(
        tmp_path / "dict.csv",
        ["Variable / Field Name", "Form Name", "Field Type", "Field Label"],
        [["sex", "a", "radio", "Sex"]],
    )
    draft, _ = drafted(tmp_path, "x", [export, dictionary])
    assert draft.text.count("[source.redcap]") == 2


HEADERS = ["mrn", "sex", "birth_date", "姓名", "stage", "备注", "Nachname", "phone", "x", "dx_date", "lesion no",
           "vital status", "doctor", "histology", "a\"b", "a\\b", "#", "{x}", "[y]", "=1+1", "\x1b[31m", "a\x7fb", "'", "$x$"]  # fmt: skip


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_draft_is_valid_and_shows_no_value_of_a_record(tmp_path: Path, data: st.DataObject) -> None:
    """Every value carries a mark that stands in no header and no lexicon; it may not come out again."""
    headers = data.draw(st.lists(st.sampled_from(HEADERS), min_size=2, max_size=8, unique=True))
    n_rows = data.draw(st.integers(1, 25))
    body = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=12)
    known = st.sampled_from(["F", "M", "", "IB1", "2015-03-04", "Alive", "[Unknown]"])
    marked = st.builds(lambda text, n: f"zqj{n}{text}", body, st.integers(0, 10**6))
    rows = [[data.draw(st.one_of(known, marked)) for _ in headers] for _ in range(n_rows)]
    path = write_csv(tmp_path / "any.csv", headers, rows)
    draft = draft_mapping("x", [path])
    assert "zqj" not in draft.text
    assert all(mark.isprintable() or mark == "\n" for mark in draft.text)
    if draft.n_sources:
        tomllib.loads(draft.text)
        drafted(tmp_path, "x", [path])


def test_doctors_of_a_short_list_are_not_shown(tmp_path: Path) -> None:
    """A list of few words, each many times, is still a list of persons where the header is not known."""
    rows = [
        [f"A{n}", "F", DAYS[n].isoformat(), ["Weber", "Lang"][n % 2], ["Weber", "Lang"][n % 2]]
        for n in range(N)
    ]
    path = write_csv(tmp_path / "a.csv", ["mrn", "sex", "birth_date", "主治医师", "DR"], rows)
    draft, _ = drafted(tmp_path, "x", [path])
    assert "Weber" not in draft.text and "Lang" not in draft.text


@pytest.mark.parametrize(
    "name", ["befunde.csv", "a[1].csv", "was ist das?.csv", "数据_2024-01-02.csv", "2024-01-02.csv"]
)
def test_the_globs_of_a_source_find_its_own_file(tmp_path: Path, name: str) -> None:
    import fnmatch

    path = write_csv(
        tmp_path / name,
        ["mrn", "sex", "birth_date"],
        [[f"A{n}", "F", DAYS[n].isoformat()] for n in range(20)],
    )
    _, facility = drafted(tmp_path, "x", [path])
    assert any(fnmatch.fnmatchcase(name, glob) for glob in facility.sources[0].files)


def test_a_header_of_two_lines_is_found_though_a_sheet_has_few_records_and_another_none(
    tmp_path: Path,
) -> None:
    import xlsxwriter

    path = tmp_path / "lesions.xlsx"
    with xlsxwriter.Workbook(path) as book:
        for sheet, n_rows in (("2019", 20), ("2020", 3), ("Notes", 0)):
            page = book.add_worksheet(sheet)
            if not n_rows:
                page.write("B7", "please ignore")
                continue
            page.write("A1", "List of the department")
            page.write_row("A2", ["Patient", "Lesion", "", ""])
            page.write_row("A3", ["Patient no", "Site", "Longest diameter (mm)", "Detected"])
            for n in range(n_rows):
                page.write_row(3 + n, 0, [f"K{n:03d}", "lung", str(10 + n), f"2015-01-{1 + n:02d}"])
    draft, _ = drafted(tmp_path, "east", [path])
    assert "header_rows = [2, 3]" in draft.text and "Lesion Detected" in draft.text
    assert "column_3" not in draft.text and "in another row" not in draft.text
    assert "sheets without records: 1" in draft.text


def test_sheets_of_several_kinds_feed_tables_of_their_own(tmp_path: Path) -> None:
    import xlsxwriter

    path = tmp_path / "registry.xlsx"
    with xlsxwriter.Workbook(path) as book:
        people, seen = book.add_worksheet("women"), book.add_worksheet("visits")
        people.write_row(0, 0, ["mrn", "sex", "birth_date"])
        seen.write_row(0, 0, ["mrn", "contact_date", "vital_status"])
        for n in range(N):
            people.write_row(n + 1, 0, [f"A{n}", "F", DAYS[n].isoformat()])
            seen.write_row(n + 1, 0, [f"A{n}", DAYS[n].isoformat(), "Alive"])
    _, facility = drafted(tmp_path, "x", [path])
    fed = {one.table: one.sheets for one in facility.sources[0].tables}
    assert fed == {"patient": ("women",), "followup": ("visits",)}


def test_a_row_per_metastasis_without_a_number_is_numbered_by_its_place_and_asked_for(tmp_path: Path) -> None:
    header = ["Patient no", "Lesion site", "Date found"]
    rows = [[f"{100 + n // 2}", ["lung", "bone", "liver"][n % 3], DAYS[n // 2].isoformat()] for n in range(N)]
    path = write_csv(tmp_path / "metastases.csv", header, rows)
    draft, facility = drafted(tmp_path, "leeds", [path])
    (lesion,) = [table for table in facility.sources[0].tables if table.table == "lesion"]
    assert lesion.columns["lesion_id"].template == "{patient_id}-L{_row}"
    assert "# ? no column numbers them: is each row one?" in draft.text
    numbered = write_csv(
        tmp_path / "again.csv", [*header, "Lesion no"], [[*row, f"{n % 2}"] for n, row in enumerate(rows)]
    )
    draft, facility = drafted(tmp_path, "york", [numbered])
    (lesion,) = [table for table in facility.sources[0].tables if table.table == "lesion"]
    assert lesion.columns["lesion_id"].template == "{patient_id}-L{Lesion no}"


def test_patients_and_tumours_that_stand_as_comments_are_not_said_to_be_missing(tmp_path: Path) -> None:
    """A file whose headers name no patient's number is guessed as comments."""
    rows = [[f"{100 + n}", DAYS[n].isoformat(), "F", DAYS[n].isoformat(), "IIB"] for n in range(N)]
    header = ["Ref", "Date of birth", "Sex", "Date of diagnosis", "FIGO stage"]
    draft, facility = drafted(tmp_path, "hull", [write_csv(tmp_path / "all.csv", header, rows)])
    assert not facility.sources[0].tables
    assert "# ? no file gives" not in draft.text
    for table in ("patient", "primary_tumour"):
        assert f"they stand below as comments; take the # of table {table} away" in draft.text


def test_sizes_and_treatment_beside_each_lesion_are_guessed_as_comments(tmp_path: Path) -> None:
    header = [
        "Patient no",
        "Lesion site",
        "Date found",
        "Size (mm)",
        "Treatment",
        "Treatment date",
        "Total dose (Gy)",
    ]
    rows = [
        [f"{100 + n // 2}", ("lung", "bone")[n % 2], DAYS[n // 2].isoformat(), f"{8 + n}", ("SBRT", "surgery")[n % 2],
         DAYS[n // 2 + 1].isoformat(), "48" if n % 2 == 0 else ""]
        for n in range(N)
    ]  # fmt: skip
    path = write_csv(tmp_path / "found.csv", header, rows)
    draft, facility = drafted(tmp_path, "leeds", [path])
    assert [table.table for table in facility.sources[0].tables] == ["lesion"]
    assert (draft.n_mapped, draft.n_guessed) == (3, 4)
    assert "take each row to be one lesion with its size and treatment" in draft.text
    tables = {table.table: table for table in confirmed(tmp_path / "sure", "leeds", draft).sources[0].tables}
    ids = {
        name: {table.columns[name].template for table in tables.values() if name in table.columns}
        for name in ("lesion_id", "exam_id", "lrt_id", "episode_id")
    }
    assert ids == {
        "lesion_id": {"{patient_id}-L{_row}"}, "exam_id": {"{patient_id}-X{Date found}"},
        "lrt_id": {"{patient_id}-C{_row}"}, "episode_id": {"{patient_id}-E1"},
    }, "what is named twice has one number"  # fmt: skip
    assert tables["omd_episode"].group_by == ("Patient no",)
    assert {"measurement", "lrt_course", "lrt_target", "imaging_exam"} <= set(tables)


def test_columns_numbered_by_lesion_become_a_table_for_each(tmp_path: Path) -> None:
    """Other numbers, of a code list or a marker, are none of lesions."""
    header = [
        "Patient no",
        "scan date",
        "ICD10",
        "HPV 16",
        "HPV 18",
        "site met 1",
        "met1 size mm",
        "site met 2",
        "met2 size mm",
    ]
    rows = [
        [f"{100 + n}", DAYS[n].isoformat(), "C53", "yes", "no", ("lung", "bone")[n % 2], f"{9 + n}",
         "liver" if n % 3 else "", f"{7 + n}" if n % 3 else ""]
        for n in range(N)
    ]  # fmt: skip
    draft, _ = drafted(tmp_path, "leeds", [write_csv(tmp_path / "wide.csv", header, rows)])
    tables = confirmed(tmp_path / "sure", "leeds", draft).sources[0].tables
    sizes = {
        (t.columns["lesion_id"].template, t.columns["long_axis_mm"].sources)
        for t in tables
        if t.table == "measurement"
    }
    assert sizes == {("{patient_id}-L1", ("met1 size mm",)), ("{patient_id}-L2", ("met2 size mm",))}
    sites = {
        (t.columns["lesion_id"].template, t.columns["lesion_site"].sources)
        for t in tables
        if t.table == "lesion"
    }
    assert sites == {("{patient_id}-L1", ("site met 1",)), ("{patient_id}-L2", ("site met 2",))}
    assert "HPV" not in {
        word for t in tables for c in t.columns.values() for name in c.sources for word in name.split()
    }
