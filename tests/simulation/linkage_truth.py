"""Linkage measured against simulated registries in which it is known who is one woman.

Belongs here: persons of a simulation as the linkage takes them, precision and recall against the truth.
Does not belong here: limits that a test holds them to.
"""

import hashlib
from dataclasses import dataclass

import polars as pl

from registry_pipeline.simulate.population.persons import shared_women
from registry_pipeline.simulate.population.population import draw_chunk
from registry_pipeline.validation.registry_wide.linkage import find_pairs, persons_of

SURE = 0.5
"""From this score on a pair is counted as called one woman."""


@dataclass(frozen=True)
class LinkageQuality:
    """How well pairs agree with the truth.

    Attributes:
        n_pairs, n_true: pairs called one woman; women whom two facilities know.
        precision, recall: share of the called pairs that are true; share of the true ones that were called.
        n_listed: pairs that a steward gets to see, of any score.
    """

    n_pairs: int
    n_true: int
    precision: float
    recall: float
    n_listed: int


def _pseudonym(facility: int, number: int) -> str:
    """A hash, as pseudonyms are: the order of patients says nothing of them."""
    return hashlib.sha256(f"{facility}/{number}".encode()).hexdigest()[:16]


def simulated_persons(patients: int, facilities: int, seed: int) -> pl.DataFrame:
    """The women of all facilities of a simulated registry, a row per patient of a facility."""
    parts = []
    for facility in range(1, facilities + 1):
        frames = draw_chunk(seed, facility, 1, patients // facilities)
        numbers = frames["patients"]["patient_no"].to_list()
        names = {number: _pseudonym(facility, number) for number in numbers}
        identity = pl.col("patient_no").replace_strict(names).alias("patient_id")
        born = pl.col("birth_date")
        patient = frames["patients"].select(
            identity,
            pl.lit(f"facility-{facility}").alias("facility_id"),
            born.alias("birth_date_lower"),
            born.alias("birth_date_upper"),
            pl.col("patient_no").alias("_row_id"),
        )
        tumour = frames["tumours"].select(
            identity,
            pl.col("patient_no").cast(pl.String).alias("source_record_id"),
            pl.col("dx_date").alias("dx_date_lower"),
            pl.col("dx_date").alias("dx_date_upper"),
            pl.col("histology").alias("histology_group"),
        )
        parts.append(persons_of(patient, tumour))
    return pl.concat(parts)


def linkage_quality(persons: pl.DataFrame, patients: int, facilities: int) -> LinkageQuality:
    """Pairs that the linkage calls one woman against those of whom it is known."""
    pairs = find_pairs(persons).pairs
    called = {
        frozenset(pair)
        for pair in pairs.filter(pl.col("score") >= SURE).select("patient_id", "other_patient_id").iter_rows()
    }
    truth = {
        frozenset(_pseudonym(woman.facility - before, woman.number) for before in (1, 0))
        for woman in shared_women([patients // facilities] * facilities)
        if woman.is_transfer
    }
    hits = len(called & truth)
    return LinkageQuality(
        len(called), len(truth), hits / max(len(called), 1), hits / max(len(truth), 1), len(pairs)
    )
