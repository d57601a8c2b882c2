"""Tables ``result.km_*``."""
