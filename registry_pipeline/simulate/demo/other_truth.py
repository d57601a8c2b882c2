"""Patients whose records are correct and who are not in the study, at least one for every reason.

Belongs here: patients with five lesions, brain metastasis, treatment outside the window, palliative
intent, systemic therapy only, no treatment, and cervical cancer without oligometastases.
Does not belong here: records that are wrong (``errors/``).
"""

from dataclasses import replace
from datetime import date, timedelta
from random import Random

from registry_pipeline.simulate.demo import clinical
from registry_pipeline.simulate.demo.cohort_truth import add_exam, case_of, local_id
from registry_pipeline.simulate.demo.seed import SeedPatient
from registry_pipeline.simulate.demo.truth import Case, Contact, SystemicLine

FIRST_POSITION = 60
KINDS: tuple[tuple[str, int], ...] = (
    ("five_lesions", 5),
    ("brain", 3),
    ("before_window", 3),
    ("after_window", 5),
    ("palliative", 10),
    ("systemic_only", 5),
    ("never_treated", 4),
    ("no_oligometastasis", 42),
    ("near_twin", 1),
)
WITHOUT_METASTASIS = ("no_oligometastasis", "near_twin")
TWIN_OF = FIRST_POSITION + 40  # shares birth and diagnosis with the near twin, not the histology
_SITES = {"brain": "brain", "palliative": "bone"}
_YEARS = {"before_window": (2006, 2006), "after_window": (2022, 2022)}


def other_cases() -> list[Case]:
    """The patients outside the study, always the same ones."""
    kinds = [kind for kind, n in KINDS for _ in range(n)]
    return [_case(kind, FIRST_POSITION + place) for place, kind in enumerate(kinds)]


def _case(kind: str, position: int) -> Case:
    place = TWIN_OF if kind == "near_twin" else position
    rng = Random(f"registry-demo-other-{place}")
    seed = _seed(rng, "no_oligometastasis" if kind == "near_twin" else kind, place)
    if kind == "near_twin":
        seed = replace(seed, is_squamous=not seed.is_squamous)
    if kind in WITHOUT_METASTASIS:
        return _without_metastasis(rng, seed, position, kind)
    intent = "palliative" if kind == "palliative" else "definitive"
    case = case_of(seed, local_id(position), None, kind, intent)
    if kind == "systemic_only":
        start = seed.treated
        end = min(start + timedelta(days=120), seed.last_followup)
        case.lines.append(SystemicLine(len(case.lines) + 1, "post_progression", "紫杉醇+卡铂", start, end))
    if kind in ("systemic_only", "never_treated"):
        for lesion in case.lesions:
            lesion.is_treated = False
            lesion.not_treated_reason = "仅系统治疗" if kind == "systemic_only" else "患者拒绝"
    return case


def _seed(rng: Random, kind: str, position: int) -> SeedPatient:
    first, last = _YEARS.get(kind, (2010, 2020))
    months = (7, 9) if kind == "after_window" else (2, 11)
    treated = date(rng.randint(first, last), rng.randint(*months), rng.randint(2, 27))
    omd_dx = treated - timedelta(days=rng.randrange(20, 40))
    primary = omd_dx - timedelta(days=rng.randrange(400, 1000))
    is_dead = rng.random() < 0.5 and kind != "after_window"
    seen = date(2023, 6, 20) - timedelta(days=rng.randrange(0, 300 if kind != "after_window" else 30))
    n = 5 if kind == "five_lesions" else rng.choice([1, 1, 2])
    return SeedPatient(
        seed_id=f"OTH{position:03d}",
        site=_SITES.get(kind, rng.choice(["lung", "scf"])),
        treated=treated,
        primary_dx=primary,
        omd_dx=omd_dx,
        last_negative=omd_dx - timedelta(days=rng.randrange(100, 260)),
        age=rng.randint(35, 72),
        is_squamous=rng.random() < 0.7,
        figo=rng.choice([1, 2, 2, 3]),
        treatment="none" if kind in ("systemic_only", "never_treated") else "radiotherapy",
        is_dead=is_dead,
        last_followup=treated + timedelta(days=rng.randrange(260, 900)) if is_dead else seen,
        local_recurrence=None,
        new_oligomet=None,
        has_concurrent_regional=False,
        diameters=tuple(float(11 + 3 * i + rng.randrange(0, 3)) for i in range(n)),
    )


def _without_metastasis(rng: Random, seed: SeedPatient, position: int, kind: str) -> Case:
    """Cervical cancer that did not metastasise; some dates are known to the month only."""
    morphology = "8070/3" if seed.is_squamous else "8140/3"
    tumour = clinical.make_tumour(rng, seed.primary_dx, seed.age, seed.figo, morphology)
    before = timedelta(days=round(seed.age * 365.25) + rng.randrange(120, 250))
    case = Case(local_id(position), None, kind, seed.primary_dx - before, "day", "东区", tumour)
    case.therapies, case.lines = clinical.primary_therapy(rng, tumour)
    if position % 4 == 0 and position != TWIN_OF and kind != "near_twin":
        case.birth, case.birth_precision = date(case.birth.year, 7, 1), "year"
    day = seed.primary_dx
    add_exam(case, day + timedelta(days=5), "ct", 2.0)
    for _ in range(rng.randint(2, 4)):
        day += timedelta(days=rng.randrange(170, 300))
        is_partial = rng.random() < 0.3
        status = "unk" if is_partial else "ned"
        contact = Contact(day.replace(day=15) if is_partial else day, "phone", True, status)
        contact.precision = "month" if is_partial else "day"
        case.contacts.append(contact)
    add_exam(case, day + timedelta(days=20), "ct", 2.0)
    seen = date(2023, 6, 20) - timedelta(days=rng.randrange(0, 300))
    case.contacts.append(Contact(seen, "phone", True, "ned"))
    return case
