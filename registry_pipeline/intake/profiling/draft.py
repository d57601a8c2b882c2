"""From files to a whole draft of a mapping: what spans its sources, and the draft's text.

Belongs here: the patient's number, the day that offsets are counted from, the order of the work.
Does not belong here: one source (``source_draft.py``), guesses (``guess.py``), TOML (``write.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from registry_pipeline.intake.profiling.files import SourceFile, SourceGroup, group_files, read_profiled
from registry_pipeline.intake.profiling.guess import guess_source
from registry_pipeline.intake.profiling.headers import looks_headless
from registry_pipeline.intake.profiling.keys import unique_numbers
from registry_pipeline.intake.profiling.model import FacilityDraft, SourceDraft
from registry_pipeline.intake.profiling.patients import choose_patients
from registry_pipeline.intake.profiling.records import SourceGuess
from registry_pipeline.intake.profiling.redcap import dictionary_note, is_dictionary
from registry_pipeline.intake.profiling.source_draft import columns_of, draft_source
from registry_pipeline.intake.profiling.write import write_draft
from registry_pipeline.intake.readers import ReadError, ReadLimits

ANCHOR = "diagnosis"
_NEEDED = {
    "patient": "the patients (birth date, sex), without whom every other record waits in quarantine",
    "primary_tumour": "the primary tumours (diagnosis, stage, histology)",
}


@dataclass(frozen=True)
class Draft:
    """A mapping ready to be written.

    Attributes:
        text: the TOML.
        n_columns, n_mapped, n_guessed: columns of all sources; those that a table uses; those that only tables use
            which are written as comments.
        n_questions: lines that begin with ``# ?``.
        problems: files that could not be used, one line each, without content.
        n_sources: ``[[source]]`` in it; without any the text is no mapping.
    """

    text: str
    n_columns: int
    n_mapped: int
    n_guessed: int
    n_questions: int
    problems: tuple[str, ...]
    n_sources: int


def draft_mapping(
    facility_id: str,
    paths: Sequence[Path],
    progress: Callable[[str], None] = lambda _: None,
) -> Draft:
    """Draft the mapping of a facility from its files.

    Args:
        paths: real exports; files that differ by a date in their name become one source.
        progress: told each file before it is read.
    """
    files: list[SourceFile] = []
    problems: list[str] = []
    for path in paths:
        progress(f"reading {path.name}")
        try:
            file = read_profiled(path, ReadLimits())
        except ReadError as error:
            problems.append(f"{path.name}: {error}")
            continue
        if is_dictionary(file.columns):
            problems.append(dictionary_note(path.name))
        elif looks_headless(file):
            problems.append(
                f"{path.name}: its first row looks like a record, not like a header; name the columns"
            )
        else:
            files.append(file)
    progress("looking at the columns")
    return _draft(facility_id, group_files(files), problems)


def _draft(facility_id: str, groups: Sequence[SourceGroup], problems: Sequence[str]) -> Draft:
    patients = choose_patients(groups)
    guesses = [guess_source(group, patients[group.name], has_anchor=False) for group in groups]
    anchor = _anchor(guesses)
    if anchor is not None and any(_counts_days(group) for group in groups):
        guesses = [guess_source(group, patients[group.name], has_anchor=True) for group in groups]
    unique = unique_numbers(guesses)
    sources = tuple(draft_source(guess, unique, ANCHOR) for guess in guesses)
    is_anchored = any(
        "anchor" in column.keys for source in sources for table in source.tables for column in table.columns
    )
    draft = FacilityDraft(
        facility_id=facility_id,
        calendar="relative" if is_anchored and anchor == "year" else "absolute",
        anchor=ANCHOR if is_anchored else None,
        sources=sources,
        questions=(*problems, *_facility_questions(sources)),
    )
    text = write_draft(draft)
    names = [set(group.columns) for group in groups]
    mapped = [columns_of(source.tables_in_force) & own for source, own in zip(sources, names, strict=True)]
    guessed = [columns_of(source.tables) & own for source, own in zip(sources, names, strict=True)]
    return Draft(
        text=text,
        n_columns=sum(map(len, names)),
        n_mapped=sum(map(len, mapped)),
        n_guessed=sum(map(len, guessed)) - sum(map(len, mapped)),
        n_questions=text.count("# ? "),
        problems=tuple(problems),
        n_sources=len(sources),
    )


def _anchor(guesses: Sequence[SourceGuess]) -> str | None:
    """How exactly the day of diagnosis is known where some source gives it: ``day``, ``year`` or None."""
    for guess in guesses:
        for record in guess.records:
            if record.record.table == "primary_tumour":
                return "year" if "is_year" in record.picks["dx_date"].fit.options else "day"
    return None


def _counts_days(group: SourceGroup) -> bool:
    return any(column.header.is_days for column in group.columns.values())


def _facility_questions(sources: Sequence[SourceDraft]) -> list[str]:
    fed: dict[str, list[str]] = {}
    for source in sources:
        for table in dict.fromkeys(table.table for table in source.tables_in_force):
            fed.setdefault(table, []).append(source.name)
    questions = [
        'each export is taken for the whole truth of its source (mode = "full"); write "incremental" where it holds only what is new'
    ]
    guessed = {table.table for source in sources for table in source.tables}
    for name, what in _NEEDED.items():
        if name in guessed - set(fed):
            questions.append(
                f"{what}: they stand below as comments; take the # of table {name} away if it is so"
            )
        elif name not in fed:
            questions.append(f"no file gives {what}")
    for table, names in fed.items():
        if len(names) > 1 and table not in ("lrt_course", "lrt_target"):
            order = ", ".join(f'"{name}"' for name in names)
            questions.append(
                f"{table} comes from {' and '.join(names)}: whom to believe where they disagree?"
                f' now the first; else write under [precedence]  "{table}" = [{order}]'
            )
    return questions
