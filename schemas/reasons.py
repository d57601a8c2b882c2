"""Why a text could not be read: the parsers' codes in words.

Belongs here: code -> words for a data manager. Does not belong here: rules, parsing.
"""

from collections.abc import Mapping

REASONS: Mapping[str, str] = {
    "ambiguous_code": "the word stands for several codes",
    "ambiguous_day_month": "day and month can be exchanged",
    "ambiguous_month": "'.1' may be January or October",
    "ambiguous_six_digits": "six digits can be read in several orders",
    "anchor_ambiguous": "the date that the days are counted from is not the same everywhere",
    "anchor_missing": "the date that the days are counted from is missing",
    "bad_grouping": "the digits are grouped in an unknown way",
    "both_axes_named": "long and short axis are both named",
    "comparison_text": "an earlier size stands in the same text",
    "conflicting_qualifiers": "several qualifiers (<, >, about) stand in one text",
    "date_in_text": "a date stands in the same text",
    "day_count_out_of_range": "the number of days is too large",
    "impossible_date": "there is no such day",
    "looks_like_excel_serial": "a spreadsheet's day number",
    "negated_with_number": "the text denies a lesion and names a size",
    "negative_number": "a size cannot be negative",
    "no_size": "no size stands in the text",
    "not_a_date": "no date",
    "not_a_number": "no number",
    "not_an_integer": "a whole number is expected",
    "not_in_code_list": "not in the code list or the mapping",
    "other_length": "another length (slice, distance) stands in the same text",
    "other_numbers": "other numbers stand in the same text",
    "out_of_range": "the number is too large",
    "placeholder_part": "a part of the date is a placeholder such as 00 or 99",
    "qualified": "the number is a bound (<, >, about), not a value",
    "range": "a range, where one number is expected",
    "range_reversed": "the range runs backwards",
    "rounded_identifier": "a spreadsheet has rounded the number; export it as text",
    "rows_of_one_record_disagree": "rows of one record differ",
    "several_sizes": "several sizes stand in one text",
    "several_suv": "several SUV stand in one text",
    "text_too_long": "the text is too long",
    "trailing_text": "text stands behind the number",
    "two_digit_year": "the year has two digits",
    "undeclared_comma": "a comma, which the mapping does not declare as decimal mark",
    "undeclared_point": "a point, which the mapping does not declare as decimal mark",
    "unit_missing": "no unit",
    "unknown_unit": "an unknown unit",
    "zero_size": "a size of zero",
}
