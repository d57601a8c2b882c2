"""registry.toml as typed settings: every analysis parameter, its default and what it assumes.

Belongs here: the sections of registry.toml and what a value of each key may be.
Does not belong here: forms of values (``core/parameter.py``), reading the file (``core/settings_file.py``), folders of a deployment (``core/home.py``), a
facility's mapping (``intake/mapping/facility.py``), anything that reads records.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from registry_pipeline.core.execution import Execution
from registry_pipeline.core.files import json_digest
from registry_pipeline.core.memory import memory_bytes
from registry_pipeline.core.parameter import (
    DEFAULT_CRON,
    is_cron,
    is_memory,
    is_profile,
    is_timezone,
    parameter,
)
from registry_pipeline.core.units import DAYS_PER_MONTH
from schemas import study

RULE_KEYS = ("severity", "softer_severity", "thresholds")
"""What may be said of a rule in [rules.*], here and in a facility's TOML."""
LEAST_DUCKDB_MEGABYTES = 125.0
"""With less a release of 100,000 patients was not tried."""


@dataclass(frozen=True)
class Study:
    """Analysis parameters of the study. Source: the study's definitions; what the publication does
    not fix is marked as an assumption."""

    origin: str = parameter(
        study.LRT_START.name,
        "Origin of OS, LRFS and progression. Treatment is an entry condition: an earlier origin adds immortal time.",
        True,
        study.COHORT_ORIGINS,
    )
    cutpoint_mm: float = parameter(15.0, "Largest diameter that counts as small (inclusive).", True, (), 0)
    size_metric: str = parameter(
        "long_axis", "Axis that is compared with the cutpoint; nodes too.", True, ("long_axis", "short_axis")
    )
    detection_limit_mm: float = parameter(
        4.0, "Smallest lesion that CT shows; a negative CT means below it.", True, (), 0
    )
    days_per_month: float = parameter(DAYS_PER_MONTH, "Length of a month, as shown.", True, (), 28)
    window_start: date = parameter(date(2007, 1, 1), "First day of the inclusion window.")
    window_end: date = parameter(date(2022, 5, 31), "Last day of the inclusion window.")
    window_date: str = parameter(
        study.LRT_START.name, "Which date has to lie in the window.", True, study.COHORT_ORIGINS
    )
    omd_max_lesions: int = parameter(3, "Most lesions that still count as oligometastatic.", False, (), 1)
    follow_up_definition: str = parameter(
        "reverse_km",
        "Follow-up shown first; the other one is always shown too.",
        True,
        ("reverse_km", "observed"),
    )
    synchronous_months: float = parameter(
        6.0, "Up to this interval a first oligometastatic disease is synchronous.", True, (), 0
    )
    staging_window_days: int = parameter(
        91,
        "Metastases found within this interval of the primary belong to its stage (V17, V18).",
        True,
        (),
        0,
    )
    interval_months: int = parameter(
        6,
        "Calendar months after the last negative CT that count as a short interval (inclusive).",
        True,
        (),
        1,
    )
    landmark_months: tuple[int, ...] = parameter(
        (12, 24, 36, 60), "Times at which survival is reported.", True, (), 1
    )
    rmst_months: float = parameter(36.0, "Horizon of the restricted mean survival time.", True, (), 0)
    alpha_beta_gy: float = parameter(10.0, "Alpha/beta for BED and EQD2.", True, (), 0.1)
    multivariable: tuple[str, ...] = parameter(
        study.MULTIVARIABLE,
        "Covariates of the multivariable Cox model; all are entered.",
        True,
        study.COVARIATES,
    )
    univariable: tuple[str, ...] = parameter(
        study.UNIVARIABLE,
        "Covariates that are examined one at a time.",
        True,
        study.COVARIATES,
    )
    growth_model: str = parameter(
        "exponential",
        "Growth curve that the scorecard's interval is read from; all forms are reported.",
        True,
        tuple(study.GROWTH_FORMS),
    )
    growth_error_model: str = parameter(
        "additive", "Error model of that curve.", True, tuple(study.GROWTH_ERRORS)
    )
    bootstrap_replicates: int = parameter(500, "Replicates of the patient-cluster bootstrap.", True, (), 0)
    bootstrap_max_lesions: int = parameter(
        2000,
        "With more lesions the bootstrap is left out and the profile interval stands alone: it would take hours.",
        True,
        (),
        1,
    )
    bootstrap_max_patients: int = parameter(
        2000, "With more patients: no bootstrap of them, no imputation, no residual rows.", False, (), 1
    )
    influence_max_patients: int = parameter(
        500, "With more: growth is not refitted without each.", False, (), 1
    )
    imputations: int = parameter(
        20, "Imputations of missing covariates, beside complete cases; 0: none.", True, (), 0
    )
    lost_after_months: float = parameter(
        12.0, "Alive, and not heard of for this long before the end: vital status unknown.", True, (), 0
    )
    bootstrap_seed: int = parameter(20230206, "Seed of every resampling.", True, (), 0)


