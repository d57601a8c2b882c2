"""The mistakes of the demo's first exports, one module per system of the hospital, and one for the second facility."""

from registry_pipeline.simulate.demo.errors import followup, his, imaging, therapy

# The rarer the patients that a mistake needs, the earlier it chooses.
HOSPITAL_PLANTERS = (
    his.near_twin, *followup.PLANTERS, *therapy.PLANTERS, *imaging.PLANTERS, *his.PLANTERS,
)  # fmt: skip
