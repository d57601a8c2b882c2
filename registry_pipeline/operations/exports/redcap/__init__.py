"""A REDCap project: its data dictionary, a file to import, and the mapping by which this registry reads both again.

A form per curated table; that of the patient holds one row per record, as does that of her death, the others repeat. A date
that is known to the month or the year only is written as such (``2020-03``), so its precision and bounds come back. One with
bounds of its own (counted from a day of which only the year is known, or from an age) is written as a day, so that times
between days stay; its precision and bounds stand in fields that no mapping can fill.

Source: REDCap's data dictionary (18 columns) and import template, as its Help & FAQ describes them.

Belongs here: the files of the format. Does not belong here: reading REDCap (``intake/redcap/``).
"""
