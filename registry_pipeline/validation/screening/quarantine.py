"""Which records are kept out: those with an error of their own and those that hang on such a one.

Belongs here: S18 (a reference without a record), the cascade from parents to children, the rows of
``quality.quarantine``. Does not belong here: any other judgement.
"""

from collections.abc import Iterator, Mapping
from functools import reduce

import numpy as np
import polars as pl

from registry_pipeline.core.frames import column_or_null, with_schema
from registry_pipeline.core.side_by_side import Bounds, filled
from registry_pipeline.validation.records import curated, record_keys, references
from registry_pipeline.validation.rules.catalogue import Catalogue
from registry_pipeline.validation.screening.findings import FindingContext
from registry_pipeline.validation.screening.identifiers import Identifiers
from registry_pipeline.validation.screening.near_matches import near_matches, near_patients
from registry_pipeline.validation.screening.violations import ErrorRows
from registry_pipeline.validation.screening.within_table import Outcome
from schemas.columns import SOURCE_NUMBER

_VERDICT = {"_row_id": pl.Int64, "reason": pl.Categorical, "cause": pl.String}
_NO_VERDICT = pl.DataFrame(schema=_VERDICT)
_KEPT_OUT = {
    "table_name": pl.Categorical,
    "record_key": pl.String,
    SOURCE_NUMBER: pl.String,
    "patient_id": pl.String,
    "reason": pl.Categorical,
    "cause": pl.String,
    "_origin": pl.Int64,
}
_REASON = {reason: pl.lit(reason).cast(pl.Categorical).alias("reason") for reason in ("own", "parent")}


def judge_references(
    records: Mapping[str, pl.DataFrame],
    identifiers: Identifiers,
    rules: Catalogue,
    outcome: Outcome,
    places: Mapping[str, Bounds],
) -> None:
    """S18: a foreign key that names no record of the facility, into ``outcome``.

    Args:
        places: per table where the records of each facility stand.
    """
    entry = rules.of_scope("generic").get("S18")
    if entry is None:
        return
    for name, model in curated().items():
        counts = filled(identifiers.numbers[name], places[name])
        for column, parent, key in references(model):
            numbers = identifiers.numbers[name].get_column(column.name)
            outcome.count("S18", counts[column.name])
            is_orphan = numbers >= identifiers.n_known[parent]
            if not is_orphan.any():
                continue
            is_missing = is_orphan.fill_null(False)
            orphans = records[name].select("_row_id", column.name).filter(is_missing)
            match = pl.concat(
                _near(own, (parent, key), identifiers, records, at, places)
                for at, own in enumerate(_of_each(numbers, orphans[column.name], is_missing, places[name]))
            )
            outcome.violations.add(
                orphans.with_columns(
                    pl.lit(name).alias("table_name"),
                    pl.lit("S18").alias("rule_id"),
                    pl.lit(entry.severity).alias("severity"),
                    pl.lit(column.name).alias("items"),
                    pl.lit(f"no record in {parent}").alias("detail"),
                    match.alias("suggestion"),
                )
            )


def _of_each(
    numbers: pl.Series, orphans: pl.Series, is_missing: pl.Series, places: Bounds
) -> Iterator[pl.DataFrame]:
    """The orphans of each facility: what their references are, and the numbers of these."""
    begin = 0
    for place in places:
        own = numbers.slice(*place).filter(is_missing.slice(*place))
        yield pl.DataFrame([orphans.slice(begin, len(own)).alias("orphan"), own.alias("number")])
        begin += len(own)


def _near(
    orphans: pl.DataFrame,
    parent: tuple[str, str],
    identifiers: Identifiers,
    records: Mapping[str, pl.DataFrame],
    at: int,
    places: Mapping[str, Bounds],
) -> pl.Series:
    """The identifier of a record that the facility sent and that an orphan's reference, as it was sent, nearly is."""
    table, key = parent
    if orphans.is_empty():
        return pl.Series(dtype=pl.String)
    if table == "patient":
        own = {name: records[name].slice(*places[name][at]) for name in ("patient", "patient_xref")}
        return near_patients(orphans["orphan"], own)
    sent = identifiers.numbers[table].get_column(key).slice(*places[table][at])
    texts = identifiers.texts[table]
    return near_matches(texts.gather(orphans["number"]), texts.gather(sent.drop_nulls().unique()))


