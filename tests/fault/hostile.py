"""Files made to do harm, as generators: a few kilobytes that ask for gigabytes, or for ever.

Each is small on disk. What they have in common: their reader must not be trusted to bound itself.
"""

from __future__ import annotations

import gzip
import io
import json
import struct
import zipfile
from collections.abc import Callable, Mapping

import pyarrow as pa
from pyarrow import parquet as pq

_HEAD = '<?xml version="1.0" encoding="UTF-8"?>'
_MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
_RELATION = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"


def zipped(members: Mapping[str, bytes | str]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def workbook(rows: str, *, shared: str = "", styles: str = "", behind: str = "") -> bytes:
    """A workbook of one worksheet with the given XML."""
    relations = "".join(
        f'<Relationship Id="rId{n}" Type="{_RELATION}/{kind}" Target="{target}"/>'
        for n, (kind, target) in enumerate(
            [
                ("worksheet", "worksheets/sheet1.xml"),
                ("sharedStrings", "sharedStrings.xml"),
                ("styles", "styles.xml"),
            ],
            start=1,
        )
    )
    office = f'<Relationship Id="rId1" Type="{_RELATION}/officeDocument" Target="xl/workbook.xml"/>'
    return zipped(
        {
            "[Content_Types].xml": f'{_HEAD}<Types xmlns="{_PACKAGE}/content-types"/>',
            "_rels/.rels": f'{_HEAD}<Relationships xmlns="{_PACKAGE}/relationships">{office}</Relationships>',
            "xl/workbook.xml": f'{_HEAD}<workbook {_MAIN} xmlns:r="{_RELATION}"><sheets>'
            '<sheet name="S" sheetId="1" r:id="rId1"/></sheets></workbook>',
            "xl/_rels/workbook.xml.rels": f'{_HEAD}<Relationships xmlns="{_PACKAGE}/relationships">{relations}</Relationships>',
            "xl/worksheets/sheet1.xml": f"{_HEAD}<worksheet {_MAIN}><sheetData>{rows}</sheetData>{behind}</worksheet>",
            "xl/sharedStrings.xml": f"{_HEAD}<sst {_MAIN}>{shared}</sst>",
            "xl/styles.xml": f"{_HEAD}<styleSheet {_MAIN}>{styles}</styleSheet>",
        }
    )


def many_sheets() -> bytes:
    """A workbook that names its one worksheet 5,000 times."""
    with zipfile.ZipFile(io.BytesIO(workbook(f'<row r="1">{_cell("A1", "id")}</row>'))) as archive:
        members: dict[str, bytes | str] = {name: archive.read(name) for name in archive.namelist()}
    sheets = "".join(f'<sheet name="S{n}" sheetId="{n}" r:id="rId1"/>' for n in range(1, 5_001))
    book = members["xl/workbook.xml"]
    assert isinstance(book, bytes)
    return zipped(members | {"xl/workbook.xml": book.decode().replace("</sheets>", sheets + "</sheets>")})


def entry_without_a_name() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(zipfile.ZipInfo(""), b"id,born\n")
    return buffer.getvalue()


def _cell(place: str, text: str) -> str:
    return f'<c r="{place}" t="inlineStr"><is><t>{text}</t></is></c>'


def far_corners() -> bytes:
    """1.5 KB: cells A1 and XFD1048576, a rectangle of 17 thousand million cells."""
    return workbook(f'<row r="1">{_cell("A1", "id")}</row><row r="1048576">{_cell("XFD1048576", "x")}</row>')


def far_corners_without_places() -> bytes:
    """Rows and cells that do not say where they stand: the widest row times all of them."""
    wide = "<row>" + "<c><v>1</v></c>" * 16_000 + "</row>"
    return workbook(wide + "<row><c><v>1</v></c></row>" * 200_000)


def long_shared_text() -> bytes:
    """Some 200 KB: one text of 500 KB in 40,000 cells."""
    rows = "".join(f'<row r="{n}"><c r="A{n}" t="s"><v>0</v></c></row>' for n in range(1, 40_001))
    return workbook(rows, shared=f"<si><t>{'x' * 500_000}</t></si>")


def endless_cells() -> bytes:
    """2.5 KB: 340,000 cells that begin and never end."""
    return workbook("<c " * 340_000)


def endless_rows() -> bytes:
    return workbook("<row " * 300_000)


def blanks_behind_a_formula() -> bytes:
    return workbook('<row r="1"><c r="A1"><f>1</f>' + " " * 2_000_000 + "</row>")


def endless_styles() -> bytes:
    return workbook(f'<row r="1">{_cell("A1", "id")}</row>', styles="<cellXfs " * 300_000)


def styles_of_one_tag() -> bytes:
    return workbook(
        f'<row r="1">{_cell("A1", "id")}</row>', styles="<numFmt " + 'numFmtId="1" ' * 200_000 + ">"
    )


def attributes_of_one_cell() -> bytes:
    return workbook(
        '<row r="1"><c ' + 's="1" ' * 400_000 + "</row>", behind="<mergeCell " + 'ref="A1 ' * 100_000
    )


def long_name_of_an_attribute() -> bytes:
    return workbook(f'<row r="1">{_cell("A1", "id")}</row>', behind="<sheet " + "a" * 2_000_000 + ">")


def far_corners_of_an_ods(n_rows: int = 1_000_000, n_columns: int = 16_000) -> bytes:
    """Rows and columns repeated a million times by two attributes."""
    office = "urn:oasis:names:tc:opendocument:xmlns:office:1.0"
    table = "urn:oasis:names:tc:opendocument:xmlns:table:1.0"
    text = "urn:oasis:names:tc:opendocument:xmlns:text:1.0"
    cell = f'<table:table-cell office:value-type="string" table:number-columns-repeated="{n_columns}"><text:p>x</text:p></table:table-cell>'
    content = (
        f'{_HEAD}<office:document-content xmlns:office="{office}" xmlns:table="{table}" xmlns:text="{text}">'
        '<office:body><office:spreadsheet><table:table table:name="S">'
        f'<table:table-row table:number-rows-repeated="{n_rows}">{cell}</table:table-row>'
        "</table:table></office:spreadsheet></office:body></office:document-content>"
    )
    return zipped({"mimetype": "application/vnd.oasis.opendocument.spreadsheet", "content.xml": content})


def repeated_parquet() -> bytes:
    """One text of 100 KB in 200,000 rows: 20 GB."""
    texts = pa.DictionaryArray.from_arrays(pa.array([0] * 200_000, pa.int32()), ["x" * 100_000])
    buffer = io.BytesIO()
    pq.write_table(pa.table({"id": texts}), buffer, store_schema=False)
    return buffer.getvalue()


def bomb_in_a_zip() -> bytes:
    return zipped({"a.csv": b"0" * (300 * 2**20)})


def bomb_in_a_gzip() -> bytes:
    return gzip.compress(b"0" * (300 * 2**20))


def archive_in_archives() -> bytes:
    data = b"a,b\n1,2\n"
    for _ in range(20):
        data = zipped({"inner.zip": data})
    return data


def wide_text() -> bytes:
    """20 KB: a thousand times as many columns as rows."""
    return b"id" + b"," * 10_000 + b"\n" + b"A," * 5_000 + b"," * 5_000 + b"\n"


def deep_json() -> bytes:
    return b'{"resourceType":"Patient","a":' + b"[" * 3_000_000


def wide_json() -> bytes:
    """Two megabytes of empty objects."""
    return json.dumps({"resourceType": "Bundle", "entry": [{}] * 500_000}).encode()


def rows_of_a_stata_file() -> bytes:
    """A header that promises two thousand million rows of 32,767 variables."""
    head = bytes([114, 2, 1, 0]) + struct.pack("<HI", 32_767, 2_000_000_000) + bytes(81 + 18)
    return head + bytes([251]) * 32_767 + bytes(40_000)


def rows_of_an_spss_file() -> bytes:
    product = b"@(#) SPSS DATA FILE".ljust(60)
    return (
        b"$FL2"
        + product
        + struct.pack("<iiiiid", 2, 2_000_000_000, 1, 0, 2_000_000_000, 100.0)
        + bytes(200_000)
    )


HOSTILE: dict[str, Callable[[], bytes]] = {
    "far_corners.xlsx": far_corners,
    "far_corners_without_places.xlsx": far_corners_without_places,
    "long_shared_text.xlsx": long_shared_text,
    "endless_cells.xlsx": endless_cells,
    "endless_rows.xlsx": endless_rows,
    "blanks_behind_a_formula.xlsx": blanks_behind_a_formula,
    "endless_styles.xlsx": endless_styles,
    "styles_of_one_tag.xlsx": styles_of_one_tag,
    "attributes_of_one_cell.xlsx": attributes_of_one_cell,
    "long_name_of_an_attribute.xlsx": long_name_of_an_attribute,
    "far_corners.ods": far_corners_of_an_ods,
    "repeated.parquet": repeated_parquet,
    "many_sheets.xlsx": many_sheets,
    "entry_without_a_name.zip": entry_without_a_name,
    "bomb.zip": bomb_in_a_zip,
    "bomb.csv.gz": bomb_in_a_gzip,
    "nested.zip": archive_in_archives,
    "wide.csv": wide_text,
    "deep.json": deep_json,
    "wide.json": wide_json,
    "rows.dta": rows_of_a_stata_file,
    "rows.sav": rows_of_an_spss_file,
}
"""File name -> what makes its bytes."""
