"""Exports of four small hospitals in as many forms, with their mappings.

Belongs here: ``kiel`` (German CSV in a zip), ``lyon`` (French CSV), ``trial`` (a research data set in Stata, SPSS, SAS,
Parquet and UTF-16 text), ``ward`` (a workbook as people make them).
Does not belong here: what a refresh makes of them (``tests/e2e/test_other_facilities.py``).
"""

from __future__ import annotations

import io
import zipfile
from datetime import date, timedelta
from pathlib import Path

import pandas as pd
import polars as pl
import pyreadstat
import xlsxwriter

N_PATIENTS = 9
DIED = (0, 4, 8)
STAGES = ("IB1", "IIB", "IIIB")

KIEL = """\
id = "kiel"
name = "Klinikum im Norden"

[[source]]
name = "faelle"
files = ["export*.zip"]
date_formats = ["%d.%m.%Y", "00.%m.%Y", "00.00.%Y"]   # the way oBDS marks an unknown day or month
decimal = ","
sentinels = ["unbekannt", "k. A."]
required = ["Fall-Nr."]

  [[source.table]]
  table = "patient"
    [source.table.columns]
    patient_id = "Fall-Nr."
    birth_date = "Geburtsdatum"
    sex = { from = "Geschlecht", codes = { weiblich = "F", "männlich" = "M" } }

  [[source.table]]
  table = "primary_tumour"
    [source.table.columns]
    patient_id = "Fall-Nr."
    tumour_id = { template = "{patient_id}-T1" }
    dx_date = "Diagnosedatum"
    topography_code = { value = "C53.9" }
    figo_stage = "FIGO-Stadium"
    figo_edition = { value = "2009" }
    tumour_size_mm = { from = "Größe (cm)", unit = "cm" }

  [[source.table]]
  table = "followup"
    [source.table.columns]
    patient_id = "Fall-Nr."
    followup_id = { template = "{patient_id}-F1" }
    contact_date = "Letzter Kontakt"
    followup_source = { value = "visit" }
    is_alive = { value = true }
    disease_status = { from = "Tumorstatus", codes = { Vollremission = "ned", Tumor = "awd" } }

  [[source.table]]
  table = "death"
  where = { column = "Sterbedatum", not_blank = true }
    [source.table.columns]
    patient_id = "Fall-Nr."
    death_date = "Sterbedatum"
    death_cause = { from = "Todesursache", codes = { tumorbedingt = "cancer", "nicht tumorbedingt" = "other" } }
"""
KIEL_HEADER = "Fall-Nr.;Geburtsdatum;Geschlecht;Diagnosedatum;FIGO-Stadium;Größe (cm);Letzter Kontakt;Tumorstatus;Sterbedatum;Todesursache"


def kiel_files() -> dict[str, bytes]:
    """A zip of one file a year, with byte-order marks, Windows line ends and a totals row."""
    by_year: dict[int, list[str]] = {}
    for at in range(N_PATIENTS):
        year = 2014 + at % 3
        dx = (
            f"00.0{at % 9 + 1}.{year}"
            if at == 1
            else f"00.00.{year}"
            if at == 2
            else f"0{at % 9 + 1}.11.{year}"
        )
        size = "unbekannt" if at == 3 else f"{2 + at % 3},{at}"
        died = f"12.05.{year + 3};tumorbedingt" if at in DIED else ";"
        cells = (f"{at + 1:04d};07.0{at % 9 + 1}.{1950 + at};weiblich;{dx};{STAGES[at % 3]};{size};"
                 f"03.02.{year + 3};{'Tumor' if at % 2 else 'Vollremission'};{died}")  # fmt: skip
        by_year.setdefault(year, []).append(cells)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for year, rows in by_year.items():
            text = "\r\n".join([KIEL_HEADER, *rows, f"Gesamt;{len(rows)};;;;;;;;"]) + "\r\n"
            archive.writestr(f"Fälle_{year}.csv", text.encode("utf-8-sig"))
    return {"export.zip": packed.getvalue()}


LYON = """\
id = "lyon"
name = "Hôpital de la Croix"

[[source]]
name = "dossiers"
files = ["dossiers*.csv"]
date_formats = ["%d/%m/%Y"]
decimal = ","
sentinels = ["inconnu", "NR"]
ignore = ["Médecin traitant"]

  [[source.table]]
  table = "patient"
    [source.table.columns]
    patient_id = "N° dossier"
    birth_date = "Date de naissance"
    sex = { from = "Sexe", codes = { "Féminin" = "F", Masculin = "M" } }
    residence_region = "Département"

  [[source.table]]
  table = "primary_tumour"
    [source.table.columns]
    patient_id = "N° dossier"
    tumour_id = { template = "{patient_id}-T1" }
    dx_date = "Date du diagnostic"
    topography_code = { value = "C53.9" }
    figo_stage = { from = "Stade", codes = { "stade IB1" = "IB1", "stade IIB" = "IIB", "stade IIIB" = "IIIB" } }
    figo_edition = { value = "2009" }
    histology_group = { from = "Histologie", codes = { "épidermoïde" = "scc", "adénocarcinome" = "adeno" } }
    tumour_size_mm = { from = "Taille (cm)", unit = "cm" }

  [[source.table]]
  table = "followup"
    [source.table.columns]
    patient_id = "N° dossier"
    followup_id = { template = "{patient_id}-F1" }
    contact_date = "Dernières nouvelles"
    followup_source = { value = "visit" }
    is_alive = { from = "État", codes = { "en vie" = true, "décédée" = false } }
"""


