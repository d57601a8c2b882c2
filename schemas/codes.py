"""Code lists with labels: every coded value of the registry, defined once, all to be had from here.

Belongs here: the lists of the registry's own work (findings, decisions, estimates); the clinical lists come
from ``schemas/disease/code_lists.py`` and ``schemas/disease/treatment_code_lists.py`` and are entered in this order.
Does not belong here: which column uses a list (``columns.py``), endpoints and origins (``study/endpoints.py``), how a
facility's own words map to codes (the facility's TOML).
"""

from schemas.code_list import CODE_LISTS as CODE_LISTS
from schemas.code_list import CodeList as CodeList
from schemas.code_list import code_list, code_map
from schemas.disease.code_lists import *  # noqa: F403 (every list is to be had from here)
from schemas.disease.treatment_code_lists import *  # noqa: F403

MATCH_METHOD = code_list(
    "match_method", "project", exact="facility key", prob="probabilistic", manual="steward's decision"
)
VALUE_ORIGIN = code_list(
    "value_origin",
    "project",
    column="the cell as it was read",
    template="made from several cells",
    aggregate="made from the cells of several rows",
    computed="computed from the cell and a date in another one",
    constant="written in the facility's mapping",
    registry="given by the registry",
)
SEVERITY = code_list(
    "severity",
    "project",
    error="record is quarantined",
    warning="a query, record is kept",
    info="for information",
)
RULE_LEVELS = (*SEVERITY.codes, "off")
"""What the settings can make of a rule."""
RULE_STATUS = code_map(
    "rule_status",
    "OHDSI Data Quality Dashboard",
    {
        "pass": "judged, none violated",
        "findings": "judged, some violated",
        "not_applicable": "nothing to judge",
        "failed_to_run": "the rule itself failed",
    },
)
FINDING_STATUS = code_list(
    "finding_status",
    "REDCap Data Resolution Workflow, adapted",
    open="open: nobody has been asked yet",
    sent="open: the facility has been asked",
    answered="open: the facility has answered",
    reopened="open again: the value changed, a waiver ran out, or the rule is broken again",
    corrected="closed: the rule is no longer broken",
    corrected_here="closed: the registry uses a corrected value until the source sends it",
    confirmed="closed: value confirmed as correct",
    waived="closed: waived with a reason",
    gone="closed: the record is no longer sent",
    same_person="closed: two patients are one person, merged",
    different_persons="closed: two patients are two persons, kept apart",
)
OPEN_STATUSES = ("open", "sent", "answered", "reopened")
"""Codes of ``FINDING_STATUS`` of findings that wait for somebody."""
DECISION_STATE = code_list(
    "decision_state",
    "project",
    confirmed="the value is correct as it is",
    waived="set aside with a reason; an error no longer keeps its record out",
    correction="another value is used until the source sends it",
    sent="the facility has been asked",
    answered="answered by the facility, the correction is under way",
    same_person="two patients are one person: merged",
    different_persons="two patients are two persons: kept apart",
    reopened="waits for somebody again",
    withdrawn="the decision before no longer holds",
    assigned="somebody in particular looks after the finding",
    remark="something was said of the finding; its state stays",
)
AGREEMENT = code_list(
    "agreement",
    "project",
    equal="the same",
    close="close: a slip of one part of a date, 31 days, or the sound of a name",
    possible="possible: partial dates that fit, or within a year",
    different="different",
    unknown="unknown of one of them",
)
