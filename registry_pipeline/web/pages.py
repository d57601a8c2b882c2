"""Pages that show: where we stand, lists, one finding, one patient.

Belongs here: which address shows what, and the query of a list.
Does not belong here: pages that change something (``forms.py``), what is shown (``stewardship/``).
"""

from __future__ import annotations

from typing import Any

import polars as pl
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from registry_pipeline.pipeline.watched import inbox_signature, is_landed
from registry_pipeline.stewardship.batches import pending_batches
from registry_pipeline.stewardship.conversation import conversation
from registry_pipeline.stewardship.decide import correctable_values
from registry_pipeline.stewardship.findings import COUNTED_BY, Filters, count_findings, find, select_findings
from registry_pipeline.stewardship.impact import impacts_of
from registry_pipeline.stewardship.overview import causes
from registry_pipeline.stewardship.patients import facilities_of, meant_patients, numbers_of
from registry_pipeline.stewardship.records import finding_details
from registry_pipeline.stewardship.timeline import folded, timeline
from registry_pipeline.web.desk import NOTICE, Desk

PAGE_ROWS, CAUSES, FOREMOST, MEANT, COUNTS = 50, 200, 5, 5, 500
SEVERAL = tuple(COUNTED_BY)
OF_THE_VIEW = ("page", *NOTICE)
"""Values of an address that say nothing of which findings are meant."""
Pairs = list[tuple[str, str]]


def filters_of(pairs: Pairs) -> Filters:
    """The filters that an address names; names that no filter has are left alone."""
    values = {name: tuple(value for key, value in pairs if key == name and value) for name in SEVERAL}
    single = dict(pairs)
    return Filters(
        **values,
        blank=single.get("blank") == "1",
        overdue=single.get("overdue") == "1",
        new=single.get("new") == "1",
        since=single.get("since", ""),
        text=single.get("text", ""),
        every_row=single.get("every_row") == "1",
    )


def query_of(request: Request) -> Pairs:
    """The filters of an address, empty values left out."""
    return [
        (name, value)
        for name, value in request.query_params.multi_items()
        if value and name not in OF_THE_VIEW
    ]


def home_page(request: Request) -> Response:
    """Where we stand."""
    desk: Desk = request.app.state.desk
    foremost = desk.snapshot().waiting.drop_nulls("impact_rank").sort("impact_rank").head(FOREMOST)
    return desk.render(
        request,
        "home.html",
        overview=desk.overview(),
        foremost=foremost.to_dicts(),
        is_inbox_known=is_landed(desk.home, inbox_signature(desk.home)),
    )


