"""How far single patients stand out in the registry and in what analysts get."""

from schemas import columns as c
from schemas.columns import count, integer, text
from schemas.table import table

MODEL = table(
    "result.disclosure_risk",
    "One row per population, state and sensitive column: k-anonymity and l-diversity over the quasi-identifiers.",
    key=["population", "state", "sensitive"],
    columns=[
        text("population", "registry: every curated patient; cohort: those analysed"),
        text("state", "before: as in registry.duckdb; after: as in analyst.duckdb"),
        text("sensitive", "Column of which l counts the values"),
        text("quasi_identifiers", "Columns whose values together form the classes"),
        count("n_patients", "Patients"),
        count("n_classes", "Classes of patients alike in all quasi-identifiers"),
        integer("k", "Patients of the smallest class; NULL without patients", minimum=1),
        integer("l", "Fewest different values of the sensitive column in a class", minimum=1),
        count("n_alone", "Patients who are alone in their class"),
        count("n_in_small_class", "Patients in classes smaller than analyst.smallest_count"),
        count("n_alike", "Patients in classes in which all have the same value of the sensitive column"),
        c.note,
    ],
)
