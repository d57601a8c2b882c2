"""Mistakes of whole files: what no cell of a patient can break.

Belongs here: ``plant_in_files``: an empty file, a column that nobody mapped, a row with a cell too many.
Does not belong here: mistakes of patients (``simulate/population/cell_errors.py``, ``simulate/population/record_errors.py``).
"""

from pathlib import Path

from registry_pipeline.simulate.manifest import PlantedError
from registry_pipeline.simulate.population.profile import Profile

NEW_COLUMN = "remark"
NEW_COLUMN_FILE = "targets"
_RAGGED_FILE = "contacts"


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
        _planted(profile, "S01", empty, 0, "", "an empty file"),
        _planted(profile, "S02", names[NEW_COLUMN_FILE], 0, NEW_COLUMN, "a column that is not mapped", False),
        _planted(
            profile,
            "S15",
            names[_RAGGED_FILE],
            rows[_RAGGED_FILE] + 1,
            "",
            "a row with too many cells",
            False,
        ),
    ]


def _planted(
    profile: Profile, rule: str, file: str, row: int, item: str, description: str, is_error: bool = True
) -> PlantedError:
    return PlantedError(
        "", rule, profile.facility_id, file, "", row, "", item, "simulated file", description, is_error
    )