def lyon_files() -> dict[str, bytes]:
    """Windows-1252, semicolons, decimal commas, days before months, a title row."""
    rows = [
        f"L{at:03d};0{at % 9 + 1}/12/{1951 + at};Féminin;Rhône;0{at % 9 + 1}/02/2015;stade {STAGES[at % 3]};"
        f"{'épidermoïde' if at % 2 else 'Adénocarcinome'};{2 + at % 3},5;04/05/2019;en vie;Dr É."
        for at in range(N_PATIENTS)
    ]
    header = "N° dossier;Date de naissance;Sexe;Département;Date du diagnostic;Stade;Histologie;Taille (cm);Dernières nouvelles;État;Médecin traitant"
    title = "Registre des tumeurs - extraction du 30/06/2023"
    return {"dossiers.csv": "\r\n".join([title, header, *rows, ""]).encode("cp1252")}


TRIAL = """\
id = "trial"
name = "A finished trial"

[[source]]
name = "baseline"
files = ["*.sav"]
sentinels = ["not recorded"]

  [[source.table]]
  table = "patient"
    [source.table.columns]
    patient_id = "subjid"
    birth_date = "birth"
    sex = { from = "sex", codes = { Female = "F", Male = "M" } }

  [[source.table]]
  table = "primary_tumour"
    [source.table.columns]
    patient_id = "subjid"
    tumour_id = { template = "{patient_id}-T1" }
    dx_date = "diag"
    topography_code = { value = "C53.9" }
    figo_stage = { from = "figo", codes = { "Stage IB1" = "IB1", "Stage IIB" = "IIB", "Stage IIIB" = "IIIB" } }
    figo_edition = { value = "2009" }
    tumour_size_mm = { from = "size", unit = "mm" }

[[source]]
name = "age"
files = ["*.dta"]

  [[source.table]]
  table = "primary_tumour"
    [source.table.columns]
    patient_id = "subjid"
    tumour_id = { template = "{patient_id}-T1" }
    dx_date = "diag"
    age_at_diagnosis_years = "age"
    hpv = { from = "hpv", codes = { Negative = "neg", Positive = "pos", Refused = "unk" } }

[[source]]
name = "visits"
files = ["*.parquet"]

  [[source.table]]
  table = "followup"
    [source.table.columns]
    patient_id = "subjid"
    followup_id = { template = "{patient_id}-V{visit}" }
    contact_date = "seen"
    followup_source = { value = "visit" }
    is_alive = { value = true }

[[source]]
name = "deaths"
files = ["*.xpt"]

  [[source.table]]
  table = "death"
    [source.table.columns]
    patient_id = "SUBJID"
    death_date = "DTHDT"
    death_cause = { from = "CAUSE", codes = { "1" = "cancer", "2" = "other" } }

[[source]]
name = "consent"
files = ["*.txt"]

  [[source.table]]
  table = "patient"
    [source.table.columns]
    patient_id = "Número"
    has_consent = { from = "Consentimiento", codes = { "sí" = true, no = false } }
"""


def trial_files(folder: Path) -> dict[str, bytes]:
    """One data set in five formats; integers with gaps, labels, declared missing values, dates of each system."""
    numbers = [at + 1 for at in range(N_PATIENTS)]
    diag = [date(2014 + at % 3, at % 12 + 1, 5) for at in range(N_PATIENTS)]
    baseline = pd.DataFrame(
        {
            "subjid": [float(one) for one in numbers],
            "birth": [date(1950 + at, 2, 3) for at in range(N_PATIENTS)],
            "sex": [2.0] * N_PATIENTS,
            "diag": diag,
            "figo": [float(at % 3 + 1) for at in range(N_PATIENTS)],
            "size": [99.0 if at == 2 else 98.0 if at == 3 else 20.0 + at for at in range(N_PATIENTS)],
        }
    )
    labels = {
        "sex": {1: "Male", 2: "Female"},
        "figo": {number: f"Stage {stage}" for number, stage in enumerate(STAGES, start=1)},
        "size": {98: "not recorded"},
    }
    pyreadstat.write_sav(
        baseline, str(folder / "baseline.sav"), variable_value_labels=labels, missing_ranges={"size": [{"lo": 98, "hi": 99}]}
    )  # fmt: skip
    ages = pd.DataFrame(
        {
            "subjid": numbers,
            "diag": diag,
            "age": [("a" if at == 1 else 64 + at % 3 - at) for at in range(N_PATIENTS)],
            "hpv": [("b" if at == 2 else at % 2) for at in range(N_PATIENTS)],
        }
    )
    pyreadstat.write_dta(
        ages, str(folder / "ages.dta"), missing_user_values={"age": ["a"], "hpv": ["b"]},
        variable_value_labels={"hpv": {0: "Negative", 1: "Positive", "b": "Refused"}},
    )  # fmt: skip
    visits = pl.DataFrame(
        {
            "subjid": [float(one) for one in numbers for _ in (1, 2)],
            "visit": [visit for _ in numbers for visit in (1, 2)],
            "seen": [day + timedelta(days=300 * visit) for day in diag for visit in (1, 2)],
        }
    )
    visits.write_parquet(folder / "visits.parquet")
    deaths = pd.DataFrame(
        {
            "SUBJID": [float(numbers[at]) for at in DIED],
            "DTHDT": [diag[at] + timedelta(days=900) for at in DIED],
            "CAUSE": [1.0, 2.0, 1.0],
        }
    )
    pyreadstat.write_xport(deaths, str(folder / "deaths.xpt"))
    consent = "Número\tConsentimiento\r\n" + "".join(f"{one}\tsí\r\n" for one in numbers)
    (folder / "consent.txt").write_bytes(b"\xff\xfe" + consent.encode("utf-16-le"))
    return {path.name: path.read_bytes() for path in folder.iterdir()}


