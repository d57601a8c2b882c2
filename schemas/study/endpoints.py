"""What is waited for, and from when: endpoints, origins of time, kinds of recurrence."""

from dataclasses import dataclass

from schemas.code_list import code_map

RECURRENCE_PATTERNS = {
    "local_recurrence": "Recurrence in a treated lesion",
    "regional": "Regional recurrence (pelvic, vaginal, para-aortic)",
    "new_oligomet": "New oligometastasis",
    "polymet": "Polymetastatic progression",
    "biochemical": "Biochemical progression",
    "any": "Any recurrence",
}


@dataclass(frozen=True)
class Endpoint:
    """What is waited for.

    Attributes:
        name: its code in ``mart.survival_time``.
        label: as a page says it, of those who are free of it.
        event: what happens then.
        meaning: whose share a curve of it shows.
        last_seen: until when somebody without the event is watched.
        competing_event: what keeps it from happening and is counted as event 2; empty where nothing does.
        includes: endpoints whose event is always one of this endpoint too.
        pattern: the kind of first recurrence (``RECURRENCE_PATTERNS``) that is its event; empty where none is.
    """

    name: str
    label: str
    event: str
    meaning: str
    last_seen: str = "last disease assessment"
    competing_event: str = ""
    includes: tuple["Endpoint", ...] = ()
    pattern: str = ""

    @property
    def title(self) -> str:
        """The event as a heading."""
        return RECURRENCE_PATTERNS.get(self.pattern, self.event[:1].upper() + self.event[1:])

    @property
    def phrase(self) -> str:
        """The label within a sentence."""
        return self.label[:1].lower() + self.label[1:]

    @property
    def definition(self) -> str:
        """Label, event and what competes with it, as its code list says it."""
        competing = f", {self.competing_event} competing" if self.competing_event else ""
        return f"{self.phrase}: {self.event}{competing}"


@dataclass(frozen=True)
class Origin:
    """Where the clock starts.

    Attributes:
        name: its code in ``mart.survival_time``.
        label: as a page says it after "from".
        is_registry: of everybody on record, not of the cohort.
    """

    name: str
    label: str
    is_registry: bool = False


OS = Endpoint(
    "os",
    "Overall survival",
    "death of any cause",
    "estimated to be alive at each time, had all been watched that long",
    "last known alive",
)
LRFS = Endpoint(
    "lrfs",
    "Local recurrence-free survival",
    "local recurrence or death",
    "estimated to be alive without recurrence in a treated lesion",
    includes=(OS,),
)
LOCAL_CONTROL = Endpoint(
    "local_control",
    "Freedom from local recurrence",
    "recurrence in a treated lesion",
    "estimated to be free of recurrence in a treated lesion if nobody died before it",
    competing_event="death",
    pattern="local_recurrence",
)
PFS = Endpoint(
    "pfs",
    "Progression-free survival",
    "any progression or death",
    "estimated to be alive without any progression",
    includes=(LRFS,),
)
NEW_OLIGOMET = Endpoint(
    "new_oligomet",
    "Freedom from new oligometastasis",
    "new oligometastasis as the first recurrence",
    "estimated to be free of a new oligometastasis if nothing else came before it",
    competing_event="death or other progression",
    pattern="new_oligomet",
)
ENDPOINTS = {endpoint.name: endpoint for endpoint in (OS, LRFS, LOCAL_CONTROL, PFS, NEW_OLIGOMET)}
COMPETING = tuple(name for name, endpoint in ENDPOINTS.items() if endpoint.competing_event)
ENDPOINT_CODES = code_map(
    "endpoint", "study; DATECAN", {name: endpoint.definition for name, endpoint in ENDPOINTS.items()}
)

LRT_START = Origin("lrt_start", "start of local therapy")
OMD_DX = Origin("omd_dx", "diagnosis of the oligometastases")
PRIMARY_DX = Origin("primary_dx", "diagnosis of the primary", is_registry=True)
ORIGINS = {origin.name: origin for origin in (LRT_START, OMD_DX, PRIMARY_DX)}
COHORT_ORIGINS = tuple(name for name, origin in ORIGINS.items() if not origin.is_registry)
ORIGIN_CODES = code_map("origin", "study", {name: origin.label for name, origin in ORIGINS.items()})
