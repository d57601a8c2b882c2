"""Running the pipeline on several machines: services, units, images (docs/cluster.md)."""
