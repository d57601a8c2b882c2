"""Study report: published beside computed, parameters, further tables, where all of it comes from.

Belongs here: the reference sections. Does not belong here: clinical results, methods in words (study_methods).
"""

from __future__ import annotations

import pandas as pd

from registry_pipeline.reporting.document.blocks import (
    Block,
    Column,
    Heading,
    Row,
    Section,
    Table,
    Text,
    caution,
    missing,
)
from registry_pipeline.reporting.document.wording import NOT_GIVEN, clean, count, is_given, number
from registry_pipeline.reporting.release.disclosure.kinds import is_of_single_people
from registry_pipeline.reporting.sections.context import Context
from registry_pipeline.reporting.sections.record import ReportSection
from schemas.codes import MATCH_METHOD

MOST_ROWS = 60
_HASHES = (
    ("previous_release_id", "Release before this one"),
    ("code_version", "Version of the code"),
    ("schema_version", "Table declarations"),
    ("rule_set_version", "Rule catalogue"),
    ("parameter_hash", "Parameters"),
    ("input_hash", "All landed bytes and mappings"),
)


def release_row(context: Context) -> dict[str, object]:
    """The one row of meta.release."""
    rows = context.tables.table("meta.release")
    return {str(key): value for key, value in rows.iloc[0].to_dict().items()} if len(rows) else {}


def data_statement(context: Context) -> tuple[str, bool]:
    """What the data are, in the release's words, and whether they are synthetic."""
    text = release_row(context).get("data_statement")
    statement = (
        clean(text) if is_given(text) and text else "This release carries no statement of what its data are."
    )
    return statement, "synthetic" in statement.lower()


def parameters_section(context: Context) -> Section:
    """Every parameter of the analysis, assumptions first."""
    section = Section("parameters", "Parameters and assumptions")
    parameters = context.tables.table("meta.parameter")
    if parameters.empty:
        return section.add(missing(context.why_empty("meta.parameter", of_cohort=False)))
    is_assumption = parameters["is_assumption"].fillna(False).astype(bool)
    section.add(
        Text(
            "An assumption is a choice that the publication does not fix; another choice may move the numbers."
        ),
        _parameter_table("Assumptions", parameters[is_assumption]),
        _parameter_table("Other parameters", parameters[~is_assumption]),
    )
    return section


def _parameter_table(caption: str, parameters: pd.DataFrame) -> Block | None:
    if parameters.empty:
        return None
    rows = []
    for parameter in parameters.to_dict("records"):
        value = _plain(parameter["value"])
        default = (
            ""
            if value == _plain(parameter["default_value"])
            else f"default: {_plain(parameter['default_value'])}"
        )
        rows.append(Row(clean(parameter["name"]), (value, default, _plain(parameter["note"]))))
    columns = (
        Column("Value", is_number=False),
        Column("If changed", is_number=False),
        Column("Meaning", is_number=False),
    )
    return Table(caption, "Parameter", columns, tuple(rows), "meta.parameter", is_wide=True)


def _plain(value: object) -> str:
    return clean(value) if is_given(value) and value != "" else "not set"


def further_section(context: Context) -> Section | None:
    """Tables of results that no section before it has asked for, as they are; none of single people."""
    names = [
        name
        for name in context.tables.names("result")
        if name not in context.tables.asked and not is_of_single_people(name) and context.tables.n_rows(name)
    ]
    if not names:
        return None
    section = Section("further", "Further results").add(
        Text(
            "Tables of the release that no section above shows, as they are. The dictionary of the release explains their columns."
        ),
    )
    for name in names:
        section.add(_raw_table(context, name))
    return section


def _raw_table(context: Context, name: str) -> Table:
    rows_of_table = context.tables.in_order(name)
    identifying = context.tables.query(
        "SELECT column_name FROM meta.dictionary WHERE schema_name || '.' || table_name = ? AND is_identifying",
        {"meta.dictionary": ["schema_name", "table_name", "column_name", "is_identifying"]},
        [name],
    )
    hidden = set(identifying["column_name"]) if identifying is not None else set()
    columns = [
        column
        for column in rows_of_table.columns
        if column not in hidden and not column.endswith("patient_id")
    ]
    shown = rows_of_table[columns].head(MOST_ROWS)
    rows = [
        Row(_cell(row[0]), tuple(_cell(value) for value in row[1:]))
        for row in shown.itertuples(index=False, name=None)
    ]
    note = (
        f"The first {MOST_ROWS} of {count(len(rows_of_table))} rows."
        if len(rows_of_table) > MOST_ROWS
        else ""
    )
    heads = tuple(Column(clean(column).replace("_", " "), is_number=False) for column in columns[1:])
    caption = clean(context.tables.comment(name) or name)
    return Table(
        caption,
        clean(columns[0]).replace("_", " "),
        heads,
        tuple(rows),
        name,
        (note,) if note else (),
        is_wide=True,
    )


