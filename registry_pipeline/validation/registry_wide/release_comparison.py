"""What changed between the release before and the records that are now curated, column by column.

Belongs here: the relations ``comparison.change`` and ``comparison.record`` that rules between releases read, and
which value a finding compares with. Does not belong here: the rules (``sql/rules``), the life of findings.

Every column that is no identifier and no free text is compared (:attr:`schemas.columns.Column.is_compared`): a change
of any of them moves a mart, an exclusion or a rule, or is a mistake. The previous release stands as the attached
database ``previous``.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

import duckdb
import polars as pl

from registry_pipeline.validation.records import curated, date_stems
from schemas.codes import OPEN_STATUSES
from schemas.columns import DATE_PARTS, Column
from schemas.constraints import literal, quote
from schemas.table import columns_of, key_of

RELATIONS = ("comparison.change", "comparison.record")
MINIMUM_VALUES = 5
"""Fewer values than this may have gone by themselves: each is told apart, the column is not called emptied."""
_NO_RECORDS_OF_THEIR_OWN = ("patient", "death", "patient_xref")
"""What vanishes from these rule G04 tells."""
_CHANGE = (
    "table_name VARCHAR, facility_id VARCHAR, patient_id VARCHAR, record_key VARCHAR, items VARCHAR, kind VARCHAR, "
    "old_value VARCHAR, new_value VARCHAR"
)


@dataclass(frozen=True)
class _Item:
    """How one item is compared.

    Attributes:
        name: the column, of a partial date that of its value.
        kind: SQL over ``old`` and ``new``: changed, vaguer, blanked or NULL.
        text: SQL template of the value as text, with ``{0}`` for ``old`` or ``new``.
        columns: columns of the release before that it needs.
    """

    name: str
    kind: str
    text: str
    columns: tuple[str, ...]


def compare_releases(
    connection: duckdb.DuckDBPyConnection, changed: Mapping[str, Collection[str]] | None = None
) -> None:
    """Make the relations of :data:`RELATIONS`; nothing where there is no release before.

    Args:
        changed: table -> facilities whose rows may differ, where that is known; those of others are counted and not compared.
    """
    changed = changed or {}
    before = _columns(connection, "previous")
    if not before:
        return
    connection.execute("CREATE SCHEMA IF NOT EXISTS comparison")
    connection.execute(f"CREATE OR REPLACE TABLE comparison.change ({_CHANGE})")
    connection.execute(
        "CREATE OR REPLACE TABLE comparison.record (table_name VARCHAR, facility_id VARCHAR, n BIGINT)"
    )
    now = _columns(connection, "now")
    for table in curated():
        if table in changed and not changed[table]:
            _count(connection, table, is_released=True)
        elif table in before and table in now:
            _compare(connection, table, before[table], changed.get(table, ()))
    if "quarantine" in now:
        connection.execute(  # what this refresh holds back has its own findings: it has not gone
            "DELETE FROM comparison.change AS c WHERE c.kind = 'removed' AND EXISTS (FROM quality.quarantine AS q"
            " WHERE q.table_name = c.table_name AND q.record_key = c.record_key)"
        )
    connection.execute(  # of an emptied column one change is told, and not each of its cells
        "DELETE FROM comparison.change AS c WHERE c.kind = 'blanked' AND EXISTS (FROM comparison.change AS e"
        " WHERE e.kind = 'emptied' AND e.table_name = c.table_name AND e.items = c.items"
        " AND e.facility_id = c.facility_id)"
    )


def _columns(connection: duckdb.DuckDBPyConnection, which: str) -> dict[str, set[str]]:
    """Table -> columns, of the curated tables and of the quarantine of this or of the previous release."""
    database = "'previous'" if which == "previous" else "current_database()"
    rows = connection.execute(
        "SELECT table_name, column_name FROM information_schema.columns"
        f" WHERE table_catalog = {database} AND (table_schema = 'curated' OR table_name = 'quarantine')"
    ).fetchall()
    columns: dict[str, set[str]] = {}
    for table, column in rows:
        columns.setdefault(table, set()).add(column)
    return columns


def _count(
    connection: duckdb.DuckDBPyConnection, table: str, others: str = "true", is_released: bool = False
) -> None:
    """The records that both releases have, of a table, or of the facilities of a table, that are the same in both.

    Args:
        others: SQL condition on the facility.
        is_released: the rows are known to be those of a release, of which it was proved that they have keys.
    """
    keys = key_of(curated()[table])
    has_key = "true" if is_released else " AND ".join(f"{quote(name)} IS NOT NULL" for name in keys)
    connection.execute(
        f"INSERT INTO comparison.record SELECT {literal(table)}, facility_id, count(*) FROM curated.{table}"
        f" WHERE {has_key} AND {others} GROUP BY ALL"
    )


def _compare(
    connection: duckdb.DuckDBPyConnection, table: str, before: set[str], changed: Collection[str]
) -> None:
    key = key_of(curated()[table])
    if not set(key) <= before:
        return
    differing, is_few = (changed, True) if changed else _differing(connection, table, before)
    facilities = ", ".join(map(literal, differing))
    _count(connection, table, f"facility_id NOT IN ({facilities})" if differing else "true", bool(changed))
    if not differing:
        return
    shown = "TABLE" if is_few else "VIEW"  # few rows of many are looked for once
    for side, rows in (("old", f"previous.curated.{table}"), ("new", f"curated.{table}")):
        connection.execute(
            f"CREATE {shown} comparison.{side} AS FROM {rows} WHERE facility_id IN ({facilities})"
        )
    same = " AND ".join(f"new.{quote(column)} = old.{quote(column)}" for column in key)
    pair = f"comparison.old AS old JOIN comparison.new AS new ON {same}"
    connection.execute(
        f"INSERT INTO comparison.record SELECT {literal(table)}, new.facility_id, count(*) FROM {pair} GROUP BY ALL"
    )
    items = list(_items(table, before))
    is_other = " OR ".join(f"{item.kind} IS NOT NULL" for item in items) or "false"
    connection.execute(
        f"CREATE OR REPLACE TABLE comparison.pair AS SELECT old, new FROM {pair} WHERE {is_other}"
    )
    for item in items:
        who = f"{literal(table)}, new.facility_id, {_patient(table, 'new')}, {_record_key(table, 'new')}"
        connection.execute(
            f"INSERT INTO comparison.change SELECT {who}, {literal(item.name)}, {item.kind} AS kind,"
            f" {item.text.format('old')}, {item.text.format('new')} FROM comparison.pair WHERE kind IS NOT NULL"
        )
    _emptied(connection, table, before)
    if table not in _NO_RECORDS_OF_THEIR_OWN:
        who = f"{literal(table)}, old.facility_id, {_patient(table, 'old')}, {_record_key(table, 'old')}"
        connection.execute(
            f"INSERT INTO comparison.change SELECT {who}, {literal(key[0])}, 'removed', old.{quote(key[0])}, NULL"
            f" FROM comparison.old AS old ANTI JOIN comparison.new AS new ON {same}"
            # of a patient who is gone with all her records G04 tells
            " WHERE old.patient_id IN (SELECT patient_id FROM curated.patient)"
        )
    connection.execute(f"DROP {shown} comparison.old; DROP {shown} comparison.new")


def _differing(
    connection: duckdb.DuckDBPyConnection, table: str, before: set[str]
) -> tuple[Collection[str], bool]:
    """Facilities whose rows of a table are not the same in both releases, and whether they are few of all."""
    names = ", ".join(quote(column.name) for column in columns_of(curated()[table]) if column.name in before)
    content = f"SELECT facility_id, count(*), bit_xor(hash({names})), sum(hash({names}))"
    old, new = (
        set(connection.execute(f"{content} FROM {side}curated.{table} GROUP BY facility_id").fetchall())
        for side in ("previous.", "")
    )
    differing = sorted({facility for facility, *_ in old ^ new if facility is not None})
    return differing, 2 * len(differing) <= len({facility for facility, *_ in old | new})


def _emptied(connection: duckdb.DuckDBPyConnection, table: str, before: set[str]) -> None:
    """Columns that had values at a facility and have none now, although it still sends the records."""
    parts = {f"{stem}_{part}" for stem in date_stems(curated()[table]) for part in DATE_PARTS}
    names = [
        column.name
        for column in columns_of(curated()[table])
        if column.name in before and column.name not in {*parts, "facility_id"}
    ]
    counts = ", ".join(f"count({quote(name)}) AS {quote(name)}" for name in names)
    for side in ("old", "new"):
        connection.execute(
            f"CREATE OR REPLACE TABLE comparison.n_{side} AS SELECT facility_id, count(*) AS total, {counts}"
            f" FROM comparison.{side} GROUP BY facility_id"
        )
    for name in names:
        old, new = f"old.{quote(name)}", f"new.{quote(name)}"
        connection.execute(
            f"INSERT INTO comparison.change SELECT {literal(table)}, facility_id, NULL, {literal(f'{table}.{name}')},"
            f" {literal(name)}, 'emptied', format('{{}} of {{}}', {old}, old.total), format('{{}} of {{}}', {new}, new.total)"
            f" FROM comparison.n_old AS old JOIN comparison.n_new AS new USING (facility_id)"
            f" WHERE {old} >= {MINIMUM_VALUES} AND {new} = 0"
        )


def _patient(table: str, side: str) -> str:
    return f"{side}.patient_id" if "patient_id" in curated()[table].columns else "NULL"


def _record_key(table: str, side: str) -> str:
    return (
        "concat_ws('|', " + ", ".join(f"{side}.{quote(column)}" for column in key_of(curated()[table])) + ")"
    )


def _items(table: str, before: set[str]) -> Iterator[_Item]:
    model = curated()[table]
    stems = set(date_stems(model))
    parts = {f"{stem}_{part}" for stem in stems for part in DATE_PARTS}
    for column in columns_of(model):
        if column.name in key_of(model) or column.name in parts or not column.is_compared:
            continue
        item = _date_item(column.name) if column.name in stems else _value_item(column)
        if set(item.columns) <= before:
            yield item


def _value_item(column: Column) -> _Item:
    name, unknown = quote(column.name), ", ".join(map(literal, column.codes.unknown)) if column.codes else ""
    value = f"{{0}}.{name}"
    if unknown:
        value = f"CASE WHEN {{0}}.{name} NOT IN ({unknown}) THEN {{0}}.{name} END"
    old, new = value.format("old"), value.format("new")
    kind = (
        f"CASE WHEN {old} IS NULL THEN NULL WHEN {new} IS NULL THEN 'blanked'"
        f" WHEN {new} IS DISTINCT FROM {old} THEN 'changed' END"
    )
    return _Item(column.name, kind, f"CAST({{0}}.{name} AS VARCHAR)", (column.name,))


def _date_item(stem: str) -> _Item:
    """A date that became more exact within what was known has not changed; one that became vaguer perhaps has."""

    def bound(side: str, part: str) -> str:
        return f"coalesce({side}.{quote(f'{stem}_{part}')}, {side}.{quote(stem)})"

    kind = (
        f"CASE WHEN old.{stem} IS NULL THEN NULL WHEN new.{stem} IS NULL THEN 'blanked'"
        f" WHEN {bound('new', 'lower')} > {bound('old', 'upper')} OR {bound('new', 'upper')} < {bound('old', 'lower')}"
        f" THEN 'changed' WHEN {bound('new', 'lower')} >= {bound('old', 'lower')}"
        f" AND {bound('new', 'upper')} <= {bound('old', 'upper')} THEN NULL ELSE 'vaguer' END"
    )
    text = f"CAST({{0}}.{stem} AS VARCHAR)"
    return _Item(stem, kind, text, (stem, f"{stem}_precision", f"{stem}_lower", f"{stem}_upper"))


def since_first_change(connection: duckdb.DuckDBPyConnection, findings: pl.DataFrame) -> pl.DataFrame:
    """Findings between releases with the value from before the first change that nobody has answered.

    A value that changes twice is compared with what it was at first; one that is restored is no finding.
    """
    first_seen = connection.execute(
        "SELECT count(*) FROM information_schema.columns WHERE table_catalog = 'previous'"
        " AND table_schema = 'quality' AND table_name = 'finding' AND column_name = 'old_value'"
    ).fetchall()[0][0]
    if not first_seen or findings.is_empty():
        return findings
    still_open = ", ".join(map(literal, OPEN_STATUSES))
    first = connection.execute(
        "SELECT finding_id, old_value AS _first FROM previous.quality.finding"
        f" WHERE old_value IS NOT NULL AND status IN ({still_open})"
    ).pl()
    joined = findings.join(first, on="finding_id", how="left", maintain_order="left")
    is_restored = (pl.col("_first") == pl.col("new_value")).fill_null(False)
    return (
        joined.filter(~is_restored)
        .with_columns(pl.coalesce("_first", "old_value").alias("old_value"))
        .select(findings.columns)
    )
