"""Tables ``mart.lesion_*``."""
