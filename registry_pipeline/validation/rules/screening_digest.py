"""What the rules judge the records of one facility by, as a digest.

Belongs here: of every rule what it says and what it asks for. Does not belong here: rules over the registry, of which each
has a key of its own (``pipeline/kept_judgements.py``), the code of rules within a table (``pipeline/step_keys.py``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any

from registry_pipeline.core.files import json_digest
from registry_pipeline.core.sql_files import SqlFile
from registry_pipeline.validation.rules.catalogue import Catalogue, RuleEntry, parameters_for
from schemas.table import Rule

END = "extract_date"


def rules_digest(rules: Catalogue, parameters: Mapping[str, Any]) -> str:
    """Digest of wording, severity, thresholds and queries, and of the parameters that a rule asks for.

    The end of observation is left out: columns of dates are judged by it whatever the rules say.

    Args:
        rules: with the facility's overrides.
        parameters: of :func:`registry_pipeline.validation.rules.catalogue.parameters_of`.
    """
    own = [entry for entry in rules.entries.values() if entry.scope != "registry"]
    return json_digest([[_said(entry), _asked_for(entry, parameters)] for entry in own])


def _said(entry: RuleEntry) -> list[str]:
    """All that the catalogue says of a rule; of one by SQL also its file."""
    words = [repr(getattr(entry, field.name)) for field in fields(entry) if field.name != "judged_by"]
    judged_by = entry.judged_by
    return [*words, repr(judged_by.header), judged_by.query] if isinstance(judged_by, SqlFile) else words


def _asked_for(entry: RuleEntry, parameters: Mapping[str, Any]) -> dict[str, str]:
    """The parameters that a rule's judgement reads, with their values."""
    values = parameters_for(entry, parameters)
    if isinstance(entry.judged_by, SqlFile):
        read: Mapping[str, Any] = entry.judged_by.parameters(values)
    else:
        noting = _Noting(values)
        if isinstance(entry.judged_by, Rule):
            for step in (entry.judged_by.check, entry.judged_by.warning, entry.judged_by.suggest):
                if step is not None:
                    step(noting)
        read = noting.read
    return {name: repr(value) for name, value in sorted(read.items()) if name != END}


class _Noting(Mapping[str, Any]):
    """Parameters that note which of them were read.

    Attributes:
        read: these.
    """

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.read: dict[str, Any] = {}
        self._values = values

    def __getitem__(self, name: str) -> Any:
        self.read[name] = self._values[name]
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)
