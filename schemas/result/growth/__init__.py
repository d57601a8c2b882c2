"""Tables ``result.growth_*``."""
