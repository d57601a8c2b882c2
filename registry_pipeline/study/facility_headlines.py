"""Headline numbers by facility: how much they differ between facilities, and what they are without each.

Belongs here: which numbers, and on which scale facilities' estimates of them are about normal.
Does not belong here: pooling and leaving out (``analysis/facilities``), deaths expected (``facilities.py``).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from registry_pipeline import analysis
from registry_pipeline.analysis.distributions import normal_quantile
from registry_pipeline.core.settings import Study
from registry_pipeline.study.analysis import TIMES, Analysis, Inputs, Tables
from registry_pipeline.study.facilities import ONE_FACILITY
from registry_pipeline.study.growth import COLUMNS as GROWTH_COLUMNS
from registry_pipeline.study.marts import TIME, Marts
from registry_pipeline.study.rows import nothing
from registry_pipeline.study.size_effect import left_out
from schemas.study import FACILITY, IS_SMALL, OS, PRIMARY_DX

MAKES = ("facility_difference", "facility_left_out")
MOST_ROWS = 500_000
"""Patients times facilities: each facility is left out once, and every number estimated anew without it."""
FEWEST = 5  # patients, or lesions, of a facility that has an estimate of its own
NAN = float("nan")
Numbers = Callable[[pd.DataFrame], tuple[float, float, float]]


@dataclass(frozen=True)
class Headline:
    """A number with its key; numbers: it, and its normal value with standard error, of a frame; back: from that scale."""

    key: str
    description: str
    unit: str
    numbers: Numbers
    back: Callable[[float], float]

    def value(self, frame: pd.DataFrame) -> dict[str, float]:
        """The number alone."""
        return {"value": self.numbers(frame)[0]}


def facility_headlines(inputs: Inputs) -> Tables:
    """``facility_difference`` and ``facility_left_out``: of the cohort, else of the registry."""
    marts, study = inputs.marts, inputs.study
    origin = study.origin if len(marts.cohort) else PRIMARY_DX.name
    frame = marts.times(OS.name, origin)
    n_facilities = frame[FACILITY.name].nunique()
    if n_facilities < 2:
        row = nothing(ONE_FACILITY) if len(frame) else nothing()
        return dict.fromkeys(MAKES, row.assign(headline="all"))
    if n_facilities * len(frame) > MOST_ROWS:
        note = f"{len(frame)} patients of {n_facilities} facilities are too many to leave out each facility in turn."
        return dict.fromkeys(MAKES, nothing(note).assign(headline="all"))
    measured = [(headline, frame) for headline in _of_times(study, has_cohort=len(marts.cohort) > 0)]
    lesions = _lesions(marts, frame)
    is_long = len(frame) > study.bootstrap_max_patients
    if len(lesions) and not is_long:
        measured.append((_growth(study), lesions))
    without = [_left_out(headline, rows) for headline, rows in measured]
    differences = [
        _difference(headline, rows, table) for (headline, rows), table in zip(measured, without, strict=True)
    ]
    if len(lesions) and is_long:
        growth = _growth(study)
        row = nothing(left_out(len(frame), study)).assign(headline=growth.key, description=growth.description)
        differences, without = [*differences, row], [*without, row]
    return dict(
        zip(MAKES, (pd.concat(part, ignore_index=True) for part in (differences, without)), strict=True)
    )


def _lesions(marts: Marts, frame: pd.DataFrame) -> pd.DataFrame:
    """The lesions of the growth models with the facility of their patient."""
    lesions = marts.lesion_growth[marts.lesion_growth["is_included"].astype(bool)]
    owner = frame.set_index("patient_id")[FACILITY.name]
    lesions = lesions.assign(**{FACILITY.name: lesions["patient_id"].map(owner)})
    return lesions[lesions[FACILITY.name].notna()].reset_index(drop=True)


def _of_times(study: Study, has_cohort: bool) -> list[Headline]:
    """Survival at each landmark, the restricted mean, follow-up, and in a cohort the hazard ratio of size."""
    landmarks = [
        Headline(f"os_{months:g}", f"Overall survival at {months:g} months", "%", _survival(months * study.days_per_month),
                 lambda value: 100 * float(np.exp(-np.exp(value))))
        for months in study.landmark_months
    ]  # fmt: skip
    days = study.rmst_months * study.days_per_month
    means = Headline("rmst", f"Restricted mean survival within {study.rmst_months:g} months", "months",
                     _restricted_mean(days), float)  # fmt: skip
    watched = Headline("follow_up", "Median follow-up, reverse Kaplan-Meier", "months", _follow_up, float)
    ratio = Headline("hazard_ratio_size", "Hazard ratio of size, other factors held", "", _ratio(study), _exp)
    return [*landmarks, means, watched, *([ratio] if has_cohort else [])]


def _exp(value: float) -> float:
    return float(np.exp(value))


def _survival(days: float) -> Numbers:
    """Survival in per cent; normal on the scale of log(-log S)."""

    def numbers(frame: pd.DataFrame) -> tuple[float, float, float]:
        row = analysis.landmark_survival(frame, *TIME, days).iloc[0]
        with np.errstate(divide="ignore", invalid="ignore"):
            value, *ends = np.log(-np.log([float(row[n]) for n in ("survival", "ci_upper", "ci_lower")]))
        error = (ends[1] - ends[0]) / (2 * normal_quantile(0.95))
        return 100 * float(row["survival"]), float(value), float(error)

    return numbers


def _restricted_mean(days: float) -> Numbers:
    def numbers(frame: pd.DataFrame) -> tuple[float, float, float]:
        row = analysis.restricted_mean(frame, *TIME, days).iloc[0]
        mean = float(row["estimate_months"])
        return mean, mean, float(row["standard_error_months"])

    return numbers


def _follow_up(frame: pd.DataFrame) -> tuple[float, float, float]:
    """A median has no standard error on any scale: it is left out only."""
    return float(analysis.follow_up(frame, *TIME)["median_months"].iloc[0]), NAN, NAN


def _ratio(study: Study) -> Numbers:
    """The plain fit's hazard ratio of size; NaN where it has none."""

    def numbers(frame: pd.DataFrame) -> tuple[float, float, float]:
        usable = [name for name in study.multivariable if name in frame and frame[name].notna().any()]
        if IS_SMALL.name not in usable:
            return NAN, NAN, NAN
        terms = analysis.fit_cox(frame, *TIME, usable, cross_check=False).terms
        row = terms[terms["term"].str.startswith(IS_SMALL.name)].iloc[0]
        return float(row["hazard_ratio"]), float(row["coefficient"]), float(row["standard_error"])

    return numbers


