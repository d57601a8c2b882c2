"""FHIR resources, as bundles or lines, to rows."""
