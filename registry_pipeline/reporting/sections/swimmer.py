"""Study report: the course of each patient.

Belongs here: choosing patients and marks for the swimmer's plot. Does not belong here: drawing it.
"""

from __future__ import annotations

import pandas as pd

from registry_pipeline.reporting.document.blocks import Block, missing
from registry_pipeline.reporting.document.wording import (
    clean,
)
from registry_pipeline.reporting.figures.swimmer import swimmer_figure
from registry_pipeline.reporting.sections.context import Context
from schemas.codes import LESION_SITE_GROUP
from schemas.study import LRT_START, SITE

MOST_LANES = 60


def swimmer_block(context: Context) -> Block:
    """One bar per patient; at most as many as can be read."""
    lanes, events, n_all = _lanes(context)
    if lanes.empty:
        return missing(f"Swimmer's plot: not drawn. {context.why_empty('mart.survival_time')}")
    groups = [context.words.level(SITE.name, site) for site in LESION_SITE_GROUP.codes]
    return context.figures.add(
        "swimmer",
        swimmer_figure(lanes, events, groups, f"Months from {LRT_START.label}"),
        pd.concat([lanes.drop(columns="group").assign(site=lanes["group"]), events], ignore_index=True),
        title=f"Swimmer's plot of {len(lanes)} patients"
        + ("" if n_all == len(lanes) else f" out of {n_all}"),
        description="One bar per patient from the start of local therapy to death or last contact, with recurrences.",
        meaning="Each bar is one patient; it ends at death or at the last contact, and marks show what recurred and when.",
        limits="The length of a bar without a cross is not a survival time: that patient was alive when last heard of.",
        source="mart.survival_time, mart.recurrence, mart.cohort",
    )


def _lanes(context: Context) -> tuple[pd.DataFrame, pd.DataFrame, int]:
    """Bars and marks of at most MOST_LANES patients, taken by pseudonym, without any identifier."""
    empty = pd.DataFrame()
    needs = {
        "mart.survival_time": ["patient_id", "endpoint", "origin", "duration_days", "event"],
        "mart.cohort": ["patient_id", SITE.name],
        "mart.recurrence": ["patient_id", "event_type", "days_since_lrt"],
    }
    chosen = context.tables.query(
        "SELECT patient_id, duration_days, event, lesion_site_group, count(*) OVER () AS n_all "
        "FROM mart.survival_time JOIN mart.cohort USING (patient_id) "
        "WHERE endpoint = 'os' AND origin = 'lrt_start' ORDER BY patient_id LIMIT ?",
        needs,
        [MOST_LANES],
    )
    if chosen is None or chosen.empty:
        return empty, empty, 0
    recurrences = context.tables.query(
        "SELECT patient_id, event_type, days_since_lrt FROM mart.recurrence", needs
    )
    chosen = chosen.sort_values(["duration_days", "patient_id"], ascending=[False, True]).reset_index(
        drop=True
    )
    lanes = pd.DataFrame(
        {
            "lane": chosen.index,
            "months": chosen["duration_days"] / context.days_per_month,
            "is_dead": chosen["event"] == 1,
            "group": [context.words.level(SITE.name, site) for site in chosen[SITE.name]],
        }
    )
    marked = chosen[["patient_id"]].assign(lane=chosen.index).merge(recurrences, on="patient_id")
    events = pd.DataFrame(
        {
            "lane": marked["lane"],
            "months": marked["days_since_lrt"] / context.days_per_month,
            "event_type": marked["event_type"].map(clean),
        }
    )
    return lanes, events.sort_values(["lane", "months"], ignore_index=True), int(chosen["n_all"].iloc[0])
