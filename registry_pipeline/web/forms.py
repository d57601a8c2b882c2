"""Pages that change something: deciding of one finding or many, taking back, saying who decides.

Belongs here: reading a form, checking its token, where the browser goes next.
Does not belong here: what is refused and written (``stewardship/decide.py``).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any
from urllib.parse import parse_qsl, quote

import polars as pl
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from registry_pipeline.core.files import StoreError
from registry_pipeline.core.toml_source import ConfigurationError
from registry_pipeline.intake.landing.inbox import shown
from registry_pipeline.operations.audit import recorded
from registry_pipeline.pipeline.errors import Refused
from registry_pipeline.pipeline.refresh import judge_inbox
from registry_pipeline.stewardship.batches import take_back
from registry_pipeline.stewardship.conversation import conversation
from registry_pipeline.stewardship.decide import DecisionRefused, Order, decide, plain_text
from registry_pipeline.stewardship.findings import find, select_findings
from registry_pipeline.web.desk import STEWARD_COOKIE, Desk, with_query
from registry_pipeline.web.pages import Pairs, filters_of, show_finding, whole_number

JUDGED_ANEW = "Files have been judged anew since this was shown, and other values may stand there. Nothing was written; look again."
YEAR_SECONDS = 365 * 86_400
SAID = ("remark", "assigned", "withdrawn")
"""Entries of the ledger after which a finding waits as before."""


class Form(dict[str, str]):
    """The fields of a form that has come with this server's token.

    Attributes:
        pairs: the query of the list that the form belongs to.
        ids: ticked findings.
        causes: ticked causes, and of how many findings each was when it was shown.
    """

    def __init__(self, fields: Pairs) -> None:
        super().__init__(fields)
        self.pairs: Pairs = parse_qsl(self.get("list", ""))
        self.ids = [value for name, value in fields if name == "id"]
        self.causes = dict(value.rpartition(":")[::2] for name, value in fields if name == "cause")


def _refused(request: Request, message: str, status: int) -> Response:
    desk: Desk = request.app.state.desk
    return desk.render(request, "problem.html", status, message=message)


def posted(handle: Callable[[Request, Form], Response]) -> Callable[[Request], Awaitable[Response]]:
    """What a route that changes something ends in: only a form with this server's token comes to the handler.

    The handler reads and writes files, so it runs in a thread.
    """

    @wraps(handle)
    async def endpoint(request: Request) -> Response:
        desk: Desk = request.app.state.desk
        body = (await request.body()).decode("utf-8", "replace")
        form = Form(parse_qsl(body, keep_blank_values=True, max_num_fields=5_000))
        if not desk.policy.is_csrf_token(form.get("csrf", "")):
            return _refused(request, "The form does not come from this page. Open it again.", 403)
        return await run_in_threadpool(handle, request, form)

    return endpoint


def _order(desk: Desk, request: Request, form: Form) -> Order:
    state = form.get("state", "")
    return Order(
        state,
        form.get("reason", ""),
        form.get("by") or desk.steward_of(request),
        form.get("until") or None,
        form.get("assigned_to") or None,
        form.get("due_date") or None,
        form.get("new_value", "") if state == "correction" else None,
    )


@posted
def decide_finding(request: Request, form: Form) -> Response:
    """A decision, remark or assignment on one finding; then the next one of the list."""
    desk: Desk = request.app.state.desk
    finding_id = request.path_params["finding_id"]
    snapshot = desk.snapshot()
    if find(snapshot, finding_id) is None:
        return _refused(request, f"there is no finding '{finding_id}'", 404)
    entries_before = conversation(desk.home, finding_id)
    if form.get("seen_no", "") != str(entries_before[-1].decision.decision_no if entries_before else 0):
        problem = "Somebody decided meanwhile, see the conversation. Nothing was written; decide again if it still holds."
        return show_finding(request, finding_id, form.pairs, 409, problem)
    if form.get("as_of") != snapshot.as_of:
        return show_finding(request, finding_id, form.pairs, 409, JUDGED_ANEW)
    chosen = snapshot.findings.filter(snapshot.findings["finding_id"] == finding_id)
    listed = select_findings(snapshot, filters_of(form.pairs))["finding_id"].to_list()
    try:
        order = _order(desk, request, form)
        entries = decide(desk.home, chosen, order)
    except (DecisionRefused, StoreError) as problem:
        return show_finding(request, finding_id, form.pairs, 422, str(problem))
    is_said = order.state in SAID
    following = finding_id if is_said else _after(finding_id, listed)
    target = f"/finding/{quote(following)}" if following else "/findings"
    notice = f"{finding_id}: {order.state} (decision {entries[0].decision_no})"
    number = entries[0].decision_no
    address = with_query(target, form.pairs, done=notice, batch=None if is_said else f"{number}-{number}")
    return _with_name_cookie(request, RedirectResponse(address, 303), form)


def _after(finding_id: str, listed: list[str]) -> str | None:
    """The next finding of the list, which the decided one may leave."""
    if finding_id not in listed:
        return None
    place = listed.index(finding_id)
    following = listed[place + 1 : place + 2] or listed[:place][-1:]
    return following[0] if following else None


@posted
def decide_many(request: Request, form: Form) -> Response:
    """One decision on the ticked findings, or on all that the list shows."""
    desk: Desk = request.app.state.desk
    snapshot = desk.snapshot()
    if form.get("as_of") != snapshot.as_of:
        return _refused(request, JUDGED_ANEW, 409)
    chosen = select_findings(snapshot, filters_of(form.pairs))
    if form.get("scope") == "all":
        if str(chosen.height) != form.get("n_listed"):
            message = f"The list has changed: it now has {chosen.height} findings. Nothing was written; look at it again."
            return _refused(request, message, 409)
    else:
        chosen, is_as_shown = _ticked(chosen, form)
        if not is_as_shown:
            return _refused(
                request, "Some of the ticked findings are no longer in the list. Nothing was written.", 409
            )
    try:
        order = _order(desk, request, form)
        entries = decide(desk.home, chosen, order)
    except (DecisionRefused, StoreError) as problem:
        return _refused(request, str(problem), 422)
    numbers = (entries[0].decision_no, entries[-1].decision_no)
    notice = f"{len(entries)} findings: {order.state} (decisions {numbers[0]} to {numbers[1]})"
    target = "/by/cause" if form.causes else "/findings"
    is_said = order.state in SAID
    of_batch = None if is_said else f"{numbers[0]}-{numbers[1]}"
    address = with_query(target, form.pairs, done=notice, batch=of_batch)
    return _with_name_cookie(request, RedirectResponse(address, 303), form)


def _ticked(listed: pl.DataFrame, form: Form) -> tuple[pl.DataFrame, bool]:
    """The ticked findings, or all of the ticked causes, and whether they are those that were shown."""
    if not form.causes:
        chosen = listed.filter(pl.col("finding_id").is_in(form.ids))
        return chosen, chosen.height == len(form.ids)
    chosen = listed.filter(pl.col("cause_id").is_in(list(form.causes)))
    counted = dict(chosen.group_by("cause_id").len().iter_rows())
    return chosen, {cause: str(n) for cause, n in counted.items()} == form.causes


@posted
def withdraw_batch(request: Request, form: Form) -> Response:
    """Take back what was decided of many at once, where nobody has decided again since."""
    desk: Desk = request.app.state.desk
    first, last = whole_number(form.get("first", "")), whole_number(form.get("last", ""))
    numbers = range(first, last + 1)
    try:
        entries = take_back(desk.home, desk.snapshot(), numbers, form.get("by") or desk.steward_of(request))
    except (DecisionRefused, StoreError) as problem:
        return _refused(request, str(problem), 422)
    notice = f"{len(entries)} of {len(numbers)} decisions taken back"
    return _with_name_cookie(request, RedirectResponse(with_query("/decisions", [], done=notice), 303), form)


@posted
def screen_inbox(request: Request, form: Form) -> Response:
    """Judge what lies in the inbox; the findings are on the page at once."""
    desk: Desk = request.app.state.desk
    try:
        with recorded(desk.home, "screen", details=f"on the page, by {desk.steward_of(request)}"):
            judged = judge_inbox(desk.home)
    except (ConfigurationError, StoreError, Refused) as problem:
        return _refused(request, str(problem), 422)
    landing = judged.landing
    messages = [
        f"{len(landing.landed)} new files",
        f"judged: {', '.join(judged.facility_ids) or 'nothing, for nothing has changed'}",
        *(f"{file.facility_id}/{shown(file.shown_name)} is still being written" for file in landing.waiting),
        *(str(problem) for problem in landing.problems),
    ]
    return RedirectResponse(with_query("/", [], done="; ".join(messages)), 303)


@posted
def name_steward(request: Request, form: Form) -> Response:
    """Who decides, kept by this browser; then the page that asked."""
    path = form.get("path", "/")
    target = path if path.startswith("/") and path[1:2] not in ("/", "\\") else "/"
    return _with_name_cookie(request, RedirectResponse(target, 303), form)


def _with_name_cookie(request: Request, response: Response, form: Any) -> Response:
    """The response, with the name of who decides for the next time."""
    if form.get("by"):
        try:
            name = plain_text("by", form["by"])
        except DecisionRefused as problem:
            return _refused(request, str(problem), 422)
        response.set_cookie(
            STEWARD_COOKIE, quote(name), max_age=YEAR_SECONDS, httponly=True, samesite="strict"
        )
    return response


ROUTES = (
    Route("/finding/{finding_id}", decide_finding, methods=["POST"]),
    Route("/decide", decide_many, methods=["POST"]),
    Route("/withdraw", withdraw_batch, methods=["POST"]),
    Route("/screen", screen_inbox, methods=["POST"]),
    Route("/steward", name_steward, methods=["POST"]),
)
