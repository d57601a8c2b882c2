"""One facility's records judged: consolidation, rules, findings, quarantine, row account."""
