"""Vital status, exclusions and survival times of a release, patient by patient, in plain Python over pandas.

Belongs here: the definitions of the study in their second formulation, read from the text of the study and from
nothing of ``sql/``. Does not belong here: anything of the pipeline; only rows of ``curated.*`` and settings come in.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import pandas as pd

Row = Mapping[str, Any]
Rows = Mapping[str, list[Row]]
DATED = {
    "imaging_exam": ("exam_date",),
    "lrt_course": ("start_date", "end_date"),
    "event": ("event_date",),
    "systemic_line": ("start_date", "end_date"),
    "toxicity": ("onset_date", "resolved_date"),
    "primary_treatment": ("start_date", "end_date"),
    "regional_recurrence": ("dx_date",),
    "omd_episode": ("omd_dx_date",),
    "lesion": ("detection_date",),
}
RESTS_ON = ("death", "omd_episode", "lesion", "lrt_course", "event", "measurement", "followup")


@dataclass
class Study:
    """The settings that the definitions need."""

    extract_date: date
    omd_max_lesions: int
    window_date: str
    window_start: date
    window_end: date


@dataclass
class Patient:
    """Everything on record of one patient."""

    row: Row
    records: dict[str, list[Row]] = field(default_factory=lambda: defaultdict(list))

    def of(self, table: str) -> list[Row]:
        return self.records[table]


def rows_of(frame: pd.DataFrame) -> list[Row]:
    """Rows with None for whatever is missing, and days for timestamps."""
    plain = frame.astype(object).where(frame.notna(), None).to_dict("records")
    return [
        {key: value.date() if isinstance(value, pd.Timestamp) else value for key, value in row.items()}
        for row in plain
    ]


def patients_of(rows: Rows) -> dict[str, Patient]:
    found = {row["patient_id"]: Patient(row) for row in rows["patient"]}
    for table, records in rows.items():
        for record in records:
            if table != "patient" and record.get("patient_id") in found:
                found[record["patient_id"]].records[table].append(record)
    return found


def seen_alive(patient: Patient) -> list[date]:
    """Days on which she was seen, examined or treated."""
    days = [record[name] for table, names in DATED.items() for record in patient.of(table) for name in names]
    for contact in patient.of("followup"):
        if contact["is_alive"] is not False and contact["followup_source"] != "civil":
            days.append(contact["contact_date"])
    return [day for day in days if day is not None]


def vital_status(patient: Patient, study: Study) -> dict[str, Any]:
    seen = seen_alive(patient)
    last = max(seen) if seen else None
    alive = min(last, study.extract_date) if last else None
    death = patient.of("death")[0] if patient.of("death") else None
    day = death["death_date"] if death else None
    is_dead = death is not None and (day is None or (death["death_date_lower"] or day) <= study.extract_date)
    died = None
    if is_dead and day is not None:
        latest = day if last is None else max(day, last)
        died = min(death["death_date_upper"] or day, latest, study.extract_date)
    end = died if is_dead else alive
    assessed = [exam["exam_date"] for exam in patient.of("imaging_exam")]
    assessed += [event["event_date"] for event in patient.of("event")]
    assessed += [
        contact["contact_date"]
        for contact in patient.of("followup")
        if contact["disease_status"] in ("ned", "awd") and contact["is_alive"] is not False
    ]
    known = [one for one in assessed if one is not None]
    return {
        "is_dead": is_dead,
        "death_date": died,
        "last_alive_date": alive,
        "end_date": end,
        "last_assessment_date": min(max(known), end) if known and end else None,
    }


def index_episode(patient: Patient) -> Row | None:
    episodes = patient.of("omd_episode")
    marked = [
        one for one in episodes if one["is_index"] is True or (one["is_index"] is None and len(episodes) == 1)
    ]
    return marked[0] if len(marked) == 1 else None


def index_lesions(patient: Patient, episode: Row) -> list[Row]:
    return [
        lesion
        for lesion in patient.of("lesion")
        if lesion["episode_id"] == episode["episode_id"]
        and lesion["lesion_status"] in (None, "index")
        and lesion["lesion_site"] != "paraaortic"
    ]


def is_intracranial(patient: Patient, episode: Row) -> bool:
    return any(
        lesion["lesion_site"] == "brain" or (lesion["icd10_secondary_code"] or "").startswith("C79.3")
        for lesion in patient.of("lesion")
        if lesion["episode_id"] == episode["episode_id"] and lesion["lesion_status"] != "new"
    )


def therapy_start(patient: Patient, episode: Row) -> date | None:
    """First day of radiotherapy called definitive, or of surgery or ablation not called otherwise."""
    days = [
        course["start_date"]
        for course in patient.of("lrt_course")
        if course["episode_id"] == episode["episode_id"]
        and (
            (course["lrt_modality"] == "rt" and course["intent"] == "definitive")
            or (
                course["lrt_modality"] in ("surgery", "ablation")
                and course["intent"] in (None, "unk", "definitive")
            )
        )
    ]
    return min(days) if days else None


def step_of(patient: Patient, study: Study, is_held: bool) -> int | None:
    """The step at which she leaves the study; None in the cohort."""
    episode, end = index_episode(patient), vital_status(patient, study)["end_date"]
    if is_held:
        return 1
    if patient.row["has_consent"] is False:
        return 2
    if not patient.of("omd_episode"):
        return 3
    if episode is None:
        return 4
    start, n_lesions = therapy_start(patient, episode), len(index_lesions(patient, episode))
    if is_intracranial(patient, episode):
        return 5
    if n_lesions == 0:
        return 6
    if n_lesions > study.omd_max_lesions:
        return 7
    if start is None:
        return 8
    day = episode["omd_dx_date"] if study.window_date == "omd_dx" else start
    if not study.window_start <= day <= study.window_end:
        return 9
    return 10 if end is None or end < max(start, episode["omd_dx_date"]) else None


def survival_times(patient: Patient, study: Study) -> dict[tuple[str, str], tuple[int, int]]:
    """(endpoint, origin) -> (days, event) of a patient of the cohort, from therapy and from the episode."""
    episode, status = index_episode(patient), vital_status(patient, study)
    assert episode is not None
    start, end, died = therapy_start(patient, episode), status["end_date"], status["death_date"]
    assert start is not None
    first: dict[str, date] = {}
    for event in patient.of("event"):
        kind, day = event["event_type"], event["event_date"]
        if kind in ("biochemical", "new_primary") or (event["event_date_upper"] or day) <= start:
            continue
        if (event["event_date_lower"] or day) > end:
            continue
        day = min(max(day, start), end)
        first[kind] = min(first.get(kind, day), day)
    local, new = first.get("local_recurrence"), first.get("new_oligomet")
    other = min((day for kind, day in first.items() if kind != "new_oligomet"), default=None)
    found = {}
    for origin, zero in (("lrt_start", start), ("omd_dx", episode["omd_dx_date"])):
        assessed = max(status["last_assessment_date"] or zero, zero)
        wanted = {
            "os": ([died], [], end),
            "lrfs": ([local, died], [], assessed),
            "local_control": ([local], [died], assessed),
            "pfs": ([new, other, died], [], assessed),
            "new_oligomet": ([new], [other, died], assessed),
        }
        for endpoint, (events, competing, censored) in wanted.items():
            event = min((day for day in events if day), default=None)
            rival = min((day for day in competing if day), default=None)
            if event is not None and (rival is None or event <= rival):
                day, outcome = event, 1
            elif rival is not None:
                day, outcome = rival, 2
            else:
                day, outcome = censored, 0
            found[endpoint, origin] = (max((day - zero).days, 0), outcome)
    return found


def survival_from_diagnosis(patient: Patient, study: Study) -> tuple[int, int] | None:
    """(days, died) from the first primary tumour; None where no such time is known."""
    status = vital_status(patient, study)
    tumours = sorted(
        patient.of("primary_tumour"),
        key=lambda one: (one["dx_date"], one["source_record_id"] or "", one["tumour_id"]),
    )
    if not tumours or status["end_date"] is None or patient.row["has_consent"] is False:
        return None
    zero, end = tumours[0]["dx_date"], status["end_date"]
    if end < (tumours[0]["dx_date_lower"] or zero):
        return None
    return max((end - zero).days, 0), int(status["is_dead"])
