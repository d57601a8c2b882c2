"""A column used twice is defined once: its name, type, unit, meaning and codes.

Settings name covariates by their columns, and polars takes longer to load than a command that only says its help:
so it is imported where a type is asked for.

Belongs here: :class:`Column` and the columns that more than one table has.
Does not belong here: columns of a single table (they stand in that table's file), rules.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from schemas.codes import CODE_LISTS, DATE_PRECISION, DATE_REASON, CodeList

if TYPE_CHECKING:
    import polars as pl

Kind = Literal["text", "integer", "real", "boolean", "date", "timestamp"]

DUCKDB_TYPE: dict[Kind, str] = {
    "text": "VARCHAR",
    "integer": "BIGINT",
    "real": "DOUBLE",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "timestamp": "TIMESTAMP",
}
CALENDAR: dict[str, int] = {"days": 73_414, "months": 2_412, "years": 201}
"""The longest time between two days from 1900 to 2100."""


@dataclass(frozen=True)
class Column:
    """What one column is, wherever it stands.

    Attributes:
        name: snake case, with the suffixes of ``ARCHITECTURE.md``.
        kind: the type; decides the polars and the DuckDB type.
        description: one sentence for the dictionary and the DuckDB comment.
        unit: ``mm``, ``Gy``, ``days``, … or None.
        codes: the code list that closes the column, or None.
        is_required: NOT NULL; a record without it is a finding of rule S14.
        is_identifying: names a person by itself or holds the facility's own number of a record, or a value as
            received; never leaves the stewards' database.
        is_quasi_identifier: says with others who somebody is (sex, age, place); grouped before it leaves.
        is_free_text: words of a person, in which anything may stand; never leaves the stewards' database.
        is_facility: the id of a facility; leaves as a pseudonym only.
        is_stratum: a level of the table's ``stratum_variable``, which may be the id of a facility too.
        references: ``curated.patient.patient_id`` for a foreign key, or None.
        minimum: smallest value that can exist at all (a CHECK), or None.
        maximum: largest value that can exist at all (a CHECK), or None.
    """

    name: str
    kind: Kind
    description: str
    unit: str | None = None
    codes: CodeList | None = None
    is_required: bool = False
    is_identifying: bool = False
    is_quasi_identifier: bool = False
    is_free_text: bool = False
    is_facility: bool = False
    is_stratum: bool = False
    references: str | None = None
    minimum: float | None = None
    maximum: float | None = None

    def __deepcopy__(self, memo: object) -> Column:
        return self  # immutable; pandera copies metadata deeply

    def required(self) -> Column:
        """The same column, NOT NULL."""
        return replace(self, is_required=True)

    def described(self, description: str) -> Column:
        """The same column with a description for this table."""
        return replace(self, description=description)

    def named(self, name: str, description: str | None = None) -> Column:
        """The same quantity under another name."""
        return replace(self, name=name, description=description or self.description)

    def pointing_to(self, table: str) -> Column:
        """The same column as a foreign key into ``table`` (``curated.patient``)."""
        return replace(self, references=f"{table}.{self.name}")

    @property
    def is_date(self) -> bool:
        """Whether it is a day or a moment, which leaves the stewards' database moved only."""
        return self.kind in ("date", "timestamp")

    @property
    def is_compared(self) -> bool:
        """Whether a change since the last release is told: of every value that no identifier and no free text is."""
        return not (self.is_free_text or self.references or self.name.endswith("_id"))

    @property
    def polars_type(self) -> type[pl.DataType] | pl.DataType:
        """The polars type of the column."""
        import polars as pl

        types: dict[Kind, type[pl.DataType] | pl.DataType] = {
            "text": pl.String,
            "integer": pl.Int64,
            "real": pl.Float64,
            "boolean": pl.Boolean,
            "date": pl.Date,
            "timestamp": pl.Datetime("us"),
        }
        return types[self.kind]

    @property
    def duckdb_type(self) -> str:
        """The DuckDB type of the column."""
        return DUCKDB_TYPE[self.kind]


