"""Tables ``result.recurrence_*``."""
