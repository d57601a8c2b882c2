"""Units that every room shares, and moments as files note them."""

from datetime import UTC, datetime

DAYS_PER_MONTH = 30.4375
"""Days in an average month of the Gregorian calendar, a twelfth of 365.25; months are for display only."""


def noted_moment(text: str) -> datetime:
    """A moment that a ledger or a log noted (ISO 8601); of universal time where it says no other.

    Raises:
        ValueError: it is no moment.
    """
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
