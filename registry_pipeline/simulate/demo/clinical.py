"""Plausible clinical detail around given facts: stages, doses, treatment days.

Belongs here: pure makers of tumours, therapies and courses from a random generator.
Does not belong here: whole patients (``cohort_truth.py``, ``other_truth.py``), files.
"""

from datetime import date, timedelta
from random import Random

from registry_pipeline.simulate.demo.truth import Course, PrimaryTherapy, SystemicLine, Tumour

EDITION_2009 = date(2009, 1, 1)
EDITION_2018 = date(2018, 10, 1)
SITE_REGION = {
    "scf": "neck",
    "lung": "chest",
    "mediastinal_ln": "chest",
    "liver": "abdomen",
    "adrenal": "abdomen",
    "bone": "pelvis",
    "brain": "head",
}
SITE_GROUP = {"scf": "scf", "lung": "lung"}
NODES = ("scf", "mediastinal_ln")
CONVENTIONAL = ((30, 2.0), (33, 2.0), (28, 2.2))
STEREOTACTIC = {
    "lung": ((5, 10.0), (4, 12.0), (8, 7.5)),
    "scf": ((5, 8.0), (5, 7.0)),
    "other": ((5, 8.0), (5, 9.0)),
}


def edition_of(dx: date) -> str:
    """Edition of FIGO in force at diagnosis."""
    if dx < EDITION_2009:
        return "1994"
    return "2009" if dx < EDITION_2018 else "2018"


def make_tumour(rng: Random, dx: date, age: int, figo: int, morphology: str) -> Tumour:
    """A primary tumour whose stage, size and nodes fit the edition of its time."""
    edition = edition_of(dx)
    stage, size = _stage(rng, figo, edition)
    squamous = morphology.startswith("807")
    antigen = rng.uniform(1.2, 28.0) if squamous else rng.uniform(0.4, 2.4)
    return Tumour(
        dx=dx,
        age=age,
        morphology=morphology,
        stage=stage,
        edition=edition,
        method="r" if edition == "2018" else "c",
        size_mm=size,
        pelvic="pos" if stage.startswith("IIIC") else rng.choice(["neg", "neg", "unk"]),
        paraaortic="neg",
        antigen=round(antigen, 1),
        grade=rng.choice(["2", "2", "3", "9"]),
        topography=rng.choice(["C53.9", "C53.9", "C53.1", "C53.8" if squamous else "C53.0"]),
    )


def _stage(rng: Random, figo: int, edition: str) -> tuple[str, int]:
    small, middle, large = rng.randrange(10, 19), rng.randrange(23, 38), rng.randrange(43, 56)
    if figo == 1 and edition == "2018":
        return rng.choice([("IB1", small), ("IB2", middle), ("IB3", large)])
    if figo == 1:
        return rng.choice([("IB1", middle), ("IB2", large)])
    if figo == 2 and edition == "1994":
        return rng.choice([("IIA", middle), ("IIB", large)])
    if figo == 2:
        return rng.choice([("IIA1", middle), ("IIA2", large), ("IIB", large)])
    if figo == 3:
        return ("IIIC1r", middle) if edition == "2018" and rng.random() < 0.6 else ("IIIB", large)
    return "IVA", rng.randrange(55, 75)


def treatment_days(start: date, n: int, step: int = 1) -> list[date]:
    """``n`` treatment days from ``start``, every ``step`` days, none of the later ones at a weekend."""
    days = [start]
    while len(days) < n:
        following = days[-1] + timedelta(days=step)
        while following.weekday() > 4:
            following += timedelta(days=1)
        days.append(following)
    return days


def primary_therapy(rng: Random, tumour: Tumour) -> tuple[list[PrimaryTherapy], list[SystemicLine]]:
    """Radical surgery for early stages, else chemoradiotherapy with weekly cisplatin."""
    if tumour.stage.startswith(("IB", "IIA")) and rng.random() < 0.7:
        day = tumour.dx + timedelta(days=rng.randrange(4, 13))
        return [PrimaryTherapy("surgery", day, day)], []
    days = treatment_days(tumour.dx + timedelta(days=rng.randrange(8, 21)), 25)
    radiation = PrimaryTherapy("ccrt", days[0], days[-1], 45.0, 25)
    return [radiation], [SystemicLine(1, "concurrent", "顺铂", days[0], days[-1])]


def make_course(
    rng: Random, site: str, start: date, room_days: int, treatment: str, lesions: list[int], intent: str
) -> Course:
    """The course that treats the index lesions; it ends within ``room_days``."""
    result = Course(1, 1, "rt", "", intent, [start], lesions)
    if treatment == "surgery":
        result.modality, result.technique = "surgery", "vats" if site == "lung" else "open"
        result.margin = rng.choice(["R0", "R0", "R0", "RX"])
        return result
    if treatment == "ablation":
        result.modality, result.technique = "ablation", rng.choice(["mwa", "rfa"])
        return result
    return _radiation(rng, result, site, start, room_days)


def _radiation(rng: Random, course: Course, site: str, start: date, room_days: int) -> Course:
    if course.intent == "palliative":
        n, dose, step, course.technique = 10, 3.0, 1, "3dcrt"
    elif site in NODES and room_days > 60:
        (n, dose), step, course.technique = rng.choice(CONVENTIONAL), 1, "imrt"
    else:
        (n, dose), step = rng.choice(STEREOTACTIC.get(site, STEREOTACTIC["other"])), 2
        course.technique = "sbrt"
    course.days, course.n_planned, course.dose_per_fraction = treatment_days(start, n, step), n, dose
    return course
