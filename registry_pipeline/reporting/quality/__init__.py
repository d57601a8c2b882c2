"""The quality report of a release, and a facility's own page of it.

Belongs here: which sections they have. Does not belong here: what sections say (the modules beside this).
"""

from registry_pipeline.reporting.document.blocks import Section
from registry_pipeline.reporting.quality.corrections import corrections_section
from registry_pipeline.reporting.quality.details import details_section
from registry_pipeline.reporting.quality.findings import closed_section, open_section
from registry_pipeline.reporting.quality.scope import Scope
from registry_pipeline.reporting.quality.standing import pictures_section, standing_section


def quality_sections(scope: Scope) -> list[Section]:
    """The quality report in reading order."""
    makers = (
        standing_section,
        pictures_section,
        open_section,
        corrections_section,
        closed_section,
        details_section,
    )
    return [make(scope) for make in makers]