def verdicts(
    records: Mapping[str, pl.DataFrame], identifiers: Identifiers, errors: ErrorRows
) -> dict[str, pl.DataFrame]:
    """Per table the records to quarantine: ``_row_id, reason (own, parent), cause``.

    A record whose reference names no record at all goes with its parent too, even where S18 is softened:
    the release could not hold it.
    """
    result: dict[str, pl.DataFrame] = {}
    for name, model in curated().items():
        own = errors.of_table(name)
        parts = [_own(own)] if own else []
        for column, parent, key in references(model) if records[name].height else ():
            numbers = identifiers.numbers[name].get_column(column.name)
            if result[parent].is_empty() and not (numbers >= identifiers.n_known[parent]).any():
                continue  # every record of the parent stays, and each reference names one
            is_out = records[parent]["_row_id"].is_in(result[parent]["_row_id"].implode())
            gone = _gone(identifiers, parent, key, is_out)
            orphans = (
                records[name].select("_row_id", column.name).filter(gone.gather(numbers).fill_null(False))
            )
            cause = pl.lit(f"{parent} ") + pl.col(column.name)
            parts.append(orphans.select("_row_id", _REASON["parent"], cause.alias("cause")))
        whole = pl.concat([_NO_VERDICT, *parts])
        result[name] = whole.unique("_row_id", keep="first", maintain_order=True) if whole.height else whole
    return result


def _own(broken: Mapping[str, pl.Series]) -> pl.DataFrame:
    """The records of a table with errors of their own, and the rules that each breaks.

    Args:
        broken: rule -> the records that break it.

    Rule by rule: many records break few combinations of rules, which are put together once.
    """
    every = (rows.to_numpy() for rows in broken.values())
    row_ids = pl.Series(
        "_row_id", reduce(np.union1d, every, np.empty(0, dtype=np.int64))
    )  # sorted, also of one rule
    combination = np.zeros(len(row_ids), dtype=np.int64)
    words = [""]
    for rule in sorted(broken):
        places = row_ids.search_sorted(broken[rule]).to_numpy()
        before, which = np.unique(combination[places], return_inverse=True)
        combination[places] = len(words) + which
        words += [f"{words[number]},{rule}".removeprefix(",") for number in before]
    cause = pl.Series("cause", words, dtype=pl.String).gather(pl.Series(combination, dtype=pl.UInt32))
    return row_ids.to_frame().select("_row_id", _REASON["own"], cause)


def _gone(identifiers: Identifiers, table: str, key: str, is_out: pl.Series) -> pl.Series:
    """For every number of an identifier of a table: no record of it is left."""
    remaining = identifiers.numbers[table].get_column(key).filter(~is_out).drop_nulls()
    gone = np.ones(len(identifiers.texts[table]), dtype=np.bool_)
    gone[remaining.to_numpy()] = False
    return pl.Series(gone)


def quarantine_rows(
    context: FindingContext, records: Mapping[str, pl.DataFrame], quarantined: Mapping[str, pl.DataFrame]
) -> pl.DataFrame:
    """Rows of ``quality.quarantine``, with the position of the record's first source row.

    Names of which there are few stay categories: millions of records may be kept out.
    """
    parts = [pl.DataFrame(schema=_KEPT_OUT)]
    for name, verdict in quarantined.items():
        if verdict.height:
            parts.append(with_schema(_kept_out(name, records[name], verdict, context), _KEPT_OUT))
    kept_out = pl.concat(parts)
    where = [pl.col(column).cast(pl.Categorical) for column in ("source_file", "sheet")]
    rows = context.rows.select(
        pl.col("_row_id").alias("_origin"), *where, pl.col("source_row").cast(pl.Int64)
    )
    origins = kept_out.select("_origin")  # joins copy what they are given
    places = origins.join(rows, on="_origin", how="left", maintain_order="left").drop("_origin")
    placed = kept_out.hstack(places)
    return placed.select(
        context.facilities.of_row("_origin").alias("facility_id"),
        *(column for column in _KEPT_OUT if column != "_origin"),
        "source_file",
        pl.col("sheet").fill_null(pl.lit("").cast(pl.Categorical)),
        "source_row",
    )


def _kept_out(
    name: str, records: pl.DataFrame, verdict: pl.DataFrame, context: FindingContext
) -> pl.DataFrame:
    """Of the records of a table that are kept out what the quarantine says, columns side by side."""
    row_ids = verdict["_row_id"]
    patient = column_or_null(records, "patient_id", pl.String)
    own = records.select("_row_id", "_origin", patient).filter(pl.col("_row_id").is_in(row_ids.implode()))
    judged = own.select("_row_id").join(verdict, on="_row_id", how="left", maintain_order="left")
    return own.with_columns(
        pl.lit(name).alias("table_name"),
        *judged.select("reason", "cause").get_columns(),
        record_keys(name, records, row_ids)["record_key"],
        context.source_keys(name, row_ids)[SOURCE_NUMBER],
    )
