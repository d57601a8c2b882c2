"""The numbers the study published, and which computed number stands beside each.

Belongs here: the thirteen items of the abstract (Gao et al. 2023, doi 10.1136/ijgc-2022-003620) and the
rule by which a computed number agrees: it rounds to the printed figure.
Does not belong here: any computation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

from registry_pipeline.study import scorecard_lookup as look
from registry_pipeline.study.scorecard_lookup import Estimate, Frames
from schemas.disease.wording import PRIMARY
from schemas.study import LOCAL_CONTROL, N_LESIONS, OS, REGIONAL, SITE, SITE_TWO, SIZE_GROUP


@dataclass(frozen=True)
class Part:
    """One published number.

    rule: 'rounds' (within half of the last printed digit), 'below', 'not_before', 'not_after'.
    digits: decimals of the printed figure; unit: %, months, or empty. published_under: values of parameters (of
    registry.toml, [study]) without which the computed number is of something else.
    """

    item: int
    part: str
    description: str
    value: float
    compute: Callable[[Frames], Estimate]
    unit: str = ""
    digits: int = 0
    rule: str = "rounds"
    published_under: Mapping[str, float] = field(default_factory=dict)

    @property
    def tolerance(self) -> float:
        """Half a unit of the last printed digit."""
        return 0.5 * 10.0**-self.digits


def _patients(frames: Frames) -> Estimate:
    cohort, steps = frames.cohort, frames.rows("attrition")
    note = "rows of mart.cohort, after the eligibility steps"
    if len(steps) and {"n_before", "n_after"} <= set(steps.columns):
        note += f": {int(steps['n_before'].iloc[0])} before, {int(steps['n_after'].iloc[-1])} after"
    return Estimate(float(cohort["patient_id"].nunique()), n=len(cohort), note=note)


_LESIONS = "index lesions per patient; agrees means: inside the published range"
_TREATED = "first day of locoregional therapy, yyyymm; agrees means: inside the published window"
_SITE = "site group of the index lesions, one per patient"
_LOCAL = "Kaplan-Meier of the first local recurrence per patient, death censored, from the start of therapy"
_OS = "Kaplan-Meier from the start of locoregional therapy"
_SIZE = "largest {axis} of the index lesions; 15 mm taken as given, not searched"
_AT_CUTPOINT = {"cutpoint_mm": look.CUTPOINT_MM}
_AT_THREE_YEARS = {"landmark_months": look.LANDMARK_MONTHS}
_IN_SIX_MONTHS = {"interval_months": 6}
_YEARS = ((1, 30, 53.6), (2, 41, 73.2), (3, 47, 83.9), (4, 52, 92.9))


def _cohort_parts() -> list[Part]:
    count, extreme = look.count, look.extreme
    parts = [
        Part(1, "a", "Patients", 56, _patients),
        Part(2, "a", "Fewest lesions of a patient", 1,
             partial(extreme, column=N_LESIONS.name, which="min", note=_LESIONS), rule="not_before"),
        Part(2, "b", "Most lesions of a patient", 3,
             partial(extreme, column=N_LESIONS.name, which="max", note=_LESIONS), rule="not_after"),
        Part(2, "c", "Earliest treatment (yyyymm)", 200701,
             partial(extreme, column="lrt_start_date", which="min", note=_TREATED, as_month=True),
             rule="not_before"),
        Part(2, "d", "Latest treatment (yyyymm)", 202205,
             partial(extreme, column="lrt_start_date", which="max", note=_TREATED, as_month=True),
             rule="not_after"),
    ]  # fmt: skip
    for part, group, label, value in (
        ("a", "scf", "supraclavicular fossa", 19), ("b", "lung", "lung", 33), ("c", "other", "other sites", 4)
    ):  # fmt: skip
        compute = partial(count, column=SITE.name, value=group, note=_SITE)
        parts.append(Part(3, part, f"Patients with oligometastases to: {label}", value, compute))
    return parts


def _course_parts() -> list[Part]:
    parts = []
    for index, (year, n, percent) in enumerate(_YEARS):
        label = f"diagnosed within {year} year{'s' if year > 1 else ''} of the {PRIMARY}"
        within = partial(look.diagnosed_within, months=12.0 * year, as_percent=False)
        share = partial(look.diagnosed_within, months=12.0 * year, as_percent=True)
        parts.append(Part(4, "aceg"[index], f"Patients {label}", n, within))
        parts.append(Part(4, "bdfh"[index], f"Share {label}", percent, share, "%", 1))
    concurrent = partial(look.count, column=REGIONAL.name, value=True, note="treated for it at the same time")
    parts.append(Part(5, "a", "Patients with concurrent para-aortic or pelvic recurrence", 7, concurrent))
    for part, column, label, value in (
        ("a", "median_months", "Median", 24), ("b", "min_months", "Shortest", 1), ("c", "max_months", "Longest", 86)
    ):  # fmt: skip
        compute = partial(look.follow_up, column=column)
        parts.append(Part(6, part, f"{label} follow-up", value, compute, "months"))
    return parts


def _survival_parts() -> list[Part]:
    parts = []
    for part, group, label, local, overall in (
        ("a", "scf", "supraclavicular", 100.0, 40.1), ("b", "non_scf", "not supraclavicular", 93.5, 55.2)
    ):  # fmt: skip
        rate = partial(look.survival, stratum_variable=SITE_TWO.name, stratum=group)
        digits = 0 if local == 100.0 else 1
        parts.append(
            Part(
                7,
                part,
                f"3-year local recurrence-free rate, {label}",
                local,
                partial(rate, endpoint=LOCAL_CONTROL.name, note=_LOCAL),
                "%",
                digits,
                published_under=_AT_THREE_YEARS,
            )
        )
        parts.append(Part(8, part, f"3-year overall survival, {label}", overall,
                          partial(rate, endpoint=OS.name, note=_OS), "%", 1,
                          published_under=_AT_THREE_YEARS))  # fmt: skip
    p_value = partial(look.logrank_p, endpoint=OS.name)
    parts.append(Part(8, "c", "p of overall survival by site", 0.04,
                      partial(p_value, stratum_variable=SITE_TWO.name, note="two-sided log-rank test; which "
                              "test was used is not stated"), "", 2))  # fmt: skip
    return parts


def _later_parts() -> list[Part]:
    p_value = partial(look.logrank_p, endpoint=OS.name)
    rate = partial(look.survival, endpoint=OS.name, stratum_variable=SIZE_GROUP.name, note=f"{_OS}; {_SIZE}")
    new = look.recurrence
    six = look.small_within_six
    by_size = _AT_CUTPOINT | _AT_THREE_YEARS
    return [
        Part(9, "a", "Patients with new oligometastatic progression", 10, partial(new, column="n_event")),
        Part(9, "b", "Their share", 17.9, partial(new, column="share", scale=100.0), "%", 1),
        Part(9, "c", "Median time to it, among them", 8, partial(new, column="median_months_observed"), "months"),
        Part(9, "d", "Shortest time to it", 4, partial(new, column="min_months"), "months"),
        Part(9, "e", "Longest time to it", 14, partial(new, column="max_months"), "months"),
        Part(10, "a", "p of tumour size in the multivariable Cox model of overall survival", 0.05,
             partial(look.multivariable, what="size"), "", 3, "below"),
        Part(10, "b", "Other covariates with p < 0.05 in that model", 0,
             partial(look.multivariable, what="others")),
        Part(11, "a", "3-year overall survival, at most 15 mm", 91.7, partial(rate, stratum="small"), "%", 1,
             published_under=by_size),
        Part(11, "b", "3-year overall survival, above 15 mm", 21.6, partial(rate, stratum="large"), "%", 1,
             published_under=by_size),
        Part(11, "c", "p of overall survival by size", 0.001,
             partial(p_value, stratum_variable=SIZE_GROUP.name, note=f"two-sided log-rank test; {_SIZE}"),
             "", 3, "below", _AT_CUTPOINT),
        Part(12, "a", "Lesions within 6 months of the last negative CT", 22, partial(six, what="n"),
             published_under=_IN_SIX_MONTHS),
        Part(12, "b", "Of these, at most 15 mm", 19, partial(six, what="n_small"),
             published_under=_IN_SIX_MONTHS),
        Part(12, "c", "Their share", 86.4, partial(six, what="share"), "%", 1, published_under=_IN_SIX_MONTHS),
        Part(13, "a", "Predicted interval of growth to 15 mm", 5.8, look.growth_threshold, "months", 1,
             published_under=_AT_CUTPOINT),
    ]  # fmt: skip


PARTS: tuple[Part, ...] = tuple(
    sorted(
        [*_cohort_parts(), *_course_parts(), *_survival_parts(), *_later_parts()],
        key=lambda part: (part.item, part.part),
    )
)
