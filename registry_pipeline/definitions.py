"""What Dagster loads: the graph of ``defs/`` over the home that REGISTRY_HOME names."""

from registry_pipeline.defs.graph import build_definitions

defs = build_definitions()
