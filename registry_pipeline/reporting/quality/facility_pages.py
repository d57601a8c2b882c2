"""The quality page of every facility: a section of the same rows as in the release before is taken from there.

Belongs here: what the sections of a facility's page are made of, as digests; the files beside it.
Does not belong here: what its sections say (the modules beside this), keeping texts (``figures/drawing_cache.py``).

A page without its head (release, times, digests) follows from the facility's own rows, the catalogue of rules and code.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from markupsafe import Markup

from registry_pipeline.reporting.document.html import (
    RenderedSection,
    render_page,
    render_section,
    templates_digest,
)
from registry_pipeline.reporting.figures.base import FigureFolder
from registry_pipeline.reporting.figures.drawing_cache import content_digest, kept_text
from registry_pipeline.reporting.quality import SECTIONS
from registry_pipeline.reporting.quality.scope import FACILITY_READS, Scope
from registry_pipeline.reporting.sections.context import Context

FIGURES = "figures"


def facility_pages(
    registry: Scope, folder: Path, file_name: str, head: Mapping[str, object]
) -> dict[Path, str]:
    """A quality page for each facility, fit to be sent to it: it holds nothing of another one.

    Figures are written; the pages are given.

    Args:
        folder: gets a folder for each facility.
        head: what the head of every page says.
    """
    pages = {}
    contents, of_all = _contents_by_facility(registry), _content_of_all(registry)
    head = {**head, "n_registry": "", "n_cohort": ""}
    for facility in sorted({str(name) for name in registry.rows["facility_id"].dropna()}):
        own = folder / safe_name(facility)
        sections = []
        for number, reads in enumerate(SECTIONS.values()):
            digest = content_digest(
                [facility, number, [contents[facility].get(name) for name in reads], of_all]
            )
            stored = json.loads(
                kept_text(__name__, digest, partial(_section, registry, facility, own, number))
            )
            for name, text in stored["files"].items():
                path = own / FIGURES / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8", newline="")
                registry.context.figures.written.append(path)
            sections.append(
                RenderedSection(**{**stored["section"], "html": Markup(stored["section"]["html"])})
            )
        pages[own / file_name] = render_page("quality_report.html", sections, facility=facility, **head)
    return pages


def _section(registry: Scope, facility: str, own: Path, number: int) -> str:
    """A section of a page and the texts of its figures, as JSON."""
    make, reads = list(SECTIONS.items())[number]
    figures = FigureFolder(own / FIGURES)
    scope = Scope(Context(registry.context.tables, figures), facility, registry, reads)
    section = asdict(render_section(make(scope)))
    files = {path.name: path.read_bytes().decode() for path in figures.written}
    return json.dumps({"section": section, "files": files}, ensure_ascii=False)


def _content_of_all(registry: Scope) -> str:
    """What every facility's page is made of beside its own rows."""
    tables = registry.context.tables
    columns = {name: tables.has(name) for name in tables.names("quality")}
    empty = [getattr(registry, name) is None for name in FACILITY_READS]
    return content_digest([templates_digest(), registry.rules.reset_index(), columns, empty, tables.limit])


def _contents_by_facility(registry: Scope) -> dict[str, dict[str, str]]:
    """Facility -> what a page reads -> digest of its rows of that; nothing where it has none."""
    contents: dict[str, dict[str, str]] = {str(name): {} for name in registry.rows["facility_id"].dropna()}
    for name in FACILITY_READS:
        frame = getattr(registry, name)
        if frame is None:
            continue
        types = f"{list(frame.columns)} {frame.dtypes.tolist()}".encode()
        hashes = pd.util.hash_pandas_object(frame, index=False).to_numpy(np.uint64)
        for facility, positions in frame.groupby("facility_id", sort=False).indices.items():
            if facility in contents:
                contents[str(facility)][name] = hashlib.sha256(
                    types + hashes[positions].tobytes()
                ).hexdigest()
    return contents


def safe_name(facility: str) -> str:
    """A facility's id as the name of a folder; ids are checked at intake, and this does not rely on it."""
    return (
        "".join(character if character.isalnum() or character in "-_" else "_" for character in facility)
        or "_"
    )
