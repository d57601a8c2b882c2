"""The exports of the demonstration: a hospital's five systems and a REDCap project, with planted mistakes or corrected.

Belongs here: which pages become which files, and the mapping and settings that go with them.
Does not belong here: what stands on the pages (``*_export.py``) and the mistakes (``errors/``).
"""

from importlib.resources import files
from pathlib import Path
from typing import Literal

from registry_pipeline.simulate.demo.cohort_truth import cohort_cases
from registry_pipeline.simulate.demo.error_injection import plant_errors
from registry_pipeline.simulate.demo.errors import HOSPITAL_PLANTERS, redcap
from registry_pipeline.simulate.demo.followup_export import deaths_page, followup_page
from registry_pipeline.simulate.demo.his_export import his_page
from registry_pipeline.simulate.demo.imaging_export import imaging_pages
from registry_pipeline.simulate.demo.other_truth import other_cases
from registry_pipeline.simulate.demo.redcap_export import redcap_page
from registry_pipeline.simulate.demo.redcap_form import dictionary_page
from registry_pipeline.simulate.demo.sheets import Page, write_csv, write_xlsx
from registry_pipeline.simulate.demo.therapy_export import procedures_page, rt_pages
from registry_pipeline.simulate.demo.truth import Case
from registry_pipeline.simulate.manifest import Manifest, numbered

Stage = Literal["first", "corrected"]
FACILITY_ID = "demo_hospital"
REDCAP_ID = "demo_redcap"
FACILITY_IDS = (FACILITY_ID, REDCAP_ID)
IN_REDCAP = (
    "SYN005", "SYN006", "SYN009", "SYN010", "SYN024", "SYN026", "SYN027", "SYN031", "SYN033", "SYN042", "SYN049",
    "SYN050",
)  # fmt: skip
"""Rows of the seed cohort who are treated at the second facility; none of the hospital's mistakes needs them."""
EXPORTED_ON = {"first": "2023-06-30", "corrected": "2023-07-14"}
ENCODINGS = {
    "his": "gb18030",
    "rt_sessions": "utf-8",
    "rt_targets": "utf-8",
    "procedures": "gb18030",
    "deaths": "utf-8",
}
WORKBOOKS = ("imaging", "followup")


def demo_cases() -> list[Case]:
    """The truth of the demo: the study cohort, then the patients outside it."""
    return cohort_cases() + other_cases()


def is_in_redcap(case: Case) -> bool:
    """Whether the second facility treats the patient, and no other."""
    return case.seed_id in IN_REDCAP


def demo_pages(cases: list[Case]) -> list[Page]:
    """Every sheet of every system of the hospital, without mistakes."""
    return [
        his_page(cases),
        *imaging_pages(cases),
        *rt_pages(cases),
        procedures_page(cases),
        followup_page(cases),
        deaths_page(cases),
    ]


def write_demo(inbox: Path, stage: Stage = "first") -> Manifest:
    """Write the exports of both facilities into their folders of ``inbox``; the manifest of both."""
    result = [write_demo_exports(inbox / FACILITY_ID, stage), write_redcap_exports(inbox / REDCAP_ID, stage)]
    return Manifest(
        inbox,
        [name for part in result for name in part.files],
        [error for part in result for error in part.planted],
    )


def write_demo_exports(folder: Path, stage: Stage = "first") -> Manifest:
    """Write the demo hospital's exports into ``folder`` (made if need be).

    Args:
        folder: usually the hospital's folder of the inbox; the manifest is returned, not written there.
        stage: ``first`` holds the planted mistakes, ``corrected`` is what the hospital sends after them.

    Returns:
        The files and, for the first stage, every planted mistake with its place. Equal calls write equal
        bytes.
    """
    cases = demo_cases()
    pages = demo_pages([case for case in cases if not is_in_redcap(case)])
    elsewhere = {case.local_id for case in cases if is_in_redcap(case)}
    planted = plant_errors(HOSPITAL_PLANTERS, pages, cases, elsewhere) if stage == "first" else []
    folder.mkdir(parents=True, exist_ok=True)
    manifest = Manifest(folder, _write(pages, folder, EXPORTED_ON[stage]))
    located = (error.located(FACILITY_ID, file_name(error.page, stage)) for error in planted)
    manifest.planted = list(numbered(located, "D{:03d}"))
    return manifest


def write_redcap_exports(folder: Path, stage: Stage = "first") -> Manifest:
    """Write the second facility's export and data dictionary into ``folder``; as :func:`write_demo_exports`."""
    cases = [demo_case for demo_case in demo_cases() if is_in_redcap(demo_case)]
    page, dictionary = redcap_page(cases), dictionary_page()
    planted = plant_errors(redcap.PLANTERS, [page], cases) if stage == "first" else []
    folder.mkdir(parents=True, exist_ok=True)
    names = [file_name(page, stage), f"{dictionary.file}.csv"]
    for sheet, name in zip((page, dictionary), names, strict=True):
        write_csv(sheet, folder / name, "utf-8")
    located = (error.located(REDCAP_ID, names[0]) for error in planted)
    return Manifest(folder, names, list(numbered(located, "R{:03d}")))


def file_name(page: Page, stage: Stage) -> str:
    """Name of the file that holds ``page``."""
    return f"{page.file}_{EXPORTED_ON[stage]}.{'xlsx' if page.file in WORKBOOKS else 'csv'}"


def _write(pages: list[Page], folder: Path, day: str) -> list[str]:
    names = []
    for file in dict.fromkeys(page.file for page in pages):
        own = [page for page in pages if page.file == file]
        if file in WORKBOOKS:
            names.append(f"{file}_{day}.xlsx")
            write_xlsx(own, folder / names[-1])
        else:
            names.append(f"{file}_{day}.csv")
            write_csv(own[0], folder / names[-1], ENCODINGS[file])
    return names


def demo_mapping(facility_id: str = FACILITY_ID) -> str:
    """The mapping of a facility's exports, as its TOML."""
    return _packaged(f"{facility_id}.toml")


def demo_settings() -> str:
    """registry.toml of the demo: the extract date and the statement that its patients are synthetic."""
    return _packaged("demo_registry.toml")


def _packaged(name: str) -> str:
    return files("registry_pipeline.simulate").joinpath("facilities", name).read_text(encoding="utf-8")