def _cell(value: object) -> str:
    if not is_given(value):
        return NOT_GIVEN
    if isinstance(value, float):
        return number(value, 4).rstrip("0").rstrip(".")
    return clean(value)


def provenance_section(context: Context) -> Section:
    """Release, hashes, what was received, what was proved."""
    section = Section("provenance", "Where this report comes from")
    release = release_row(context)
    if not release:
        return section.add(missing("This release has no table meta.release."))
    rows = [
        Row("Release", (_plain(release.get("release_id")),)),
        Row("Built (UTC)", (_plain(release.get("created_at")),)),
    ]
    rows += [Row(label, (_plain(release.get(name)),)) for name, label in _HASHES]
    section.add(
        Table("Release and hashes", "What", (Column("Value", is_number=False),), tuple(rows), "meta.release"),
        _received(context),
        _corrected(context),
        _proved(context),
        *_linkage(context),
        Heading("How to follow a number"),
        Text(
            "Each table and figure names the table of the release behind it. The database registry.duckdb beside this report holds these "
            "tables, with a comment on every column; the folder figures holds each figure as SVG and the numbers behind it as CSV, "
            "without identifiers. The same release gives the same report, byte for byte.",
        ),
    )
    return section


def _received(context: Context) -> Block | None:
    submissions = context.tables.query(
        "SELECT facility_id, count(DISTINCT submission_id) AS submissions, count(*) AS files, sum(n_bytes) AS bytes "
        "FROM meta.submission GROUP BY facility_id ORDER BY facility_id",
        {"meta.submission": ["facility_id", "submission_id", "n_bytes"]},
    )
    if submissions is None or submissions.empty:
        return None
    rows = tuple(
        Row(clean(row.facility_id), (count(row.submissions), count(row.files), count(row.bytes)))
        for row in submissions.itertuples()
    )
    columns = (Column("Submissions"), Column("Files"), Column("Bytes"))
    return Table("What was received", "Facility", columns, rows, "meta.submission")


def _linkage(context: Context) -> list[Block]:
    """How numbers of source systems became persons, in counts."""
    numbers = context.tables.query(
        "SELECT match_method, count(*) AS n FROM curated.patient_xref GROUP BY match_method ORDER BY n DESC, match_method",
        {"curated.patient_xref": ["match_method"]},
    )
    if numbers is None or numbers.empty:
        return []
    kinds = ", ".join(
        f"{count(row.n)} by {MATCH_METHOD.labels.get(str(row.match_method), clean(row.match_method))}"
        for row in numbers.itertuples()
    )
    text = (
        f"{count(numbers['n'].sum())} patient numbers of source systems stand for "
        f"{count(context.tables.n_rows('curated.patient'))} persons ({kinds})."
    )
    blocks = context.tables.table("quality.linkage_block")
    if len(blocks):
        cut = int(blocks["n_patients_cut"].sum())
        text += (
            f" Patients who share one of {count(len(blocks))} blocking keys are compared: {count(blocks['n_pairs'].sum())} pairs"
            + (f"; {count(cut)} patients were not, because too many share their key" if cut else "")
            + f". {count(context.tables.n_rows('quality.patient_pair'))} of them may be one person; rule V05 asks a "
            "steward about the likely ones, and no pair is merged without a decision."
        )
    return [
        Heading("Linkage of persons"),
        Text(text, "curated.patient_xref, quality.linkage_block, quality.patient_pair"),
    ]


def _corrected(context: Context) -> Block | None:
    """How many values are corrections of the registry and not what a facility sent."""
    rows = context.tables.table("quality.correction")
    if rows.empty:
        return None
    n = len(rows)
    return Text(
        f"{count(n)} {'value is' if n == 1 else 'values are'} not as received: the registry corrected "
        f"{'it' if n == 1 else 'them'}, with reasons, until the source agrees; the quality report lists where.",
        "quality.correction",
    )


def _proved(context: Context) -> Block | None:
    checks = context.tables.query(
        "SELECT count(*) AS n, coalesce(sum(n_violated), 0) AS violated FROM quality.reconciliation",
        {"quality.reconciliation": ["n_violated"]},
    )
    if checks is None or not int(checks["n"].iloc[0]):
        return None
    n, violated = int(checks["n"].iloc[0]), int(checks["violated"].iloc[0])
    text = f"{n} statements about keys, references and sums were proved of this release before it was sealed"
    return caution(f"{text}; rows against them: {violated}.", "quality.reconciliation")


SECTIONS = (
    ReportSection("parameters", 170, parameters_section, is_folded=True),
    ReportSection("provenance", 200, provenance_section, is_folded=True),
)
