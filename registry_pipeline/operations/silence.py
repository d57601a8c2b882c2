"""Facilities that have sent nothing for longer than their mapping says.

Belongs here: how long each has been silent. Does not belong here: telling anybody (``doctor.py``, ``alerts/``).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from registry_pipeline.core.home import Home
from registry_pipeline.core.toml_source import read_toml
from registry_pipeline.core.units import noted_moment
from registry_pipeline.intake.landing.ledger import read_ledger

SILENT_AFTER_DAYS = 100
"""Where a mapping does not say ``silent_after_days``."""


@dataclass(frozen=True)
class Silence:
    """How long a facility has sent nothing.

    Attributes:
        last_received: ISO time of its newest file, UTC; empty for one that never sent any.
        days: since then.
        limit: days after which it counts as silent.
    """

    facility_id: str
    last_received: str
    days: int
    limit: int

    @property
    def is_too_long(self) -> bool:
        """Whether it is longer than its mapping says; of one that never sent anything nobody knows."""
        return bool(self.last_received) and self.days > self.limit


def silences(home: Home, now: datetime | None = None) -> list[Silence]:
    """Every facility that has a mapping.

    Raises:
        ConfigurationError: a mapping or a ledger cannot be read.
    """
    return [_silence(home, facility_id, now or datetime.now(UTC)) for facility_id in home.facility_ids()]


def _silence(home: Home, facility_id: str, now: datetime) -> Silence:
    stated = read_toml(home.facilities / f"{facility_id}.toml").data.get("silent_after_days")
    limit = stated if isinstance(stated, int) and stated > 0 else SILENT_AFTER_DAYS  # refreshes refuse others
    received = [file.received_at for file in read_ledger(home, facility_id) if not file.is_withdrawn]
    if not received:
        return Silence(facility_id, "", 0, limit)
    moments = [noted_moment(text) for text in received]
    # A clock that went ahead once must not keep a facility from counting as silent for as long.
    last = max((moment for moment in moments if moment <= now), default=now)
    return Silence(facility_id, last.isoformat(timespec="seconds"), (now - last).days, limit)
