"""The truth behind simulated exports: what happened to one made-up woman.

Belongs here: plain records of facts, without any file, header or mistake in them.
Does not belong here: how a system exports them (``*_export.py``) and where they come from
(``cohort_truth.py``, ``other_truth.py``).
"""

from dataclasses import dataclass, field
from datetime import date

REGIONS = ("neck", "chest", "abdomen", "pelvis", "head")


@dataclass
class Tumour:
    """The primary tumour. Sizes are mm, the antigen is ng/mL."""

    dx: date
    age: int
    morphology: str
    stage: str
    edition: str
    method: str
    size_mm: int
    pelvic: str
    paraaortic: str
    antigen: float
    grade: str = "2"
    basis: str = "7"
    topography: str = "C53.9"


@dataclass
class PrimaryTherapy:
    """Treatment of the primary: surgery or radiotherapy (with concurrent systemic therapy or not)."""

    modality: str
    start: date
    end: date
    dose_gy: float | None = None
    n_fractions: int | None = None


@dataclass
class SystemicLine:
    """A line of systemic therapy."""

    number: int
    setting: str
    agents: str
    start: date
    end: date


@dataclass
class Regional:
    """A regional recurrence that was treated together with an episode."""

    site: str
    dx: date
    treatment: str


@dataclass
class Episode:
    """An episode of oligometastatic disease."""

    number: int
    dx: date
    site_group: str
    omd_class: str
    n_lesions: int
    is_index: bool
    history_omd: str = "no"
    active_systemic: str = "no"
    antigen: float = 1.0
    ecog: int = 0
    regional: Regional | None = None


@dataclass
class Lesion:
    """A metastasis; ``number`` is unique within the patient."""

    number: int
    episode: int
    site: str
    laterality: str
    detection: date
    last_negative: date | None
    status: str = "index"
    is_biopsied: bool = False
    is_treated: bool = True
    not_treated_reason: str = ""


@dataclass
class Size:
    """A diameter read off an examination (mm)."""

    lesion: int
    long_mm: float
    short_mm: float
    role: str
    suvmax: float | None = None


@dataclass
class Exam:
    """An examination: what was said of each region, and the sizes."""

    number: str
    day: date
    modality: str
    slice_mm: float
    regions: dict[str, str]
    sizes: list[Size] = field(default_factory=list)


@dataclass
class Course:
    """A course of locoregional therapy. Doses are Gy."""

    number: int
    episode: int
    modality: str
    technique: str
    intent: str
    days: list[date]
    lesions: list[int]
    n_planned: int = 0
    dose_per_fraction: float | None = None
    margin: str = ""

    @property
    def total_gy(self) -> float:
        """Total dose delivered."""
        return round((self.dose_per_fraction or 0.0) * len(self.days), 4)

    def biological_dose(self, alpha_beta: float = 10.0) -> tuple[float, float]:
        """BED and EQD2, Gy. Source: D(1 + d/ab) and D(d + ab)/(2 + ab)."""
        dose = self.dose_per_fraction or 0.0
        bed = self.total_gy * (1 + dose / alpha_beta)
        return bed, self.total_gy * (dose + alpha_beta) / (2 + alpha_beta)


@dataclass
class Contact:
    """A dated contact. ``precision``: day, or month where only the month is known."""

    day: date
    source: str
    is_alive: bool
    status: str
    precision: str = "day"


@dataclass
class Event:
    """A recurrence or progression."""

    kind: str
    day: date
    lesion: int | None = None
    n_new: int | None = None
    evidence: str = "imaging"


@dataclass
class Toxicity:
    """An adverse effect of a course."""

    course: int
    term: str
    grade: int
    onset: date


@dataclass
class Case:
    """Everything that is true of one patient.

    Attributes:
        local_id: number in the hospital's leading system, eight digits with leading zeros.
        seed_id: row of the seed cohort, or None for patients outside the study.
        kind: ``cohort`` or why the patient is outside it.
    """

    local_id: str
    seed_id: str | None
    kind: str
    birth: date
    birth_precision: str
    region: str
    tumour: Tumour
    therapies: list[PrimaryTherapy] = field(default_factory=list)
    lines: list[SystemicLine] = field(default_factory=list)
    episodes: list[Episode] = field(default_factory=list)
    lesions: list[Lesion] = field(default_factory=list)
    exams: list[Exam] = field(default_factory=list)
    courses: list[Course] = field(default_factory=list)
    contacts: list[Contact] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    toxicities: list[Toxicity] = field(default_factory=list)
    death: date | None = None
    death_cause: str = "cancer"

    def exam_number(self) -> str:
        """A number for the next examination of this patient."""
        return f"CT{self.local_id[2:]}{len(self.exams) + 1:02d}"
