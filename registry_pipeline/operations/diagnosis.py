"""What an answer of the doctor says.

Belongs here: the answer, its states. Does not belong here: the questions (``doctor.py``, ``access.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from registry_pipeline.core.home import Home

WELL, WARNING, ERROR = "well", "warning", "error"


@dataclass(frozen=True)
class Diagnosis:
    """The answer to one question.

    Attributes:
        subject: what was looked at.
        state: ``well``, ``warning`` or ``error``.
        message: what is the case.
        remedy: what to do; empty where all is well.
    """

    subject: str
    state: str
    message: str
    remedy: str = ""


Question = Callable[[Home], Iterator[Diagnosis]]
