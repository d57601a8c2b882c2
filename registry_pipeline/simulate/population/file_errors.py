"""Mistakes of whole files: what no cell of a patient can break.

Belongs here: ``plant_in_files``: an empty file, a column that nobody mapped, a row with a cell too many.
Does not belong here: mistakes of patients (``simulate/population/cell_errors.py``, ``simulate/population/record_errors.py``).
"""

from pathlib import Path

from registry_pipeline.simulate.manifest import Mistake, PlantedError
from registry_pipeline.simulate.population.profile import Profile

NEW_COLUMN = "remark"
NEW_COLUMN_FILE = "targets"
_RAGGED_FILE = "contacts"
_KIND = "simulated file"


def plant_in_files(
    folder: Path, profile: Profile, names: dict[str, str], rows: dict[str, int]
) -> list[PlantedError]:
    """Break S01, S02 and S15 once in the exports of one facility.

    Args:
        folder: the facility's inbox; its files are written and closed. The unmapped column itself is written
            with the file (``NEW_COLUMN`` of ``NEW_COLUMN_FILE``).
        names: file -> its name in the folder.
        rows: file -> rows of data written so far; the ragged row is counted in.
    """
    empty = f"events_{profile.facility_id}_again.csv"
    (folder / empty).write_bytes(b"")
    with (folder / names[_RAGGED_FILE]).open("ab") as out:
        out.write(profile.delimiter.join(["H99999999"] + ["x"] * 11).encode() + b"\n")
    rows[_RAGGED_FILE] += 1
    return [
        Mistake("S01", "", "", _KIND, "an empty file").at(profile.facility_id, empty, 0),
        Mistake("S02", "", NEW_COLUMN, _KIND, "a column that is not mapped", False).at(
            profile.facility_id, names[NEW_COLUMN_FILE], 0
        ),
        Mistake("S15", "", "", _KIND, "a row with too many cells", False).at(
            profile.facility_id, names[_RAGGED_FILE], rows[_RAGGED_FILE] + 1
        ),
    ]
