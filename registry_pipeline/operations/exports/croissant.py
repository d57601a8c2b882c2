"""A folder of Parquet files described for programs that learn from data: Croissant 1.0.

Source: https://docs.mlcommons.org/croissant. Belongs here: the description. Does not belong here: the files.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from registry_pipeline.core.files import sha256_of
from registry_pipeline.operations.exports.tables import Table, package_name
from schemas.columns import Kind
from schemas.disease.wording import DISEASE

_CROISSANT_TYPE: dict[Kind, str] = {
    "text": "sc:Text",
    "integer": "sc:Integer",
    "real": "sc:Float",
    "boolean": "sc:Boolean",
    "date": "sc:Date",
    "timestamp": "sc:Date",
}


def croissant(tables: Sequence[Table], about: Mapping[str, str], licence: str | None) -> dict[str, Any]:
    """What ``croissant.json`` holds."""
    return {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": package_name(about),
        "description": about["statement"],
        "license": licence or "not stated by the holder of the data",
        "url": f"urn:registry:{about['release']}",
        "version": "1.0.0",
        "datePublished": about["created"],
        "citeAs": f"Registry of {DISEASE}, release {about['release']}",
        "distribution": [
            {
                "@type": "cr:FileObject",
                "@id": table.place,
                "name": table.place,
                "contentUrl": table.place,
                "encodingFormat": "application/x-parquet",
                "sha256": sha256_of(table.path),
            }
            for table in tables
        ],
        "recordSet": [_record_set(table) for table in tables],
    }


def _record_set(table: Table) -> dict[str, Any]:
    return {
        "@type": "cr:RecordSet",
        "@id": table.name,
        "name": table.name,
        "description": table.description,
        "field": [
            {
                "@type": "cr:Field",
                "@id": f"{table.name}/{column.name}",
                "name": f"{table.name}/{column.name}",
                "description": column.description,
                "dataType": _CROISSANT_TYPE[column.kind],
                "source": {"fileObject": {"@id": table.place}, "extract": {"column": column.name}},
            }
            for column in table.columns
        ],
    }


_CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "equivalentProperty": "cr:equivalentProperty",
    "samplingRate": "cr:samplingRate",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
"""The context that Croissant 1.0 prescribes."""
