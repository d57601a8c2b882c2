"""The reports of a release: the study report for clinicians, the quality report for data managers.

Belongs here: finding the sections of a report, writing the files. Does not belong here: what sections say.
"""

from __future__ import annotations

import importlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

from registry_pipeline.core.helper_process import Helper, helping, run_shared
from registry_pipeline.reporting import sections as room
from registry_pipeline.reporting.document.blocks import Section
from registry_pipeline.reporting.document.details import with_details_folded
from registry_pipeline.reporting.document.html import RenderedSection, render_page
from registry_pipeline.reporting.document.wording import clean, is_given
from registry_pipeline.reporting.figures.base import FigureFolder
from registry_pipeline.reporting.figures.drawing_cache import (
    cached_drawings,
    unused_drawings_swept,
    used_drawings,
)
from registry_pipeline.reporting.kept_sections import KeptSections, MadeSection
from registry_pipeline.reporting.quality import quality_sections
from registry_pipeline.reporting.quality.facility_pages import facility_pages
from registry_pipeline.reporting.quality.scope import Scope
from registry_pipeline.reporting.release.disclosure.gate import DisclosedTables
from registry_pipeline.reporting.sections.context import Context
from registry_pipeline.reporting.sections.provenance import data_statement, further_section, release_row
from registry_pipeline.reporting.sections.record import ReportSection

STUDY_REPORT = "study_report.html"
QUALITY_REPORT = "quality_report.html"
FIGURES = "figures"
FACILITIES = "facilities"
FURTHER = "further"
CHANGES = "what_changed.html"
"""The page that says what has changed since the release before (``study/compare``)."""


