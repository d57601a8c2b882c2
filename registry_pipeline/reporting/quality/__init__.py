"""The quality report of a release, and a facility's own page of it.

Belongs here: which sections they have. Does not belong here: what sections say (the modules beside this).
"""

from collections.abc import Callable

from registry_pipeline.reporting.document.blocks import Section
from registry_pipeline.reporting.quality.corrections import corrections_section
from registry_pipeline.reporting.quality.details import details_section
from registry_pipeline.reporting.quality.findings import closed_section, open_section
from registry_pipeline.reporting.quality.scope import Scope
from registry_pipeline.reporting.quality.standing import pictures_section, standing_section

SECTIONS: dict[Callable[[Scope], Section], tuple[str, ...]] = {
    standing_section: ("findings", "rows"),
    pictures_section: ("findings", "rows", "completeness"),
    open_section: ("findings",),
    corrections_section: ("corrections",),
    closed_section: ("findings",),
    details_section: ("rows", "outcomes", "quarantined"),
}
"""The quality report in reading order: what makes a section -> what that reads of a facility (``FACILITY_READS``)."""


def quality_sections(scope: Scope) -> list[Section]:
    """The quality report in reading order."""
    return [make(scope) for make in SECTIONS]