@dataclass(frozen=True)
class Refresh:
    """How a refresh runs."""

    extract_date: date | None = parameter(
        None, "Administrative end of observation; not set: the day on which the newest file was received."
    )
    timezone: str = parameter(
        "UTC",
        "Time zone of the schedule, and of the day on which a file was received.",
        form=(is_timezone, "a name such as Asia/Shanghai or UTC"),
    )
    cron: str = parameter(
        DEFAULT_CRON,
        "When the scheduled refresh starts.",
        form=(is_cron, 'minute, hour, day, month and weekday of a time that comes, such as "0 3 * * *"'),
    )
    settle_seconds: float = parameter(
        2.0, "A file is taken when its size has rested this long.", False, (), 0
    )
    systemic_share: float = parameter(
        0.5, "A rule broken by more than this share of one file's rows is one systemic finding.", True, (), 0
    )
    memory_limit: str = parameter(
        "4GB",
        "Most memory of a refresh, all processes together; more ends it. DuckDB's part is three eighths.",
        form=(is_memory, 'a number and a unit, at least "1GB", such as "4GB"'),
    )
    history_runs: int = parameter(50, "Refreshes that Dagster's history keeps; 3 MB each.", False, (), 1)
    blocking_rules: tuple[str, ...] = parameter((), "Rules whose findings keep a release from being served.")

    def end_of_observation(self, received: datetime | None, today: date) -> date:
        """As set, else the day in ``timezone`` on which the newest file was received; ``today`` (UTC) where none was.

        A clock that went ahead once must not move it for ever: what was received after today counts as of today.
        """
        if self.extract_date is not None:
            return self.extract_date
        if received is None or received.astimezone(UTC).date() > today:
            return today
        return received.astimezone(ZoneInfo(self.timezone)).date()

    @property
    def duckdb_memory(self) -> str:
        """What one private DuckDB may take of ``memory_limit``, as DuckDB writes it; beyond it spills to disk."""
        return f"{(memory_bytes(self.memory_limit) or 0) * 3 / 8e6:.0f}MB"

    @property
    def lesser_duckdb_memory(self) -> str:
        """The same of a DuckDB that gains nothing by more: which judges records that are held already, or writes a release."""
        return f"{max((memory_bytes(self.memory_limit) or 0) / 12e6, LEAST_DUCKDB_MEGABYTES):.0f}MB"


@dataclass(frozen=True)
class Limits:
    """Bounds against hostile or broken files."""

    max_cell_bytes: int = parameter(1_000_000, "A longer cell is rejected with its row.", False, (), 1)
    max_unpacked_bytes: int = parameter(2 * 10**9, "Most bytes of an unpacked archive.", False, (), 1)
    max_compression_ratio: float = parameter(200.0, "Most that an archive may shrink.", False, (), 1)
    max_members: int = parameter(10_000, "Most members of an archive.", False, (), 1)
    max_findings: int = parameter(100_000, "Most findings listed of a facility; all count.", True, (), 1000)
    max_reader_seconds: float = parameter(1800.0, "Longest reading; small files get less.", False, (), 1)
    max_reader_bytes: int = parameter(3 * 10**9, "Most memory to read; small files get less.", False, (), 1)