WARD = """\
id = "ward"
name = "A ward's own workbook"

[[source]]
name = "workbook"
files = ["*.xlsx"]
header_rows = { "20*" = [3, 4], "*" = [3] }
required = ["No."]
ignore = ["Remarks", "Born age"]

  [[source.table]]
  table = "patient"
  sheets = ["20*"]
    [source.table.columns]
    patient_id = "No."
    birth_date = "Born date"
    sex = { value = "F" }

  [[source.table]]
  table = "primary_tumour"
  sheets = ["20*"]
    [source.table.columns]
    patient_id = "No."
    tumour_id = { template = "{patient_id}-T1" }
    dx_date = "Tumour diagnosed"
    topography_code = { value = "C53.9" }
    figo_stage = "Tumour stage"
    figo_edition = { value = "2009" }
    tumour_size_mm = { from = "Tumour size (mm)", unit = "mm" }

  [[source.table]]
  table = "followup"
  sheets = ["Follow-up"]
    [source.table.columns]
    patient_id = "No."
    followup_id = { template = "{patient_id}-{n}" }
    contact_date = "Seen on"
    followup_source = { value = "visit" }
    is_alive = { value = true }
"""


def ward_files(folder: Path) -> dict[str, bytes]:
    """Title, a blank row, two header lines with merged cells, a totals row, a hidden column, a sheet per year.

    From the middle of a sheet on the diagnosis dates are day numbers; one size is a formula that was never counted.
    """
    path = folder / "ward.xlsx"
    with xlsxwriter.Workbook(path) as book:
        day = book.add_format({"num_format": "dd/mm/yyyy"})
        for year in (2014, 2015):
            sheet = book.add_worksheet(str(year))
            sheet.merge_range(0, 0, 0, 5, f"Patients of {year}, do not distribute")
            sheet.merge_range(2, 0, 3, 0, "No.")
            sheet.merge_range(2, 1, 2, 2, "Born")
            sheet.merge_range(2, 3, 2, 5, "Tumour")
            for column, name in enumerate(("date", "age", "diagnosed", "stage", "size (mm)"), start=1):
                sheet.write_string(3, column, name)
            sheet.merge_range(2, 6, 3, 6, "Remarks")
            sheet.set_column(5, 5, None, None, {"hidden": True})
            for at in range(N_PATIENTS):
                row, diagnosed = at + 4, date(year, at + 1, 20)
                sheet.write_string(row, 0, f"{year}-{at:02d}")
                sheet.write_datetime(row, 1, date(1955 + at, 6, 7), day)
                sheet.write_number(row, 2, year - 1955 - at)
                if year == 2015 and at >= 6:
                    sheet.write_number(row, 3, (diagnosed - date(1899, 12, 30)).days)
                else:
                    sheet.write_datetime(row, 3, diagnosed, day)
                sheet.write_string(row, 4, STAGES[at % 3])
                if year == 2014 and at == 5:
                    sheet.write_formula(row, 5, "=10*4", None, "")
                else:
                    sheet.write_number(row, 5, 20 + at)
            sheet.write_row(N_PATIENTS + 4, 0, ["Total", "", "", "", "", 9])
        seen = book.add_worksheet("Follow-up")
        seen.write_string(0, 0, "Contacts")
        seen.write_row(2, 0, ["No.", "n", "Seen on"])
        for at in range(N_PATIENTS):
            for year in (2014, 2015):
                row = 4 + 2 * at + year - 2014
                seen.write_row(row, 0, [f"{year}-{at:02d}", 1])
                seen.write_datetime(row, 2, date(year + 2, 3, at + 1), day)
    return {"ward.xlsx": path.read_bytes()}
