"""Study report: everybody on record, with what is estimated of them.

Belongs here: which estimates stand there. Does not belong here: the tables (``cohort.py``, ``survival.py``, ``cox_models.py``).
"""

from __future__ import annotations

from registry_pipeline.reporting.document.blocks import Section
from registry_pipeline.reporting.sections.cohort import registry_missing, registry_section
from registry_pipeline.reporting.sections.context import Context
from registry_pipeline.reporting.sections.cox_models import model_blocks
from registry_pipeline.reporting.sections.record import ReportSection
from registry_pipeline.reporting.sections.survival import registry_survival
from schemas.study import OS, PRIMARY_DX


def whole_registry_section(context: Context) -> Section:
    """Everybody on record, with what is estimated of them."""
    return registry_section(context).add(
        *registry_survival(context),
        *model_blocks(context, OS.name, PRIMARY_DX.name),
        registry_missing(context),
    )


SECTIONS = (ReportSection("registry", 130, whole_registry_section, is_folded=True),)
