"""What holds for a whole source: how it is read, which words mean nothing, how dates and numbers are written.

Belongs here: the keys of ``[[source]]`` with their evidence. Does not belong here: its tables.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import date
from typing import Any

from registry_pipeline.intake.mapping.table import key_columns
from registry_pipeline.intake.parsing.text import comparison_key
from registry_pipeline.intake.profiling.columns import ColumnProfile
from registry_pipeline.intake.profiling.files import SourceGroup
from registry_pipeline.intake.profiling.fit import LEAST_SHARE, format_in_letters
from registry_pipeline.intake.profiling.lexicon import lexicon
from registry_pipeline.intake.profiling.records import SourceGuess

_LEAST_FORM = 0.05
Option = tuple[str, Any, str]


def facts_of(group: SourceGroup) -> tuple[str, ...]:
    """What was found in the files, for the comments above a source."""
    facts = []
    for file in group.files:
        n_rows = sum(sheet.n_read for sheet in file.sheets)
        n_left = sum(len(sheet.rejects) for sheet in file.sheets)
        fact = f"{file.name}: {file.reader}, {n_rows} rows, {len(file.columns)} columns"
        if len(file.sheets) > 1:
            fact += f", {len(file.sheets)} sheets"
        facts.append(fact + (f", {n_left} rows left out (totals, damaged)" if n_left else ""))
    return tuple(facts)


def options_of(guess: SourceGuess, used: set[str], feeds: bool) -> tuple[list[Option], list[str]]:
    """The keys of a source in order, and what is asked about them.

    Args:
        used: columns that its tables read.
        feeds: whether it feeds any table.
    """
    group = guess.group
    questions: list[str] = []
    options: list[Option] = [("files", list(group.globs), _name_evidence(group)), ("mode", "full", "")]
    options += _reader_options(group)
    for file in group.files:
        if file.odd_sheets:
            questions.append(
                f"{len(file.odd_sheets)} sheets have their header in another row; export them like the others"
            )
        n_bare = sum(not sheet.frame.height for sheet in file.sheets)
        if file.header_rows and n_bare:
            questions.append(
                f"sheets without records: {n_bare}; where they lack the rows of the header, name the others under sheets"
            )
    words, more = _sentinels(guess, used)
    questions += more
    if words:
        options.append(("sentinels", words, "read as blank"))
    dates, more = _dates(guess, used)
    options += dates
    questions += more
    if any(group.columns[name].numbers.n_comma for name in used):
        options.append(("decimal", ",", "numbers with a decimal comma"))
    if feeds:
        options.append(("required", _required(guess), "a file without these is not used"))
        options.append(("ignore", [], "columns left out on purpose"))
    else:
        options.append(("ignore", ["*"], "nothing of this source was recognised: it is kept and not used"))
    return options, questions


def _name_evidence(group: SourceGroup) -> str:
    has_star = any("*" in glob for glob in group.globs)
    return "" if has_star else "as received; put * where the name changes from export to export"


def _reader_options(group: SourceGroup) -> Iterator[Option]:
    file = group.files[0]
    if file.delimiter is not None:
        label = file.encoding.removesuffix("-sig")
        if not label.startswith("utf-16") and "," not in label:
            yield "encoding", label, "found out"
        yield "delimiter", file.delimiter, "found out"
    if file.header_rows:
        why = "two lines are joined" if len(file.header_rows) > 1 else "found out"
        yield "header_rows", list(file.header_rows), why
    if file.skip_after_header:
        yield "skip_after_header", file.skip_after_header, "rows below the header that are no data"


def _sentinels(guess: SourceGuess, used: set[str]) -> tuple[list[str], list[str]]:
    """Words that mean nothing wherever they stand, and those that mean something in one column."""
    columns = guess.group.columns
    coded = {
        comparison_key(word)
        for record in guess.records
        for pick in record.picks.values()
        for word in (pick.fit.options.get("codes") or ())
    }
    counted = Counter[str]()
    for name in used:
        counted.update(columns[name].blank_words)
    words = [word for word, _ in counted.most_common() if comparison_key(word) not in coded]
    questions = [
        f"'{word}' is mapped to a code in one column; does it mean nothing in another one?"
        for word in counted
        if comparison_key(word) in coded and sum(word in columns[name].blank_words for name in used) > 1
    ]
    numbers = Counter[str]()
    for name in sorted(used):
        numbers.update(_number_sentinels(columns[name]))
    words += [word for word in numbers if len(word.lstrip("-")) >= 4]
    short = [word for word in numbers if len(word.lstrip("-")) < 4]
    questions += [
        f"does {word} mean 'unknown' where numbers stand ({numbers[word]} times)? then add it to sentinels"
        for word in short
    ]
    return words, questions


def _number_sentinels(profile: ColumnProfile) -> dict[str, int]:
    """9999 and the like where it stands far above all other numbers of the column."""
    if profile.share(profile.numbers.n_read) < LEAST_SHARE or profile.n_distinct < 5:
        return {}
    sentinels = set(lexicon().values["number_sentinels"])
    others = [abs(float(text)) for text in profile.filled if text not in sentinels and _is_plain(text)]
    most = max(others, default=0.0)
    return {
        text: n
        for text, n in profile.filled.items()
        if text in sentinels and len(text) >= 2 and others and abs(float(text)) > 3 * most
    }


def _is_plain(text: str) -> bool:
    return text.lstrip("+-").replace(".", "", 1).isdecimal() and text.isascii()


def _dates(guess: SourceGuess, used: set[str]) -> tuple[list[Option], list[str]]:
    """Formats, the order of day and month, Excel's day counts."""
    names = dict.fromkeys(
        pick.column
        for record in guess.records
        for item, pick in record.picks.items()
        if record.record.column(item).kind == "date" and pick.column in used
    )
    columns = [guess.group.columns[name] for name in names if not guess.group.columns[name].header.is_days]
    forms, undecided = Counter[str](), Counter[str]()
    questions = []
    for profile in columns:
        sure, both = _forms(profile)
        forms.update(sure)
        undecided.update(both)
    for form, n in list(undecided.items()):
        if form in forms:  # another column says which of the two it is
            forms[form] += n
        elif form.find("%d") < form.find("%m") and _mirror(form) not in forms:
            evidence = f"{n} dates can be read as {format_in_letters(form)} and as {format_in_letters(_mirror(form))}"
            questions.append(f"{evidence}: which is it? write day_first = true or false")
    options: list[Option] = []
    if forms:
        evidence = ", ".join(f"{n} as {format_in_letters(form)}" for form, n in forms.most_common())
        options.append(("date_formats", [form for form, _ in forms.most_common()], evidence))
    if any("%y" in form for form in (*forms, *undecided)):
        options.append(
            ("year_cutoff", date.today().year - 99, "years of two digits lie in the hundred from here on")
        )
        questions.append("years of two digits: in which hundred years do they lie? now in those up to today")
    n_serials = sum(profile.dates.n_serials for profile in columns)
    if n_serials and any(file.reader in ("xlsx", "xlsb", "xls", "ods") for file in guess.group.files):
        options.append(
            (
                "excel_serial",
                "1900",
                f"{n_serials} date cells have lost their format and hold Excel's day count",
            )
        )
    return options, questions


