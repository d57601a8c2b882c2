"""Facilities whose records a new release would lose, because what they sent is not known any more.

Belongs here: comparing the served release with the ledgers of received files. Does not belong here: landed bytes
(``intake/landing/integrity.py``), facilities whose mapping was taken away, which is somebody's will.
"""

from __future__ import annotations

from registry_pipeline.core.files import StoreError
from registry_pipeline.core.home import Home
from registry_pipeline.intake.landing.ledger import ledger_path
from registry_pipeline.store.releases import current_release, open_release


def check_ledgers(home: Home) -> None:
    """Refuse to go on where a ledger is gone of a facility of which the served release holds files.

    Without it the facility counts as one that has never sent anything, and its patients would be in no new release.

    Raises:
        StoreError: names the ledger.
    """
    without = [name for name in home.facility_ids() if not ledger_path(home, name).is_file()]
    if not without or current_release(home) is None:
        return
    import duckdb  # here: mostly every facility has a ledger

    try:
        with open_release(home) as connection:
            rows = connection.execute("SELECT DISTINCT facility_id FROM meta.submission").fetchall()
    except (StoreError, duckdb.Error):  # a damaged release is told elsewhere
        return
    if lost := sorted({name for (name,) in rows} & set(without)):
        raise StoreError(
            f"{ledger_path(home, lost[0])}: is gone, and the served release holds what {lost[0]} sent; restore landing/ "
            "from the backup, or put its files into the inbox again"
        )
