"""Where the working tables lie, and the names of the tables of a layer.

Belongs here: paths and lists that several steps need. Does not belong here: the steps.
"""

from pathlib import Path

import schemas
from registry_pipeline.core.home import Home
from registry_pipeline.intake.landing.ledger import read_ledger


def layer_tables(layer: str) -> list[str]:
    """Tables of a layer, by bare name."""
    return [name.partition(".")[2] for name in schemas.tables_of(layer)]


def facility_files(home: Home, name: str, layer: str = "screened") -> list[Path]:
    """The files ``<name>.parquet`` of all facilities that have sent something."""
    found = [
        home.store / layer / one / f"{name}.parquet" for one in home.facility_ids() if read_ledger(home, one)
    ]
    return [path for path in found if path.is_file()]
