"""The 56 patients of the seed cohort with everything that five hospital systems would know of them.

Belongs here: turning one seed row into a :class:`Case`; detail is drawn from a generator that is
seeded by the row, so that every call gives the same patients.
Does not belong here: patients outside the study (``other_truth.py``), files.
"""

from datetime import date, timedelta
from random import Random

from registry_pipeline.simulate.demo import clinical
from registry_pipeline.simulate.demo.seed import SeedPatient, read_seed
from registry_pipeline.simulate.demo.truth import (
    REGIONS,
    Case,
    Contact,
    Episode,
    Event,
    Exam,
    Lesion,
    Regional,
    Size,
    Toxicity,
)

OTHER_SITES = {"SYN035": "liver", "SYN049": "adrenal", "SYN051": "liver", "SYN053": "mediastinal_ln"}
DISTRICTS = ("东区", "西区", "南区", "北区", "高新区")
SYNCHRONOUS_DAYS = 182
REMEASURED = "SYN040"


def local_id(position: int) -> str:
    """The hospital's number of the patient at ``position``: eight digits, two leading zeros."""
    return f"00{410233 + 617 * position}"


def cohort_cases() -> list[Case]:
    """The study cohort, in the order of the seed."""
    return [case_of(seed, local_id(place), seed.seed_id) for place, seed in enumerate(read_seed())]


def case_of(
    seed: SeedPatient, number: str, seed_id: str | None, kind: str = "cohort", intent: str = "definitive"
) -> Case:
    """A whole patient around one seed row."""
    rng = Random(f"registry-demo-{seed.seed_id}")
    case = _person(rng, seed, number, seed_id, kind)
    site = OTHER_SITES.get(seed.seed_id, "liver") if seed.site == "other" else seed.site
    _episode(rng, case, seed, site)
    _lesions(rng, case, seed, site)
    _exams_before(rng, case, seed, site)
    if seed.seed_id == REMEASURED:
        _planning_exam(case, site)
    room = (seed.last_followup - seed.treated).days
    if seed.treatment != "none":
        lesions = [lesion.number for lesion in case.lesions]
        case.courses.append(
            clinical.make_course(rng, site, seed.treated, room, seed.treatment, lesions, intent)
        )
    _after(rng, case, seed, site)
    case.exams.sort(key=lambda exam: exam.day)
    return case


def _person(rng: Random, seed: SeedPatient, number: str, seed_id: str | None, kind: str) -> Case:
    before = round(seed.age * 365.25) + rng.randrange(25, 330)
    other = ["8140/3", "8140/3", "8560/3"]
    morphology = rng.choice(["8070/3", "8070/3", "8071/3", "8072/3"] if seed.is_squamous else other)
    tumour = clinical.make_tumour(rng, seed.primary_dx, seed.age, seed.figo, morphology)
    case = Case(
        local_id=number,
        seed_id=seed_id,
        kind=kind,
        birth=seed.primary_dx - timedelta(days=before),
        birth_precision="day",
        region=rng.choice(DISTRICTS),
        tumour=tumour,
        death=seed.last_followup if seed.is_dead else None,
        death_cause="other" if rng.random() < 0.12 else "cancer",
    )
    case.therapies, case.lines = clinical.primary_therapy(rng, tumour)
    return case


def _episode(rng: Random, case: Case, seed: SeedPatient, site: str) -> None:
    synchronous = (seed.omd_dx - seed.primary_dx).days <= SYNCHRONOUS_DAYS
    regional = None
    if seed.has_concurrent_regional:
        place = rng.choice(["pelvic", "paraaortic"])
        regional = Regional(place, seed.omd_dx + timedelta(days=rng.randrange(0, 8)), "同期放疗")
    case.episodes.append(
        Episode(
            number=1,
            dx=seed.omd_dx,
            site_group=clinical.SITE_GROUP.get(site, "other"),
            omd_class="de_novo_synchronous" if synchronous else "metachronous_oligorecurrence",
            n_lesions=len(seed.diameters),
            is_index=True,
            antigen=round(rng.uniform(0.6, 12.0), 1),
            ecog=rng.choice([0, 0, 1]),
            regional=regional,
        )
    )


def _lesions(rng: Random, case: Case, seed: SeedPatient, site: str) -> None:
    first = rng.choice("LR") if site != "scf" else "L"
    sides = [first, "R" if first == "L" else "L", first, "L", "R"]
    for number in range(1, len(seed.diameters) + 1):
        paired = site in ("scf", "lung", "adrenal")
        case.lesions.append(
            Lesion(
                number=number,
                episode=1,
                site=site,
                laterality=sides[number - 1] if paired else ("mid" if site == "mediastinal_ln" else "na"),
                detection=seed.omd_dx,
                last_negative=seed.last_negative,
                is_biopsied=site in clinical.NODES,
            )
        )


def add_exam(case: Case, day: date, modality: str, slice_mm: float, **impressions: str) -> Exam:
    """An examination of neck to pelvis, negative wherever ``impressions`` (region=impression) says nothing."""
    regions = dict.fromkeys(REGIONS[:4], "neg") | impressions
    exam = Exam(case.exam_number(), day, modality, slice_mm, regions)
    case.exams.append(exam)
    return exam


