"""The reports of a release: the study report for clinicians, the quality report for data managers.

Belongs here: which sections a report has, writing the files. Does not belong here: what sections say.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from registry_pipeline.core.helper_process import Helper, helping, run_shared
from registry_pipeline.reporting.document.blocks import Block, Section
from registry_pipeline.reporting.document.details import with_details_folded
from registry_pipeline.reporting.document.html import render_page
from registry_pipeline.reporting.document.wording import clean, is_given
from registry_pipeline.reporting.figures.base import FigureFolder, also_as_pdf
from registry_pipeline.reporting.figures.kept import keeping_drawings, sweeping_drawings
from registry_pipeline.reporting.quality import quality_sections
from registry_pipeline.reporting.quality.scope import Scope
from registry_pipeline.reporting.release.tables import ReleaseTables
from registry_pipeline.reporting.sections.bounds import bounds_section
from registry_pipeline.reporting.sections.checklists import checklists_section
from registry_pipeline.reporting.sections.cohort import (
    cohort_section,
    flow_section,
    follow_up_section,
    registry_missing,
    registry_section,
)
from registry_pipeline.reporting.sections.context import Context
from registry_pipeline.reporting.sections.cox_models import model_blocks, models_section
from registry_pipeline.reporting.sections.growth import growth_section
from registry_pipeline.reporting.sections.headlines import brief_section
from registry_pipeline.reporting.sections.methods import methods_section
from registry_pipeline.reporting.sections.model_checks import checks_section
from registry_pipeline.reporting.sections.more import (
    course_blocks,
    facilities_section,
    factor_blocks,
    growth_blocks,
    risk_blocks,
)
from registry_pipeline.reporting.sections.progression import local_section, progression_section
from registry_pipeline.reporting.sections.provenance import (
    data_statement,
    further_section,
    parameters_section,
    provenance_section,
    release_row,
)
from registry_pipeline.reporting.sections.scorecard import scorecard_section
from registry_pipeline.reporting.sections.size_effect import shape_section
from registry_pipeline.reporting.sections.survival import registry_survival, survival_section
from schemas.study import OS, PRIMARY_DX

STUDY_REPORT = "study_report.html"
QUALITY_REPORT = "quality_report.html"
FIGURES = "figures"
FACILITIES = "facilities"


def write_reports(
    database: Path,
    folder: Path,
    *,
    suppress_small: bool = False,
    pdf: bool = False,
    drawings: Path | None = None,
) -> list[Path]:
    """Both reports of a release, from its database alone.

    Writes ``study_report.html``, ``quality_report.html`` and ``figures/*.svg`` with ``figures/*.csv`` into
    the folder, which is made if need be. The same release gives the same bytes.

    Args:
        database: the sealed ``registry.duckdb``; opened read-only.
        folder: where the reports go.
        pdf: write ``figures/*.pdf`` too.
        suppress_small: hide counts below the release's ``privacy.small_cell``, and leave out what shows single
            patients; also done when the release has a parameter ``privacy.suppress_small`` that is true.
        drawings: folder of drawings of earlier reports, which need not be drawn again; None draws all.

    Returns:
        The files written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (
        ReleaseTables(database) as tables,
        also_as_pdf(pdf),
        keeping_drawings(drawings),
        sweeping_drawings(drawings),
    ):
        is_set = tables.parameters.get("privacy.suppress_small", "").lower() == "true"
        limit = int(tables.number("privacy.small_cell", 5)) if suppress_small or is_set else 0
        context = Context(tables, FigureFolder(folder / FIGURES), limit)
        with helping(is_worth_starting=False) as helper:  # PDF is asked for in this process only
            sections = study_sections(context, None if pdf else helper, drawings)
        registry = Scope(context)
        pages = {
            folder / STUDY_REPORT: render_page("study_report.html", sections, **_values(context)),
            folder / QUALITY_REPORT: render_page(
                "quality_report.html", quality_sections(registry), facility="", **_values(context)
            ),
            **_facility_pages(registry, folder / FACILITIES),
        }
    for path, text in pages.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="")
    return [*pages, *sorted(context.figures.written)]


def page_of_release(database: Path, template: str, sections: Sequence[Section], **values: object) -> str:
    """A page of sections under the head that every page of a release has.

    Args:
        values: what else the template asks for.
    """
    with ReleaseTables(database) as tables:
        head = _values(Context(tables, FigureFolder(database.parent / FIGURES), 0))
    return render_page(template, sections, **head, **values)


def _facility_pages(registry: Scope, folder: Path) -> dict[Path, str]:
    """A quality page for each facility, fit to be sent to it: it holds nothing of another one."""
    pages, context = {}, registry.context
    for facility in sorted({str(name) for name in registry.rows["facility_id"].dropna()}):
        own = folder / safe_name(facility)
        figures = FigureFolder(own / FIGURES)
        scope = Scope(Context(context.tables, figures, context.small_cell), facility, registry)
        values = _values(context) | {"n_registry": "", "n_cohort": ""}
        sections = quality_sections(scope)
        pages[own / QUALITY_REPORT] = render_page(
            "quality_report.html", sections, facility=facility, **values
        )
        context.figures.written += figures.written
    return pages


def safe_name(facility: str) -> str:
    """A facility's id as the name of a folder; ids are checked at intake, and this does not rely on it."""
    return (
        "".join(character if character.isalnum() or character in "-_" else "_" for character in facility)
        or "_"
    )


def _registry(context: Context) -> Section:
    """Everybody on record, with what is estimated of them."""
    return registry_section(context).add(
        *registry_survival(context),
        *model_blocks(context, OS.name, PRIMARY_DX.name),
        registry_missing(context),
    )


def _more(
    make: Callable[[Context], Section | None], blocks: Callable[[Context], Sequence[Block | None]]
) -> Callable[[Context], Section | None]:
    """A section with what is folded under it, where it has a cohort to speak of."""

    def section(context: Context) -> Section | None:
        result = make(context)
        return result if result is None or context.no_cohort else result.add(*blocks(context))

    return section


SECTIONS: dict[str, Callable[[Context], Section | None]] = {
    "brief": brief_section,
    "flow": flow_section,
    "cohort": cohort_section,
    "follow_up": follow_up_section,
    "survival": survival_section,
    "local": local_section,
    "progression": _more(progression_section, course_blocks),
    "models": _more(models_section, factor_blocks),
    "checks": _more(checks_section, risk_blocks),
    "shape": shape_section,
    "growth": _more(growth_section, growth_blocks),
    "facilities": facilities_section,
    "registry": _registry,
    "scorecard": scorecard_section,
    "bounds": bounds_section,
    "further": further_section,
    "parameters": parameters_section,
    "methods": methods_section,
    "checklists": lambda context: checklists_section(not context.no_cohort),
    "provenance": provenance_section,
}
"""Name -> what makes a section of the study report, in reading order where there is a cohort."""


FOLDED = (
    "checks",
    "shape",
    "registry",
    "bounds",
    "further",
    "parameters",
    "methods",
    "checklists",
    "provenance",
)
"""Sections behind a fold, which keeps the printed main part short."""


def study_sections(
    context: Context, helper: Helper | None = None, drawings: Path | None = None
) -> list[Section]:
    """The study report in reading order; where there is no cohort the registry comes before the study.

    Args:
        helper: another process that makes some of them.
        drawings: folder of kept drawings, for that process.
    """
    place = (context.tables.database, context.figures.folder, context.small_cell, drawings)

    def in_helper(helper_process: Helper, name: str) -> Section | None:
        section, written = helper_process.call(_section_in_helper, name, *place)
        context.figures.written += written
        return section

    result = run_shared(
        SECTIONS, lambda name: SECTIONS[name](context), None if helper is None else partial(in_helper, helper)
    )
    order = list(SECTIONS)
    for name in ("registry", "follow_up") if context.no_cohort else ():
        order.remove(name)
        order.insert(order.index("flow") + 1, name)
    sections = [result[name] for name in order if result[name] is not None]
    for name, section in result.items():
        if section is not None:
            section.is_folded = name in FOLDED and not (context.no_cohort and name == "registry")
    return [with_details_folded(section) for section in sections if section is not None]


def _section_in_helper(
    name: str, database: Path, folder: Path, small_cell: int, drawings: Path | None
) -> tuple[Section | None, list[Path]]:
    """In the other process: a section, and the files of its figures."""
    with ReleaseTables(database) as tables, keeping_drawings(drawings):
        context = Context(tables, FigureFolder(folder), small_cell)
        return SECTIONS[name](context), context.figures.written


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
        "is_suppressed": context.small_cell,
    }
