"""Cox regression: likelihood, fit, penalties, checks and what is reported of a fit."""
