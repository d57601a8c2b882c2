"""Cohorts whose truth is known: the demo, tests, load.

Belongs here: made-up patients and the exports that hospitals would write of them.
Does not belong here: reading exports, judging records.
"""

from registry_pipeline.simulate.demo.demo import (
    demo_mapping,
    demo_settings,
    write_demo,
    write_demo_exports,
)
from registry_pipeline.simulate.manifest import Manifest, PlantedError, read_manifest

__all__ = [
    "Manifest",
    "PlantedError",
    "demo_mapping",
    "demo_settings",
    "read_manifest",
    "write_demo",
    "write_demo_exports",
]
