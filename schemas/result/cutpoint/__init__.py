"""Tables ``result.cutpoint_*``."""
