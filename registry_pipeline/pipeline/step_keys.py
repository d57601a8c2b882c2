"""What the steps of a facility go by, as digests: another one means that the step is made again, an equal one never.

Belongs here: code, declarations, settings, mappings, bytes and decisions that typing and judging one facility rest on.
Does not belong here: the steps (``staging.py``, ``screening.py``), tables of the registry (``keys.py``). Loads tables and rules
where a key is asked for: a refresh with nothing new asks for none.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import asdict
from functools import cache
from typing import TYPE_CHECKING, Any

from registry_pipeline.core.source_code import code_digest, rooms_digest
from registry_pipeline.core.toml_source import ConfigurationError, nearest, read_toml
from registry_pipeline.core.working_files import DamagedFile
from registry_pipeline.pipeline.context import RefreshContext, file_digest
from registry_pipeline.pipeline.merges import merges_at
from registry_pipeline.pipeline.step import digest_of, read_note
from schemas import tables_of

if TYPE_CHECKING:
    from registry_pipeline.validation.rules.catalogue import Catalogue

_STAGING, _SCREENING = "registry_pipeline.pipeline.staging", "registry_pipeline.pipeline.screening"
_READERS = ("registry_pipeline/intake", "schemas/disease")
"""Folders of which staging looks modules and words up by name."""
_RULES = ("schemas/curated", "schemas/rules", "schemas/disease")
"""Folders of which screening looks tables and their rules up by name."""
_FILLED_BY_STAGING = ("curated", "meta", "quality")
NOT_READ_BY_STAGING = ("rules", "tolerance", "language", "silent_after_days")
"""Sections of a facility's TOML."""


def staging_digest(context: RefreshContext, facility_id: str) -> str:
    """Hash of what a facility's staged tables depend on.

    A rule's severity, a tolerance or the language of messages judges anew and reads nothing anew.
    """
    return context.digest(facility_id, _staging_digest)


def _staging_digest(context: RefreshContext, facility_id: str) -> str:
    read = _read_by_staging(context, facility_id)
    ledger = [vars(landed) for landed in context.ledgers[facility_id]]
    key = file_digest(context.home.key_file)
    limits = asdict(context.settings.limits)
    if any(landed.too_large_for for landed in context.ledgers[facility_id]):
        limits["memory_limit"] = context.settings.refresh.memory_limit
    return digest_of(facility_id, ledger, json.dumps(read, default=str), key, limits, _typed_by())


@cache
def _typed_by() -> str:
    """Digest of the code and the declarations of columns that typing rests on: another rule types nothing anew."""
    from schemas.table import columns_of, key_of

    declared = [
        [name, key_of(model), [repr(column) for column in columns_of(model)]]
        for layer in _FILLED_BY_STAGING
        for name, model in tables_of(layer).items()
    ]
    return digest_of(code_digest(_STAGING), rooms_digest(*_READERS), declared)


def sources_digest(context: RefreshContext, facility_id: str) -> str:
    """Hash of how a facility's mapping says that files are read, which facilities of one system may share."""
    read = _read_by_staging(context, facility_id)
    return digest_of(json.dumps(read | {"id": None, "name": None}, default=str))


def _read_by_staging(context: RefreshContext, facility_id: str) -> dict[str, Any]:
    mapping = context.mapping(facility_id).data
    return {name: value for name, value in mapping.items() if name not in NOT_READ_BY_STAGING}


def screening_digest(context: RefreshContext, facility_id: str) -> str:
    """Hash of what a facility's mapping and the settings tell the screening beside the staged tables."""
    return context.digest(facility_id, _screening_digest)


def _screening_digest(context: RefreshContext, facility_id: str) -> str:
    mapping = context.mapping(facility_id).data
    declared = {name: mapping.get(name) for name in ("tolerance", "precedence")}
    settings = context.settings
    judged_by = (settings.refresh.systemic_share, settings.limits.max_findings)
    code = (code_digest(_SCREENING), rooms_digest(*_RULES))
    rules = _rules_at(context, facility_id)
    return digest_of(declared, judged_by, rules, context.extract_date(facility_id), code)


def _rules_at(context: RefreshContext, facility_id: str) -> str:
    """Digest of the rules in force at a facility, made once for facilities that set them alike."""
    from registry_pipeline.validation.rules.catalogue import parameters_of
    from registry_pipeline.validation.rules.screening_digest import rules_digest

    key = ("rules", json.dumps(context.mapping(facility_id).data.get("rules"), default=str))
    if key not in context.digests:
        parameters = parameters_of(context.settings, context.extract_date(facility_id))
        context.digests[key] = rules_digest(facility_catalogue(context, facility_id), parameters)
    return context.digests[key]


def facility_catalogue(context: RefreshContext, facility_id: str) -> Catalogue:
    """The rules in force at a facility.

    Raises:
        ConfigurationError: an override names a rule, severity or threshold that does not exist.
    """
    from registry_pipeline.validation.rules.catalogue import OverrideError

    facility, rules = context.facility(facility_id), context.rules
    for rule_id in context.settings.refresh.blocking_rules:
        if rule_id not in rules.entries:
            message = f"there is no rule {rule_id}{nearest(rule_id, rules.entries)}"
            raise read_toml(context.home.settings_file).error(["refresh", "blocking_rules"], message)
    try:
        return rules.overridden_at_facility(facility.rules)
    except OverrideError as problem:
        raise context.mapping(facility_id).error(problem.keys, str(problem)) from None


def screening_fingerprint(context: RefreshContext, facility_id: str) -> str:
    """Hash of all that a facility's judged records depend on: what was staged, mapping, settings, code, decisions."""
    note = read_note(context.layout.staged(facility_id))
    return digest_of(
        note and (note["fingerprint"], note["files"]),
        screening_digest(context, facility_id),
        asdict(merges_at(context, facility_id)),
        context.decisions.waived_at(facility_id),
        [decision.decision_no for decision in context.decisions.corrections_at(facility_id)],
    )


def outdated_facilities(context: RefreshContext, chosen: Collection[str] = ()) -> dict[str, str]:
    """Facilities whose judged records were made of other input than there is now -> what they were made of.

    Args:
        chosen: facilities that are about to be judged, which makes them current.
    """
    outdated = {}
    for facility_id in sorted(set(context.senders) - set(chosen)):
        staged = read_note(context.layout.staged(facility_id))
        screened = read_note(context.layout.screened(facility_id))
        if not (staged and screened and _is_current(context, facility_id, staged, screened)):
            outdated[facility_id] = screened["fingerprint"] if screened else ""
    return outdated


def _is_current(
    context: RefreshContext, facility_id: str, staged: dict[str, Any], screened: dict[str, Any]
) -> bool:
    try:
        is_staged = staged["fingerprint"] == staging_digest(context, facility_id)
        is_screened = screened["fingerprint"] == screening_fingerprint(context, facility_id)
        return bool(is_staged and is_screened)
    except (ConfigurationError, DamagedFile):  # whoever judges the facility is told, or makes the file again
        return False
