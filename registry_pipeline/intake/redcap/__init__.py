"""REDCap: data dictionary, expressions, rules and exports."""