def text(name: str, description: str, **more: object) -> Column:
    """A text column."""
    return Column(name, "text", description, **more)  # type: ignore[arg-type]


def coded(name: str, codes: CodeList, description: str | None = None, **more: object) -> Column:
    """A text column closed by a code list."""
    assert codes.name in CODE_LISTS
    meaning = description or codes.name.replace("_", " ").capitalize()
    return Column(name, "text", meaning, codes=codes, **more)  # type: ignore[arg-type]


def integer(name: str, description: str, unit: str | None = None, **more: object) -> Column:
    """A whole-number column."""
    return Column(name, "integer", description, unit, **more)  # type: ignore[arg-type]


def count(name: str, description: str, unit: str | None = None, **more: object) -> Column:
    """How many of something: a whole number from 0."""
    return Column(name, "integer", description, unit, minimum=0, **more)  # type: ignore[arg-type]


def elapsed(name: str, description: str, unit: str, is_signed: bool = False, **more: object) -> Column:
    """A time between two calendar days from 1900 to 2100: whole days, or months or years.

    Args:
        is_signed: the second day may lie before the first.
    """
    kind: Kind = "integer" if unit == "days" else "real"
    longest = CALENDAR[unit]
    lowest = -longest if is_signed else 0
    return Column(name, kind, description, unit, minimum=lowest, maximum=longest, **more)  # type: ignore[arg-type]


def real(name: str, description: str, unit: str | None = None, **more: object) -> Column:
    """A real-number column."""
    return Column(name, "real", description, unit, **more)  # type: ignore[arg-type]


def boolean(name: str, description: str, **more: object) -> Column:
    """A true/false column (``is_``, ``has_``)."""
    return Column(name, "boolean", description, **more)  # type: ignore[arg-type]


DATE_PARTS = ("precision", "lower", "upper")
"""Behind the name of a date that may be known in part: the columns that say how exactly it is known."""


def partial_date(
    stem: str,
    description: str,
    is_required: bool = False,
    has_reason: bool = False,
    is_identifying: bool = False,
) -> tuple[Column, ...]:
    """A date that may be known to the month or year only: value, precision and bounds.

    The value is the middle of what is known (15th of the month, 1 July of the year); temporal rules
    judge the bounds, durations use the value.

    Args:
        is_identifying: as of :class:`Column`, for the value and its bounds.
        has_reason: with a column that says why the date is blank (rule S10), which every required date has.
    """
    name = f"{stem}_date"
    reason = coded(f"{name}_reason", DATE_REASON, f"Why {name} is blank")
    return (
        Column(name, "date", description, is_required=is_required, is_identifying=is_identifying),
        coded(f"{name}_precision", DATE_PRECISION, f"How exactly {name} is known"),
        Column(f"{name}_lower", "date", f"Earliest day that {name} can be", is_identifying=is_identifying),
        Column(f"{name}_upper", "date", f"Latest day that {name} can be", is_identifying=is_identifying),
        *((reason,) if is_required or has_reason else ()),
    )


def items_of(names: Iterable[str]) -> dict[str, list[str]]:
    """Items of a record by the names of its columns: the columns that make each (a partial date is one item of four)."""
    columns = list(names)
    items = {
        name: [name, *(f"{name}_{part}" for part in DATE_PARTS)] if f"{name}_precision" in columns else [name]
        for name in columns
    }
    parts = {part for members in items.values() for part in members[1:]}
    return {name: members for name, members in items.items() if name not in parts}


