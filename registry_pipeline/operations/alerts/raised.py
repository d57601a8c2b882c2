"""What there is to tell of a home, in sentences without a value of any record.

Belongs here: one function per kind of alert. Does not belong here: whether it was told already (``tell.py``).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from registry_pipeline.core.home import Home
from registry_pipeline.operations.alerts.alerts_file import AlertSettings
from registry_pipeline.operations.audit import DONE, last_ended, read_audit_log
from registry_pipeline.operations.silence import silences
from registry_pipeline.store.integrity import newest_whole_release
from registry_pipeline.store.releases import current_release, open_release


@dataclass(frozen=True)
class Alert:
    """Something to tell.

    Attributes:
        key: tells it from every other one; each is told once.
        subject: in a few words.
        text: in a sentence, with what to do.
    """

    key: str
    subject: str
    text: str


def raised_alerts(home: Home, settings: AlertSettings) -> list[Alert]:
    """Everything that the settings want told of a home as it is now.

    Raises:
        ConfigurationError, StoreError: something of the home cannot be read.
    """
    alerts = list(_refused(home)) if settings.refused else []
    alerts += list(_silent(home)) if settings.silent else []
    if current_release(home) is not None:
        alerts += list(_new_errors(home, settings.new_errors)) if settings.new_errors is not None else []
        alerts += list(_moved(home, settings)) if settings.headlines else []
    return alerts


def _refused(home: Home) -> Iterator[Alert]:
    """The last refresh, where it did not end well."""
    entry = last_ended(read_audit_log(home), "refresh")
    if entry is not None and entry.outcome != DONE:
        served = f"release {entry.release_id} is still served" if entry.release_id else "no release is served"
        text = f"The refresh of {entry.at} did not end well; {served}. Why: registry audit, registry doctor."
        yield Alert(f"refused:{entry.entry_no}", "refresh refused", text)


def _silent(home: Home) -> Iterator[Alert]:
    for silence in silences(home):
        if silence.is_too_long:
            text = f"Facility {silence.facility_id} has sent nothing for {silence.days} days (limit {silence.limit}). Ask it."
            yield Alert(
                f"silent:{silence.facility_id}:{silence.last_received}",
                f"{silence.facility_id} is silent",
                text,
            )


def _new_errors(home: Home, limit: int) -> Iterator[Alert]:
    """Open errors that the served release is the first to show."""
    query = """
        SELECT count(*), any_value(release_id) FROM meta.release, quality.finding
        WHERE severity = 'error' AND first_seen_release = release_id
            AND finding_id IN (SELECT finding_id FROM open_findings)"""
    with open_release(home) as connection:
        n, release_id = connection.execute(query).fetchall()[0]
    if n > limit:
        text = f"Release {release_id} shows {n} new errors (limit {limit}). See: registry findings --severity error --new"
        yield Alert(f"errors:{release_id}", f"{n} new errors", text)


def _moved(home: Home, settings: AlertSettings) -> Iterator[Alert]:
    """Headline numbers that differ from those of the release before by more than their limits."""
    served = str(current_release(home))
    earlier = newest_whole_release(home, before=served)
    if earlier is None:
        return
    query = """
        SELECT b.headline, b.description, coalesce(b.unit, ''), a.computed_value, b.computed_value
        FROM result.bounds b JOIN attached.result.bounds a USING (headline)
        WHERE a.computed_value IS NOT NULL AND b.computed_value IS NOT NULL"""
    with open_release(home, served, attached_id=earlier) as connection:
        rows = connection.execute(query).fetchall()
    for name, description, unit, before, after in rows:
        limit = settings.headlines.get(name)
        if limit is not None and abs(after - before) > limit:
            text = (
                f"{description}: {before:.4g} in release {earlier}, {after:.4g} {unit} in {served} (limit {limit:g}). "
                f"What moved it: registry releases diff {earlier} {served}"
            )
            yield Alert(f"headline:{served}:{name}", f"{name} has moved", text)
