"""What REDCap calls the columns of its files, for those who write such files.

Belongs here: names of REDCap. Does not belong here: reading them, however they are written (``intake/redcap/``).
"""

from __future__ import annotations

DICTIONARY_HEADERS = (
    "Variable / Field Name", "Form Name", "Section Header", "Field Type", "Field Label",
    "Choices, Calculations, OR Slider Labels", "Field Note", "Text Validation Type OR Show Slider Number",
    "Text Validation Min", "Text Validation Max", "Identifier?", "Branching Logic (Show field only if...)",
    "Required Field?", "Custom Alignment", "Question Number (surveys only)", "Matrix Group Name", "Matrix Ranking?",
    "Field Annotation",
)  # fmt: skip
"""The columns of a data dictionary as REDCap's page downloads and uploads it, in their order."""
