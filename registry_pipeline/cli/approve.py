"""Commands by which a named person lets analysts have a release.

Belongs here: showing what would leave, approving, withdrawing. Does not belong here: other commands about releases
(``cli/releases.py``).
"""

from __future__ import annotations

import click

from registry_pipeline.cli.context import CONTEXT, own_options
from registry_pipeline.cli.releases import releases
from registry_pipeline.cli.rows import all_rows
from registry_pipeline.operations.approval import analyst_file, approvals, approve, withdraw
from registry_pipeline.reporting.document.terminal import print_table
from registry_pipeline.store.releases import ANALYST_DATABASE

REVIEW = {
    "Disclosure risk": """
        SELECT population, state, sensitive, n_patients, k, l, n_alone, n_in_small_class, n_alike
        FROM result.disclosure_risk ORDER BY population DESC, sensitive, state DESC""",
    "What remains": "SELECT DISTINCT population, note FROM result.disclosure_risk WHERE state = 'after' ORDER BY ALL",
}
TABLES = """
    SELECT schema_name || '.' || table_name AS table_name, estimated_size AS n_rows,
        string_agg(column_name, ', ' ORDER BY column_index) AS columns
    FROM duckdb_tables() JOIN duckdb_columns() USING (database_name, schema_name, table_name)
    WHERE schema_name IN ('curated', 'mart') GROUP BY ALL ORDER BY 1"""


@releases.command("approve")
@own_options
@click.argument("release_id", metavar="[ID]", required=False)
@click.option(
    "--by", "name", metavar="NAME", help="Who answers for it; without it only what would leave is shown."
)
def approve_release(release_id: str | None, name: str | None) -> None:
    """Let analysts have analyst.duckdb of a release; the served one if no ID is given.

    It then stands in analysts/ of the home, and the audit log says who approved it.
    """
    home = CONTEXT.home()
    chosen = analyst_file(home, release_id).parent.name
    if name is None:
        _review(chosen)
        return
    if not name.strip():
        raise click.UsageError("--by: write the name of the person who answers for it")
    path = approve(home, chosen, name.strip())
    click.echo(f"Release {chosen} is approved by {name.strip()}; analysts find it at {path}")


@releases.command("withdraw")
@own_options
@click.argument("release_id", metavar="ID")
@click.option("--by", "name", metavar="NAME", required=True, help="Who withdraws it.")
@click.option("--reason", metavar="TEXT", required=True, help="Why, for the audit log.")
def withdraw_release(release_id: str, name: str, reason: str) -> None:
    """Offer a release to analysts no longer; copies that were made of it must be asked back."""
    withdraw(CONTEXT.home(), release_id, name, reason)
    click.echo(f"Release {release_id} is withdrawn; ask back the copies that were made of it.")


def _review(release_id: str) -> None:
    with CONTEXT.release(release_id) as connection:
        for title, query in REVIEW.items():
            print_table(*all_rows(connection, query), title)
    with CONTEXT.release(release_id, database=ANALYST_DATABASE) as connection:
        print_table(*all_rows(connection, TABLES), "What of single patients would leave")
    approved = approvals(CONTEXT.home()).get(release_id)
    state = f"approved: {approved.details}" if approved else "not approved; do so with --by NAME"
    click.echo(f"Release {release_id} is {state}.")


COMMANDS = ()
"""They are commands of `registry releases`."""
