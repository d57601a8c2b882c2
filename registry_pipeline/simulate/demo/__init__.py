"""The demonstration's cohort, exports and planted errors."""
