"""Data managers' decisions: the ledger, what is in force, waivers."""
