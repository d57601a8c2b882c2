"""What the page is made of while it runs: the home, the findings as of now, the templates.

Belongs here: keeping the last snapshot until something it is made of changes, rendering templates.
Does not belong here: routes (``pages.py``, ``forms.py``), what findings are (``stewardship/``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import cache, cached_property
from pathlib import Path
from threading import Lock
from typing import Any
from urllib.parse import quote, unquote, urlencode

from jinja2 import Environment
from starlette.requests import Request
from starlette.responses import HTMLResponse

from registry_pipeline.core.home import Home
from registry_pipeline.core.web_security import AccessPolicy
from registry_pipeline.reporting.document.html import page_environment
from registry_pipeline.reporting.document.terminal import harmless
from registry_pipeline.stewardship.findings import Snapshot, take_snapshot
from registry_pipeline.stewardship.overview import Overview, overview
from registry_pipeline.stewardship.released import ReleaseReader
from registry_pipeline.stewardship.sources import Sources, read_sources, source_token, state_token
from registry_pipeline.store.releases import created_at
from registry_pipeline.validation.rules.catalogue import catalogue as read_catalogue
from registry_pipeline.web.assets import address, integrity
from schemas.codes import FINDING_STATUS, OPEN_STATUSES

TEMPLATES = Path(__file__).parent / "templates"
STEWARD_COOKIE = "steward"
NOTICE = ("done", "batch")
"""Values of an address that say what a form has done."""
SHORT = 160
"""Characters of a value or a message in a list; the page of the finding shows all of it."""


@dataclass
class Desk:
    """One running page.

    Attributes:
        home: the registry home.
        policy: who may talk to the page.
        steward: who decides, where the command line said so.
    """

    home: Home
    policy: AccessPolicy
    steward: str = ""
    _lock: Lock = field(default_factory=Lock, repr=False)
    _snapshot: Snapshot | None = field(default=None, repr=False)
    _token: tuple[object, ...] = field(default=(), repr=False)
    _sources: Sources | None = field(default=None, repr=False)
    _source: tuple[object, ...] = field(default=(), repr=False)
    _facets: Mapping[str, list[str]] = field(default_factory=dict, repr=False)
    _overview: tuple[Snapshot, Overview] | None = field(default=None, repr=False)

    def snapshot(self) -> Snapshot:
        """The findings as of now; taken anew when a screening, a release or a decision has come."""
        with self._lock:
            token = state_token(self.home)
            if self._snapshot is None or token != self._token:
                source = source_token(self.home)
                if self._sources is None or source != self._source:
                    self._sources, self._source = read_sources(self.home), source
                self._snapshot, self._token = take_snapshot(self.home, self._sources), token
                self._facets = {
                    name: self._snapshot.findings[column].drop_nulls().unique().sort().to_list()
                    for name, column in (("facility", "facility_id"), ("rule", "rule_id"))
                }
            return self._snapshot

    def facets(self) -> Mapping[str, list[str]]:
        """What the filters of a list may choose from."""
        self.snapshot()
        return self._facets

    def overview(self) -> Overview:
        """Where the findings stand, counted once for a snapshot."""
        snapshot = self.snapshot()
        if self._overview is None or self._overview[0] is not snapshot:
            self._overview = snapshot, overview(self.home, self.released, snapshot, datetime.now(UTC).date())
        return self._overview[1]

    @cached_property
    def released(self) -> ReleaseReader:
        """The served release, kept open."""
        return ReleaseReader(self.home)

    @cached_property
    def rules(self) -> Mapping[str, str]:
        """Rule -> its sentence."""
        return read_catalogue(self.home.settings()).sentences()

    def steward_of(self, request: Request) -> str:
        """Who decides: as the command line said, else as she said once in this browser."""
        return self.steward or unquote(request.cookies.get(STEWARD_COOKIE, ""))

    def render(self, request: Request, template: str, status: int = 200, **values: Any) -> HTMLResponse:
        """A page, or only its rows where htmx asked for them."""
        snapshot = self.snapshot()
        text = (
            _environment()
            .get_template(template)
            .render(
                **values,
                desk=self,
                snapshot=snapshot,
                steward=self.steward_of(request),
                csrf=self.policy.csrf_token,
                done=request.query_params.get("done", ""),
                batch=request.query_params.get("batch", ""),
                path=request.url.path,
                here=with_query(request.url.path, _without_notice(request)),
                today=datetime.now(UTC).date(),
            )
        )
        return HTMLResponse(text, status)


def with_query(path: str, pairs: list[tuple[str, str]], **changed: str | None) -> str:
    """An address with its query, some of its values replaced or (None) left out."""
    query = [(name, value) for name, value in pairs if name not in changed]
    query += [(name, value) for name, value in changed.items() if value is not None]
    return f"{path}?{urlencode(query)}" if query else path


def _without_notice(request: Request) -> list[tuple[str, str]]:
    """The query of an address, without what was said of the form before."""
    pairs = request.query_params.multi_items()
    return [(name, value) for name, value in pairs if name not in NOTICE]


def age_days(release_id: str | None, today: date) -> int:
    """Days since a release; 0 for what no release has shown yet."""
    return (today - created_at(release_id).date()).days if release_id else 0


def _short(value: object) -> str:
    text = harmless(value[: SHORT + 1] if isinstance(value, str) else value)
    return text if len(text) <= SHORT else text[: SHORT - 1] + "…"


@cache
def _environment() -> Environment:
    environment = page_environment(TEMPLATES)
    environment.filters.update(seen=harmless, short=_short, segment=_segment)
    environment.globals.update(
        asset=address,
        integrity=integrity,
        with_query=with_query,
        age_days=age_days,
        open_statuses=OPEN_STATUSES,
        statuses=dict(FINDING_STATUS.labels),
    )
    return environment


def _segment(value: object) -> str:
    """A value as one segment of an address."""
    return quote(str(value), safe="")