def write_reports(
    database: Path,
    folder: Path,
    *,
    suppress_small: bool = False,
    drawings: Path | None = None,
    contents: Mapping[str, str] | None = None,
) -> list[Path]:
    """Both reports of a release, from its database alone.

    Writes ``study_report.html``, ``quality_report.html`` and ``figures/*.svg`` with ``figures/*.csv`` into
    the folder, which is made if need be. The same release gives the same bytes.

    Args:
        database: the sealed ``registry.duckdb``; opened read-only.
        folder: where the reports go.
        suppress_small: hide counts below the release's ``privacy.small_cell``, and leave out what shows single
            patients; also done when the release has a parameter ``privacy.suppress_small`` that is true.
        drawings: folder of drawings of earlier reports, which need not be drawn again; None draws all.
        contents: table of the release -> digest of its rows: sections that read the same are taken from there too.

    Returns:
        The files written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (
        DisclosedTables(database, is_asked=suppress_small) as tables,
        cached_drawings(drawings),
        unused_drawings_swept(drawings),
    ):
        tables.contents = contents or {}
        context = Context(tables, FigureFolder(folder / FIGURES))
        is_kept = drawings is not None and contents is not None
        kept = KeptSections(drawings, contents, tables, folder / FIGURES) if is_kept else None  # type: ignore[arg-type]
        with helping(is_worth_starting=False) as helper:
            sections = study_sections(context, helper, drawings, kept)
        registry = Scope(context)
        pages = {
            folder / STUDY_REPORT: render_page("study_report.html", sections, **_values(context)),
            folder / QUALITY_REPORT: render_page(
                "quality_report.html", quality_sections(registry), facility="", **_values(context)
            ),
            **facility_pages(registry, folder / FACILITIES, QUALITY_REPORT, _values(context)),
        }
    for path, text in pages.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="")
    return [*pages, *sorted(context.figures.written)]


def page_of_release(
    tables: DisclosedTables, template: str, sections: Sequence[Section], **values: object
) -> str:
    """A page of sections under the head that every page of a release has.

    Args:
        values: what else the template asks for.
    """
    head = _values(Context(tables, FigureFolder(tables.database.parent / FIGURES)))
    return render_page(template, sections, **head, **values)


@cache
def report_sections() -> dict[str, ReportSection]:
    """Every section of the study report by name, in reading order where there is a cohort.

    Raises:
        ValueError: two sections have one name, or an addition is to none; it names them.
    """
    records = sorted(_declared("SECTIONS"), key=lambda record: record.place)
    result = {record.name: record for record in records}
    if twice := [name for name, n in Counter(record.name for record in records).items() if n > 1]:
        raise ValueError(f"sections of the report share a name: {', '.join(twice)}")
    if absent := sorted({addition.to for addition in _declared("ADDITIONS")} - set(result)):
        raise ValueError(
            f"blocks are added to {', '.join(absent)}, and the report has only {', '.join(result)}"
        )
    return result


def _declared(name: str) -> list[Any]:
    """What the modules of the room of sections declare under a name."""
    modules = [
        importlib.import_module(f"{room.__name__}.{module.name}") for module in iter_modules(room.__path__)
    ]
    return [record for module in modules for record in getattr(module, name, ())]


def _modules(name: str) -> tuple[str, ...]:
    """The modules that a section is made by."""
    additions = [addition.make.__module__ for addition in _declared("ADDITIONS") if addition.to == name]
    return (report_sections()[name].make.__module__, *dict.fromkeys(additions))


def _made(name: str, shared: Context) -> MadeSection:
    """A section, with what is added to it where there is a cohort."""
    with shared.tables.recording() as (asked, read, counted), used_drawings() as drawings:
        context = replace(shared, figures=replace(shared.figures, written=[]))
        section = report_sections()[name].make(context)
        for addition in () if section is None or context.no_cohort else _declared("ADDITIONS"):
            if addition.to == name and section is not None:
                section.add(*addition.make(context))
        if section is not None:
            section.is_folded = report_sections()[name].is_folded and not (
                context.no_cohort and name == "registry"
            )
            section = with_details_folded(section)
    return MadeSection(section, context.figures.written, asked, read, counted, drawings)


def study_sections(
    context: Context,
    helper: Helper | None = None,
    drawings: Path | None = None,
    kept: KeptSections | None = None,
) -> list[Section | RenderedSection]:
    """The study report in reading order; where there is no cohort the registry comes before the study.

    Args:
        helper: another process that makes some of them.
        drawings: folder of kept drawings, for that process.
        kept: sections of earlier releases; those that read the same are taken from there, and all become HTML.
    """
    place = (context.tables.database, context.figures.folder, context.tables.hides, drawings)
    modules = {name: _modules(name) for name in report_sections()}
    result = {} if kept is None else kept.find_all(modules)
    anew = run_shared(
        [name for name in modules if name not in result],
        lambda name: _made(name, context),
        None if helper is None else lambda name: helper.call(_section_in_helper, name, *place),
    )
    for name, made in anew.items():
        result[name] = made if kept is None else kept.keep(name, modules[name], made)
    for made in result.values():
        context.figures.written += made.written
        context.tables.asked |= made.asked
    further = further_section(context)
    if further is not None:
        further.is_folded = True
    result[FURTHER] = MadeSection(further)
    order = list(report_sections())
    order.insert(order.index("parameters") if "parameters" in order else len(order), FURTHER)
    for name in ("registry", "follow_up") if context.no_cohort else ():
        order.remove(name)
        order.insert(order.index("flow") + 1, name)
    return [made.section for name in order if (made := result[name]).section is not None]


def _section_in_helper(
    name: str, database: Path, folder: Path, hides: bool, drawings: Path | None
) -> MadeSection:
    """In the other process: a section, and what it touched."""
    with DisclosedTables(database, is_asked=hides) as tables, cached_drawings(drawings):
        return _made(name, Context(tables, FigureFolder(folder)))


def _values(context: Context) -> dict[str, object]:
    """What the head of both pages says."""
    release = release_row(context)
    statement, is_synthetic = data_statement(context)
    registry = "curated.patient" if context.tables.n_rows("curated.patient") else "mart.registry_patient"
    extract = context.tables.parameters.get("refresh.extract_date", "")
    return {
        "release_id": clean(release.get("release_id", "unknown")),
        "created_at": clean(release["created_at"]) if is_given(release.get("created_at")) else "unknown",
        "input_hash": clean(release.get("input_hash") or "unknown"),
        "parameter_hash": clean(release.get("parameter_hash") or "unknown"),
        "code_version": clean(release.get("code_version") or "unknown"),
        "extract_date": clean(extract),
        "statement": statement,
        "is_synthetic": is_synthetic,
        "n_cohort": context.n_cohort,
        "n_registry": context.tables.n_rows(registry),
        "registry_table": registry,
        "is_suppressed": context.tables.limit,
        "changes_page": CHANGES if (context.figures.folder.parent / CHANGES).is_file() else "",
    }
