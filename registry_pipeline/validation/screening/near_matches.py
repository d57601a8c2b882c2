"""Identifiers that differ only in how they are written: leading zeros, ``.0``, case, punctuation.

Belongs here: the form that such spellings share, and the one known identifier of a form.
Does not belong here: deciding that they are one; a person does that.
"""

from collections.abc import Mapping

import polars as pl


def near_form(identifier: pl.Expr) -> pl.Expr:
    """The form in which spellings of one identifier are alike: ``00127``, ``127.0`` and ``127`` are ``127``."""
    plain = identifier.str.normalize("NFKC").str.to_lowercase().str.replace_all(r"\.0+([^0-9]|\z)", "$1")
    return plain.str.replace_all(r"(^|[^0-9])0+([0-9])", "$1$2").str.replace_all(r"[^\pL\pN]", "")


def near_matches(texts: pl.Series, candidates: pl.Series) -> pl.Series:
    """For every identifier the only known one of its form, or NULL where there is none or there are several."""
    forms = (
        candidates.drop_nulls()
        .unique()
        .alias("match")
        .to_frame()
        .with_columns(near_form(pl.col("match")).alias("form"))
    )
    single = forms.filter(pl.col("form").is_unique() & (pl.col("form") != ""))
    near_forms = texts.alias("text").to_frame().select(near_form(pl.col("text")).alias("form"))
    return near_forms.join(single, on="form", how="left", maintain_order="left")["match"]


def near_patients(orphans: pl.Series, records: Mapping[str, pl.DataFrame]) -> pl.Series:
    """For pseudonyms that no patient has: the facility's number of the patient who has nearly the same number."""
    numbers = records["patient_xref"].select("patient_id", "source_patient_id").drop_nulls()
    patients = records["patient"].select("patient_id").drop_nulls()
    numbers_of_patients = numbers.join(patients, on="patient_id", how="semi")["source_patient_id"]
    own = numbers.unique("patient_id", keep="first", maintain_order=True)
    sent = (
        orphans.alias("patient_id").to_frame().join(own, on="patient_id", how="left", maintain_order="left")
    )
    return near_matches(sent["source_patient_id"], numbers_of_patients)
