"""REMARK, STROBE and RECORD: where each item is answered.

Belongs here: items, abridged, with the section of the report. Does not belong here: results.
Sources: McShane 2005 and Altman 2012 (REMARK); von Elm 2007 (STROBE); Benchimol 2015 (RECORD). Items are
paraphrased. A report made by a program answers what data can answer; the rest is for the authors.
"""

from __future__ import annotations

from markupsafe import Markup

from registry_pipeline.reporting.document.blocks import Column, Row, Section, Table, Text
from registry_pipeline.reporting.sections.record import ReportSection

AUTHORS = "for the authors"
_NAMES = {
    "brief": "In brief",
    "flow": "Flow of patients",
    "patients": "Patients of the study",
    "follow-up": "Follow-up",
    "survival": "Overall survival",
    "local": "Local control",
    "progression": "Progression and recurrence",
    "factors": "Prognostic factors",
    "checks": "How far the model can be trusted",
    "cutpoint": "Size and its cutpoint",
    "growth": "Growth of lesions",
    "registry": "All patients of the registry",
    "scorecard": "Published and computed numbers",
    "bounds": "What open questions could change",
    "parameters": "Parameters and assumptions",
    "methods": "Methods and definitions",
    "provenance": "Where this report comes from",
}
_TEXTS = {
    "quality": "quality_report.html, beside this page",
    "codes": "meta.dictionary and meta.code of registry.duckdb",
    "nothing": "nothing here: the registry has no study cohort",
}
REMARK = (
    ("1", "Marker, objectives, hypotheses stated beforehand", ("parameters", AUTHORS)),
    ("2", "Patients: source, inclusion and exclusion", ("flow", "methods")),
    ("3", "Treatments received and how chosen", ("patients", AUTHORS)),
    ("4", "Specimen: here, the imaging that measured the lesion", ("methods", "growth")),
    ("5", "Assay: how size was measured, which axis", ("methods", "parameters")),
    ("6", "Selection of cases, period, follow-up", ("flow", "follow-up")),
    ("7", "Endpoints defined", ("methods",)),
    ("8", "Candidate variables listed", ("parameters", "factors")),
    ("9", "Rationale of the sample size", (AUTHORS,)),
    ("10", "Statistical methods, missing data, model building", ("methods", "checks")),
    ("11", "How marker values were handled; cutpoint and its origin", ("cutpoint", "methods", "parameters")),
    ("12", "Flow of patients, numbers in each analysis, events", ("flow", "survival")),
    ("13", "Distribution of characteristics and of the marker, missing values", ("patients", "checks")),
    ("14", "Relation of the marker to standard variables", ("patients",)),
    ("15", "Univariable effects with intervals; survival curves", ("survival", "factors")),
    ("16", "Multivariable effects with intervals", ("factors",)),
    ("17", "Estimates beside standard variables, whether significant or not", ("factors",)),
    (
        "18",
        "Assumptions checked, sensitivity, internal validation",
        ("checks", "cutpoint", "survival", "bounds"),
    ),
    ("19", "Interpretation in the light of the hypotheses; limitations", (AUTHORS,)),
    ("20", "Implications for research and practice", (AUTHORS,)),
)
STROBE = (
    ("1", "Title and abstract", (AUTHORS,)),
    ("2, 3", "Background and objectives", (AUTHORS,)),
    ("4, 5", "Design, setting, dates", ("methods", "flow")),
    ("6", "Eligibility, sources, follow-up", ("flow", "follow-up")),
    ("7, 8", "Variables and how they were measured", ("methods",)),
    ("9", "Efforts against bias", ("methods", "survival", "growth", "bounds")),
    ("10", "Study size", ("flow",)),
    (
        "11, 12",
        "Quantitative variables and statistical methods, missing data, sensitivity",
        ("methods", "parameters", "checks"),
    ),
    ("13", "Numbers at each stage, reasons, flow diagram", ("flow",)),
    ("14", "Characteristics, missing values, follow-up time", ("patients", "checks", "follow-up")),
    ("15", "Outcome events over time", ("survival", "local", "progression")),
    ("16", "Unadjusted and adjusted estimates, category boundaries", ("factors",)),
    ("17", "Other analyses", ("cutpoint", "growth", "bounds", "scorecard")),
    ("18 to 21", "Key results, limitations, interpretation, generalisability", ("brief", AUTHORS)),
    ("22", "Funding", (AUTHORS,)),
)
RECORD = (
    ("1.1, 1.2", "Type of data, databases, region and period", ("provenance", AUTHORS)),
    ("1.3", "Linkage stated", ("provenance",)),
    ("6.1", "Codes and algorithms that select the population", ("flow", "methods")),
    ("6.2", "Validation of the selection", (AUTHORS, "quality")),
    ("6.3", "Linkage, numbers at each stage", ("provenance", "flow")),
    ("7.1", "Code lists of exposures, outcomes, confounders", ("codes", "methods")),
    ("12.1", "Access of the investigators to the database", (AUTHORS,)),
    ("12.2", "Data cleaning", ("quality", "bounds")),
    ("12.3", "Linkage methods and their quality", ("provenance",)),
    ("13.1", "Selection of persons, with a flow diagram", ("flow",)),
    ("19.1", "Limits of data not collected for the question", (AUTHORS,)),
    ("22.1", "Where to find protocol, raw data, code", ("provenance",)),
)


# Where a registry without a study cohort answers what a study answers elsewhere; nothing stands for no section.
_WITHOUT_COHORT = {
    **dict.fromkeys(("patients", "survival", "factors"), "registry"),
    **dict.fromkeys(("local", "progression", "checks", "cutpoint", "growth", "scorecard"), ""),
}


def checklists_section(has_cohort: bool) -> Section:
    """The three checklists as tables, each item with links to the sections that answer it."""
    section = Section("checklists", "Reporting checklists")
    section.add(
        Text(
            "Where the items of the reporting guidelines are answered on this page. Items are paraphrased. “For the authors” marks what "
            "no program can answer.",
        )
    )
    for name, items in (
        ("REMARK (prognostic factors)", REMARK),
        ("STROBE (cohort studies)", STROBE),
        ("RECORD (routinely collected data)", RECORD),
    ):
        rows = tuple(Row(number, (item, _links(where, has_cohort))) for number, item, where in items)
        columns = (Column("Asks for", is_number=False), Column("Answered in", is_number=False))
        section.add(Table(name, "Item", columns, rows, "this report"))
    return section


def _links(where: tuple[str, ...], has_cohort: bool) -> Markup:
    """Names of sections as links to them; what is no section of this page stays text."""
    places = where if has_cohort else [_WITHOUT_COHORT.get(place, place) for place in where]
    sections = [fromkey for fromkey in dict.fromkeys(places) if fromkey] or ["nothing"]
    return Markup("; ").join(
        Markup('<a href="#{}">{}</a>').format(section, _NAMES[section])
        if section in _NAMES
        else Markup(_TEXTS.get(section, section))
        for section in sections
    )


SECTIONS = (
    ReportSection(
        "checklists", 190, lambda context: checklists_section(not context.no_cohort), is_folded=True
    ),
)
