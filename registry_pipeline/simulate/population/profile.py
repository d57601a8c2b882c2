"""How a simulated facility writes its exports: delimiter, dates, units, and the mapping that says so.

Belongs here: :class:`Profile`, typed frames -> text frames, facility-<n>.toml.
Does not belong here: what is true of the patients (``simulate/population/population.py``).
"""

from dataclasses import dataclass
from importlib.resources import files

import polars as pl

LENGTHS = ("size", "long_axis", "short_axis", "tumour_size")
DOSES = ("dose_per_fraction", "total_dose")
PERSON = "patient_no"
_PERSON_DIGITS = 8


@dataclass(frozen=True)
class Profile:
    """The habits of one facility.

    Attributes:
        facility_id: also the stem of its mapping.
        date_format: ``strftime`` of every date.
        length_unit: mm or cm.
        dose_unit: Gy or cGy.
    """

    facility_id: str
    delimiter: str
    date_format: str
    length_unit: str
    dose_unit: str

    def as_text(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Every cell as the facility writes it; empty for nothing. ``patient_no`` becomes ``patient``."""
        result = frame.select([self._cell(name, kind).alias(name) for name, kind in frame.schema.items()])
        return result.rename({PERSON: "patient"})

    def _cell(self, name: str, kind: pl.DataType) -> pl.Expr:
        cell = pl.col(name)
        if name == PERSON:
            return pl.format("H{}", cell.cast(pl.String).str.zfill(_PERSON_DIGITS))
        if kind == pl.Date:
            return cell.dt.strftime(self.date_format)
        if name in LENGTHS and kind.is_numeric() and self.length_unit == "cm":
            return _number(cell / 10, 2)
        if name in DOSES and kind.is_numeric() and self.dose_unit == "cGy":
            return _number(cell * 100, 1)
        return _number(cell, 2) if kind == pl.Float64 else cell.cast(pl.String)

    def date_text(self, days: pl.Series) -> list[str]:
        """Dates as the facility writes them."""
        return days.dt.strftime(self.date_format).to_list()

    def length(self, millimetres: float) -> str:
        """A length in the facility's unit."""
        return f"{millimetres / (10 if self.length_unit == 'cm' else 1):g}"

    def dose(self, gray: float) -> str:
        """A dose in the facility's unit."""
        return f"{gray * (100 if self.dose_unit == 'cGy' else 1):g}"


def patient_label(number: int) -> str:
    """A patient's number as every facility writes it."""
    return f"H{number:0{_PERSON_DIGITS}d}"


def _number(cell: pl.Expr, digits: int) -> pl.Expr:
    """Decimal text without trailing zeros."""
    return cell.round(digits).cast(pl.String).str.strip_suffix(".0")


def profile_of(number: int) -> Profile:
    """The habits of facility ``number``, from 1; three kinds in turn."""
    kinds = (
        (",", "%Y-%m-%d", "mm", "Gy"),
        (";", "%d/%m/%Y", "cm", "Gy"),
        ("\t", "%Y%m%d", "mm", "cGy"),
    )
    return Profile(f"facility-{number}", *kinds[(number - 1) % len(kinds)])


def mapping_of(profile: Profile) -> str:
    """facility-<n>.toml for a profile."""
    template = (
        files("registry_pipeline.simulate")
        .joinpath("facilities", "simulated.toml")
        .read_text(encoding="utf-8")
    )
    delimiter = "\\t" if profile.delimiter == "\t" else profile.delimiter
    for name, value in (
        ("@FACILITY@", profile.facility_id),
        ("@DELIMITER@", delimiter),
        ("@DATE_FORMAT@", profile.date_format),
        ("@LENGTH_UNIT@", profile.length_unit),
        ("@DOSE_UNIT@", profile.dose_unit),
    ):
        template = template.replace(name, value)
    return template