def _exams_before(rng: Random, case: Case, seed: SeedPatient, site: str) -> None:
    modality, slice_mm = ("petct", 2.0) if rng.random() < 0.25 else ("ct", rng.choice([1.0, 1.5, 2.0]))
    region = clinical.SITE_REGION[site]
    head = {"head": "neg"} if region == "head" else {}
    day = seed.primary_dx + timedelta(days=rng.randrange(2, 9))
    while (seed.last_negative - day).days > 120 or not case.exams:
        add_exam(case, day, modality, slice_mm, **head)
        day += timedelta(days=rng.randrange(180, 370))
    add_exam(case, seed.last_negative, modality, slice_mm, **head)
    exam = add_exam(case, seed.omd_dx, modality, slice_mm, **{region: "pos"})
    for number, long_mm in enumerate(seed.diameters, start=1):
        short_mm = round(long_mm * rng.choice([0.7, 0.75, 0.8, 0.85]), 1)
        uptake = round(rng.uniform(2.5, 12.0), 1) if modality == "petct" else None
        exam.sizes.append(Size(number, long_mm, short_mm, "baseline", uptake))


def _planning_exam(case: Case, site: str) -> None:
    """Three equal lesions, two of them on one side: the planning CT tells the third from the first."""
    detection = case.exams[-1]
    exam = add_exam(
        case,
        detection.day + timedelta(days=12),
        detection.modality,
        detection.slice_mm,
        **{clinical.SITE_REGION[site]: "pos"},
    )
    last = detection.sizes[-1]
    exam.sizes.append(Size(last.lesion, last.long_mm + 1, last.short_mm, "pre", last.suvmax))


def _after(rng: Random, case: Case, seed: SeedPatient, site: str) -> None:
    last_day = case.courses[0].days[-1] if case.courses else seed.omd_dx
    first_event = min([d for d in (seed.local_recurrence, seed.new_oligomet) if d], default=None)
    _response_exam(rng, case, last_day, first_event or seed.last_followup, site)
    if seed.local_recurrence:
        _local_recurrence(case, seed.local_recurrence, site)
    if seed.new_oligomet:
        _new_oligomet(rng, case, seed.new_oligomet, site)
    _contacts(rng, case, last_day, seed.last_followup, first_event)
    _toxicity(rng, case, last_day, seed)


def _response_exam(rng: Random, case: Case, last_day: date, before: date, site: str) -> None:
    """The first CT after treatment: smaller lesions, region not called negative."""
    day = last_day + timedelta(days=rng.randrange(70, 100))
    if not case.courses or (before - day).days < 25:
        return
    first = next(exam for exam in case.exams if exam.sizes)
    exam = add_exam(case, day, first.modality, first.slice_mm, **{clinical.SITE_REGION[site]: "equivocal"})
    for size in first.sizes if case.courses[0].modality == "rt" else []:
        factor = rng.choice([0.6, 0.7, 0.8])
        long_mm, short_mm = max(3.0, round(size.long_mm * factor)), round(size.short_mm * factor, 1)
        exam.sizes.append(Size(size.lesion, long_mm, min(short_mm, long_mm), "post"))


def _local_recurrence(case: Case, day: date, site: str) -> None:
    baseline = next(exam for exam in case.exams if exam.sizes)
    exam = add_exam(case, day, baseline.modality, baseline.slice_mm, **{clinical.SITE_REGION[site]: "pos"})
    size = baseline.sizes[0]
    exam.sizes.append(Size(size.lesion, round(size.long_mm * 1.4), round(size.short_mm * 1.4, 1), "post"))
    case.events.append(Event("local_recurrence", day, lesion=size.lesion))


def _new_oligomet(rng: Random, case: Case, day: date, site: str) -> None:
    """A lesion outside the index set, its own episode, and the event."""
    new_site = "liver" if site == "lung" else "lung"
    number = len(case.lesions) + 1
    group = clinical.SITE_GROUP.get(new_site, "other")
    case.episodes.append(Episode(2, day, group, "repeat_oligorecurrence", 1, False, "yes"))
    case.lesions.append(
        Lesion(
            number=number,
            episode=2,
            site=new_site,
            laterality=rng.choice("LR") if new_site == "lung" else "na",
            detection=day,
            last_negative=None,
            status="new",
            is_biopsied=True,
            is_treated=False,
            not_treated_reason="改行系统治疗",
        )
    )
    baseline = next(exam for exam in case.exams if exam.sizes)
    exam = add_exam(
        case, day, baseline.modality, baseline.slice_mm, **{clinical.SITE_REGION[new_site]: "pos"}
    )
    del exam.regions[clinical.SITE_REGION[site]]  # that region is described with the treated lesion only
    long_mm = rng.randrange(12, 22)
    exam.sizes.append(Size(number, float(long_mm), round(long_mm * 0.8, 1), "baseline"))
    case.events.append(Event("new_oligomet", day, n_new=1))


def _contacts(
    rng: Random,
    case: Case,
    first: date,
    last: date,
    event: date | None,
) -> None:
    """Visits with disease status; the last one of a living patient lies on the last day of follow-up."""
    day = first + timedelta(days=rng.randrange(20, 40))
    while (last - day).days > 20:
        status = "awd" if event and day >= event else "ned"
        source = rng.choice(["visit", "visit", "visit", "phone"])
        case.contacts.append(Contact(day, source, True, "unk" if source == "phone" else status))
        day += timedelta(days=rng.randrange(150, 240))
    if case.death is None:
        case.contacts.append(Contact(last, "visit", True, "awd" if event else "ned"))
    else:
        case.contacts.append(Contact(last, "phone", False, "unk"))


def _toxicity(rng: Random, case: Case, last_day: date, seed: SeedPatient) -> None:
    if not case.courses or case.courses[0].modality != "rt" or rng.random() > 0.4:
        return
    onset = last_day + timedelta(days=rng.randrange(5, 60))
    term = "Pneumonitis" if seed.site == "lung" else "Dermatitis radiation"
    if onset < seed.last_followup:
        case.toxicities.append(Toxicity(1, term, rng.choice([1, 1, 2]), onset))
