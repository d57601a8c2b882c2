"""Who is in a cohort: its description and what is missing in it."""
