"""The mistakes of the demo's first exports.

Belongs here: the order in which they are planted. Does not belong here: the mistakes (``errors/``),
the exports without mistakes.
"""

from collections.abc import Collection

from registry_pipeline.simulate.demo.error_injection import Planted, Scene
from registry_pipeline.simulate.demo.errors import followup as plant_followup
from registry_pipeline.simulate.demo.errors import his as plant_his
from registry_pipeline.simulate.demo.errors import imaging as plant_imaging
from registry_pipeline.simulate.demo.errors import therapy as plant_therapy
from registry_pipeline.simulate.demo.sheets import Page
from registry_pipeline.simulate.demo.truth import Case

# The rarer the patients that a mistake needs, the earlier it chooses.
PLANTERS = (
    plant_his.near_twin,
    *plant_followup.PLANTERS,
    *plant_therapy.PLANTERS,
    *plant_imaging.PLANTERS,
    *plant_his.PLANTERS,
)


def plant_demo_errors(pages: list[Page], cases: list[Case], elsewhere: Collection[str] = ()) -> list[Planted]:
    """Change the pages in place; returns what was changed, in a stable order.

    Args:
        elsewhere: numbers of patients who are not on the pages.

    Raises:
        LookupError: the demo has too few patients for its mistakes.
    """
    scene = Scene(pages, cases, taken=set(elsewhere))
    for plant in PLANTERS:
        plant(scene)
    return scene.planted
