"""The catalogue of rules, their messages and their page."""