def _forms(profile: ColumnProfile) -> tuple[dict[str, int], dict[str, int]]:
    """Formats that a column is written in, and those where day and month cannot be told apart."""
    forms = profile.dates.forms
    least = max(_LEAST_FORM * profile.n_filled, 1)
    sure = {form: n for form, n in forms.items() if n >= least and forms.get(_mirror(form), 0) < n}
    return sure, {form: n for form, n in forms.items() if forms.get(_mirror(form)) == n}


def _mirror(form: str) -> str:
    """The format with day and month changed over; empty where it begins with the year."""
    if form.startswith("%Y") or "%m" not in form:
        return ""
    return form.replace("%d", "\0").replace("%m", "%d").replace("\0", "%m")


def _required(guess: SourceGuess) -> list[str]:
    """The patient, what tells rows apart and what all rows must have, as far as every sheet has it."""
    names = [guess.patient]
    for record in (record for record in guess.records if record.rests_on is None):
        names += [record.kinds[0]] if record.kinds else []
        if record.record.where is None:
            names += [record.ids.get(name) for name in key_columns(record.record.table)]
            names += [
                pick.column for item, pick in record.picks.items() if record.record.column(item).is_required
            ]
    sheets = [sheet.frame for file in guess.group.files for sheet in file.sheets if sheet.frame.height]
    if len({tuple(frame.columns) for frame in sheets}) > 1:
        return [name for name in (guess.patient,) if name and all(name in frame.columns for frame in sheets)]
    return [name for name in dict.fromkeys(names) if name]
