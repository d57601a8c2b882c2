"""Tables ``result.cox_*``."""
