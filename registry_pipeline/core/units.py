"""Units that every room shares."""

DAYS_PER_MONTH = 30.4375
"""Days in an average month of the Gregorian calendar, a twelfth of 365.25; months are for display only."""
