"""The mapping that ``docs/facility.md`` shows whole is one: it is read, and its records lack nothing that they need."""

import re
from pathlib import Path

from registry_pipeline.intake.mapping.facility import read_facility
from registry_pipeline.intake.mapping.table import curated_tables, key_columns

PAGE = Path(__file__).resolve().parents[3] / "docs" / "facility.md"


def test_the_mapping_written_by_hand_gives_all_that_its_records_need(tmp_path: Path) -> None:
    whole = [
        block
        for block in re.findall(r"```toml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S)
        if "…" not in block
    ]
    assert len(whole) == 1
    path = tmp_path / "east.toml"
    path.write_text(f'id = "east"\n\n{whole[0]}', encoding="utf-8")
    tables = read_facility(path).sources[0].tables
    assert {"lesion", "lrt_course", "measurement"} <= {table.table for table in tables}
    for table in tables:
        columns = curated_tables()[table.table]
        needed = {name for name, column in columns.items() if column.is_required} - {"facility_id"}
        assert needed | {*key_columns(table.table)} <= set(table.columns), table.table
