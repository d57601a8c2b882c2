"""The quality report: columns and sections."""