patient_id = text("patient_id", "Registry pseudonym of the patient (keyed hash, prefix P)")
facility_id = text(
    "facility_id", "Institution that sent the record", is_quasi_identifier=True, is_facility=True
)
tumour_id = text("tumour_id", "Primary tumour within the registry", is_identifying=True)
episode_id = text("episode_id", "Oligometastatic episode within the registry", is_identifying=True)
lesion_id = text("lesion_id", "Lesion within the registry", is_identifying=True)
exam_id = text("exam_id", "Imaging examination within the registry", is_identifying=True)
lrt_id = text("lrt_id", "Course of locoregional therapy within the registry", is_identifying=True)
SOURCE_NUMBER = "source_record_id"
source_record_id = text(
    SOURCE_NUMBER,
    "Number of the record as its facility writes it, with the pseudonym for the patient's own number in it",
    is_identifying=True,
)
LONGEST_MM = 2_000
"""No diameter is longer than a person; rule M01 asks about far smaller ones."""
long_axis_mm = real("long_axis_mm", "Longest diameter", "mm", minimum=0, maximum=LONGEST_MM)
short_axis_mm = real(
    "short_axis_mm", "Diameter perpendicular to the longest", "mm", minimum=0, maximum=LONGEST_MM
)
dose_gy = real("dose_gy", "Physical dose", "Gy", minimum=0, maximum=200)
endpoint = text("endpoint", "Endpoint, by its code in mart.survival_time")
origin = text("origin", "Time origin, by its code in mart.survival_time")
stratum_variable = text("stratum_variable", "Variable that forms the strata; 'overall' for everybody")
stratum = text("stratum", "Level of the stratum variable", is_stratum=True)
ci_lower = real("ci_lower", "Lower end of the 95 % confidence interval")
ci_upper = real("ci_upper", "Upper end of the 95 % confidence interval")
p_value = real("p_value", "Two-sided p value", minimum=0, maximum=1)
term_p_value_method = text(
    "p_value_method",
    "Wald, profile, pooled t; of a level with fewer than 5 events the likelihood ratio, or empty where no p value is given",
)
n = count("n", "Patients in the estimate")
n_event = count("n_event", "Events in the estimate")
n_at_risk = count("n_at_risk", "Patients at risk just before the time")
status = text("status", "ok, not_estimable or not_converged")
note = text("note", "What a reader must know of the row, in a sentence")
cox_model = text("model", "univariable:VARIABLE or multivariable")
term = text("term", "Covariate, with its level in brackets")
reference_level = text("reference_level", "Level that the term is compared with, for categories")
coefficient = real("coefficient", "Log hazard ratio")
coefficient_standard_error = real("standard_error", "Standard error of the coefficient")
hazard_ratio = real("hazard_ratio", "exp(coefficient)", minimum=0)
hazard_estimate = (
    coefficient,
    coefficient_standard_error,
    hazard_ratio,
    ci_lower,
    ci_upper,
    p_value,
    term_p_value_method,
)
"""The estimate of a term of a Cox model."""
cox_method = text("method", "efron or firth")
chi_square = real("chi_square", "Test statistic")
comparison = (
    chi_square,
    integer("degrees_of_freedom", "Groups less one"),
    p_value,
    text(
        "p_value_method",
        "chi-square; where a group expects fewer than 5 events: exact permutation, or 10000 permutations",
    ),
    real("asymptotic_p_value", "p value of the chi-square", minimum=0, maximum=1),
    real("permutation_p_value", "p value over the permutations of the groups", minimum=0, maximum=1),
    real("least_expected", "Fewest events that a group expects", minimum=0),
)
"""A test of equal survival or incidence between groups."""
growth_model = text("model", "Growth model")
error_model = text("error_model", "additive or log")
variable = text("variable", "Variable in question")
cause = integer("cause", "1 the event, 2 what competes with it", minimum=1, maximum=2)
n_missing = count("n_missing", "Patients left out because the variable is missing")
n_lesions = count("n_lesions", "Lesions used")
n_patients = count("n_patients", "Patients whose lesions were used")
n_cluster = count("n_cluster", "Patients whose lesions they are")
rule_id = text("rule_id", "Identifier of the rule in the catalogue")
submission_id = text("submission_id", "Files of one facility that arrived together")
source_file = text("source_file", "Name of the file as received", is_identifying=True)
sheet = text("sheet", "Sheet of a workbook; empty for other files", is_identifying=True)
source_row = integer("source_row", "Physical row (line) of the source file, from 1", minimum=1)