def list_page(request: Request) -> Response:
    """The findings that the address asks for, a page at a time."""
    desk: Desk = request.app.state.desk
    snapshot, pairs = desk.snapshot(), query_of(request)
    chosen = select_findings(snapshot, filters_of(pairs))
    n_pages = max(1, -(-chosen.height // PAGE_ROWS))
    number = min(max(1, whole_number(request.query_params.get("page", "1"))), n_pages)
    rows = chosen.slice((number - 1) * PAGE_ROWS, PAGE_ROWS).to_dicts()
    text = dict(pairs).get("text", "").strip()
    patients = meant_patients(snapshot.numbers, (text,))[:MEANT] if text else []
    template = "rows.html" if request.headers.get("hx-request") == "true" else "list.html"
    values: dict[str, Any] = {"rows": rows, "n_findings": chosen.height, "page": number, "n_pages": n_pages}
    return desk.render(
        request,
        template,
        pairs=pairs,
        **values,
        facets=desk.facets(),
        patients=[(patient, numbers_of(snapshot.numbers, patient)) for patient in patients],
    )


def whole_number(text: str) -> int:
    """A number of an address or a form; 1 for what is none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 9 else 1


def counts_page(request: Request) -> Response:
    """Open findings by facility, rule, file, patient, or cause."""
    desk: Desk = request.app.state.desk
    by, pairs = request.path_params["by"], query_of(request)
    chosen = select_findings(desk.snapshot(), filters_of(pairs))
    if by == "cause":
        is_by_number = request.query_params.get("sort") == "number"
        grouped = causes(chosen, most_first=is_by_number)
        return desk.render(
            request,
            "causes.html",
            pairs=pairs,
            rows=grouped.head(CAUSES).to_dicts(),
            n_causes=grouped.height,
            is_by_number=is_by_number,
            n_findings=chosen.height,
        )
    if by not in COUNTED_BY:
        return not_found(request, f"there is no list by '{by}'")
    counted = count_findings(chosen, COUNTED_BY[by])
    rows = counted.head(COUNTS).to_dicts()
    if by == "patient":
        numbers = desk.snapshot().numbers.filter(
            pl.col("patient_id").is_in([row["patient_id"] for row in rows])
        )
        rows = [{**row, "numbers": numbers_of(numbers, row["patient_id"])} for row in rows]
    shown: dict[str, Any] = {"column": COUNTED_BY[by], "rows": rows, "n_rows": counted.height}
    return desk.render(request, "counts.html", pairs=pairs, by=by, **shown)


def finding_page(request: Request) -> Response:
    """One finding: what came in, the record, what was said; and its neighbours in the list that led here."""
    return show_finding(request, request.path_params["finding_id"], query_of(request))


def show_finding(
    request: Request, finding_id: str, pairs: Pairs, status: int = 200, problem: str = ""
) -> Response:
    """The page of a finding, with what was wrong with a form that was sent from it."""
    desk: Desk = request.app.state.desk
    snapshot = desk.snapshot()
    finding = find(snapshot, finding_id)
    if finding is None:
        return not_found(request, f"there is no finding '{finding_id}'")
    listed = select_findings(snapshot, filters_of(pairs))["finding_id"]
    place = listed.index_of(finding_id)
    shown = finding_details(desk.home, desk.released, finding)
    patient = shown.patient_id
    facilities = facilities_of(snapshot.numbers, patient)
    return desk.render(
        request,
        "finding.html",
        status,
        finding=finding,
        details=shown,
        rule=desk.rules.get(str(finding["rule_id"]), ""),
        timeline=folded(timeline(desk.home, patient, facilities), [finding])
        if facilities and patient
        else [],
        numbers=numbers_of(snapshot.numbers, patient),
        conversation=conversation(desk.home, finding_id),
        n_alike=select_findings(snapshot, Filters(cause=(finding_id,))).height,
        impacts=impacts_of(snapshot.impacts, finding_id),
        candidates=correctable_values(finding),
        pairs=pairs,
        place=None if place is None else place + 1,
        n_listed=listed.len(),
        before=listed[place - 1] if place else None,
        after=listed[place + 1] if place is not None and place + 1 < listed.len() else None,
        problem=problem,
    )


def patient_page(request: Request) -> Response:
    """Everything that came in about one patient, by date, with what is in doubt marked."""
    desk: Desk = request.app.state.desk
    patient_id = request.path_params["patient_id"]
    numbers = numbers_of(desk.snapshot().numbers, patient_id)
    facilities = facilities_of(desk.snapshot().numbers, patient_id)
    entries = timeline(desk.home, patient_id, facilities) if facilities else []
    findings = select_findings(
        desk.snapshot(), Filters(patient=(patient_id,), status=("all",), every_row=True)
    )
    if not entries and findings.is_empty():
        return not_found(request, f"there is no patient '{patient_id}'")
    rows = findings.to_dicts()
    shown = folded(entries, rows)
    return desk.render(
        request, "patient.html", patient_id=patient_id, timeline=shown, findings=rows, numbers=numbers
    )


def decisions_page(request: Request) -> Response:
    """Decisions that wait for the next refresh."""
    desk: Desk = request.app.state.desk
    return desk.render(request, "decisions.html", batches=pending_batches(desk.home))


def help_page(request: Request) -> Response:
    """Keys, states and what decisions do."""
    desk: Desk = request.app.state.desk
    return desk.render(request, "help.html")


def not_found(request: Request, message: str) -> Response:
    """What is said where there is nothing."""
    desk: Desk = request.app.state.desk
    return desk.render(request, "problem.html", 404, message=message)


ROUTES = (
    Route("/", home_page),
    Route("/findings", list_page),
    Route("/by/{by}", counts_page),
    Route("/finding/{finding_id}", finding_page),
    Route("/patient/{patient_id}", patient_page),
    Route("/decisions", decisions_page),
    Route("/help", help_page),
)