def _growth(study: Study) -> Headline:
    """Months to the cutpoint by the study's form of growth; normal on the log scale."""

    def numbers(lesions: pd.DataFrame) -> tuple[float, float, float]:
        fit = analysis.fit_growth(
            lesions, *GROWTH_COLUMNS, study.growth_model, study.growth_error_model, "patient_id", study.cutpoint_mm
        )  # fmt: skip
        months = float(fit.threshold["months"].iloc[0])
        row = fit.parameters.set_index("parameter")["standard_error"]
        if not months > 0 or fit.status != "ok":
            return NAN, NAN, NAN
        return months, float(np.log(months)), float(row.get("threshold_months", NAN)) / months

    return Headline(
        "growth_months",
        f"Months from the last negative CT to {study.cutpoint_mm:g} mm",
        "months",
        numbers,
        _exp,
    )


def _left_out(headline: Headline, frame: pd.DataFrame) -> pd.DataFrame:
    """The number without each facility; the first row, of no facility, is left to ``computed_value`` of the difference."""
    left_out = analysis.leave_one_facility_out(frame, FACILITY.name, headline.value)
    patients = frame.groupby(FACILITY.name, observed=True)["patient_id"].nunique()
    rows = left_out.iloc[1:]
    gone = rows["left_out"].map(patients).fillna(0).astype(int)
    is_estimable = rows["value"].notna()
    return pd.DataFrame({
        "headline": headline.key, "description": headline.description, "unit": headline.unit,
        "left_out": rows["left_out"], "n": int(patients.sum()) - gone, "n_left_out": gone,
        "computed_value": rows["value"], "change": rows["value_change"],
        "status": np.where(is_estimable, "ok", "not_estimable"),
        "note": np.where(is_estimable, "", "The number has no estimate without this facility."),
    })  # fmt: skip


def _difference(headline: Headline, frame: pd.DataFrame, without: pd.DataFrame) -> pd.DataFrame:
    """Pool the facilities' own estimates; those of fewer than FEWEST rows have none."""
    parts = [part for _, part in frame.groupby(FACILITY.name, observed=True) if len(part) >= FEWEST]
    own = np.array([headline.numbers(part.reset_index(drop=True))[1:] for part in parts]).reshape(-1, 2)
    row = analysis.heterogeneity(own[:, 0].tolist(), own[:, 1].tolist()).iloc[0].to_dict()
    for low, high in (("ci_lower", "ci_upper"), ("prediction_lower", "prediction_upper")):
        ends = [headline.back(float(row[end])) if pd.notna(row[end]) else NAN for end in (low, high)]
        row[low], row[high] = sorted(ends)
    row["pooled"] = headline.back(float(row["pooled"])) if pd.notna(row["pooled"]) else NAN
    values = without["computed_value"].astype(float)
    row |= {"headline": headline.key, "description": headline.description, "unit": headline.unit}
    row |= {
        "computed_value": headline.numbers(frame)[0],
        "lowest_left_out": values.min(),
        "highest_left_out": values.max(),
    }
    return pd.DataFrame([row])


ANALYSES = (
    Analysis(
        name="headlines by facility",
        reads=(*TIMES, "mart.lesion_growth"),
        makes=MAKES,
        run=facility_headlines,
    ),
)