@dataclass(frozen=True)
class Privacy:
    """What leaves the stewards' database."""

    data_statement: str = parameter(
        "Records of real facilities. The published figures are shown for comparison; no agreement is claimed.",
        "Printed on every release and report.",
    )
    small_cell: int = parameter(
        5, "Smallest count that is shown where small counts are hidden (privacy.suppress_small).", True, (), 0
    )
    suppress_small: bool = parameter(
        False,
        "Pages hide counts of patients below privacy.small_cell, what gives them away, and single patients.",
    )


@dataclass(frozen=True)
class Analyst:
    """What becomes of a release's records and counts in ``analyst.duckdb``."""

    is_written: bool = parameter(True, "Write analyst.duckdb beside registry.duckdb in each release.")
    profile: str = parameter(
        "analyst",
        "Name of the profile; under another name patients have other ids and other dates.",
        form=(is_profile, "letters a-z, digits, '_' and '-', such as analyst or cooperation_2026"),
    )
    shift_weeks: int = parameter(26, "Most weeks by which all dates of a patient are moved.", True, (), 1)
    oldest_age: int = parameter(
        89, "Greatest age in years that is given; above it: this plus one.", True, (), 1
    )
    year_band: int = parameter(5, "Calendar years of a band, which its first year stands for.", True, (), 1)
    smallest_count: int = parameter(8, "Smallest count of people in published aggregates.", True, (), 2)
    rounding: int = parameter(
        5, "Counts in published aggregates are rounded to multiples of it.", True, (), 1
    )
    sensitive: tuple[str, ...] = parameter(
        study.SENSITIVE,
        "Columns of mart.registry_patient whose values within a class result.disclosure_risk counts.",
        True,
        study.SENSITIVE_CHOICES,
    )


SECTIONS: dict[str, type] = {
    "study": Study, "refresh": Refresh, "limits": Limits, "privacy": Privacy, "analyst": Analyst
}  # fmt: skip
UNRELEASED = {"execution": Execution}
"""Sections that change no result: they stand neither in a release nor in the hash of the settings."""


@dataclass(frozen=True)
class Settings:
    """registry.toml, typed.

    Attributes:
        study, refresh, limits, privacy, analyst, execution: the sections.
        rules: rule id -> {severity, softer_severity, thresholds} that override the catalogue.
    """

    study: Study = field(default_factory=Study)
    refresh: Refresh = field(default_factory=Refresh)
    limits: Limits = field(default_factory=Limits)
    privacy: Privacy = field(default_factory=Privacy)
    analyst: Analyst = field(default_factory=Analyst)
    execution: Execution = field(default_factory=Execution)
    rules: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def parameter_rows(self) -> list[dict[str, object]]:
        """Rows of ``meta.parameter``."""
        return [
            {
                "name": f"{section}.{field_.name}",
                "value": _text(getattr(getattr(self, section), field_.name)),
                "default_value": _text(field_.default),
                "is_assumption": field_.metadata["is_assumption"],
                "note": field_.metadata["note"],
            }
            for section, result in SECTIONS.items()
            for field_ in fields(result)
        ]

    def digest(self) -> str:
        """Hash of every setting that a result can depend on; equal settings have equal hashes."""
        return json_digest({name: part for name, part in asdict(self).items() if name not in UNRELEASED})[:12]


def _text(value: object) -> str | None:
    text = ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
    return None if value is None else text


def toml_text(value: object) -> str:
    """A value as registry.toml says it; an example where there is none."""
    if value is None:
        return "2023-12-31"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return "[" + ", ".join(map(toml_text, value)) + "]"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else str(value)
