"""Lesion sizes: what a report says, and a query for everything that would need a guess."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry_pipeline.intake.parsing import ParsedSize, parse_size
from registry_pipeline.intake.parsing.neutral_words import is_neutral
from registry_pipeline.intake.parsing.size_words import LARGEST, LONG_AXIS, MULTIPLE

WIDE = str.maketrans("0123456789.", "０１２３４５６７８９．")


@pytest.mark.parametrize(
    "text, axes, qualifier",
    [
        ("12 x 9 mm", (12, 9, None), "="),
        ("1.5cm", (15, None, None), "="),
        ("约1.2×0.9cm", (12, 9, None), "~"),
        ("multiple, largest 14 mm", (14, None, None), "="),
        ("12*9*7 mm", (12, 9, 7), "="),
        ("7 by 9 by 12 mm", (12, 9, 7), "="),
        ("１．５ｃｍ×１．２ｃｍ", (15, 12, None), "="),
        ("12mm x 0.9cm", (12, 9, None), "="),
        ("右肺上叶结节，大小约12mm×9mm", (12, 9, None), "~"),
        ("nodule 12 mm (Se3 Im45)", (12, None, None), "="),
        ("Se 3, Im 45: 12 mm", (12, None, None), "="),
        ("12毫米", (12, None, None), "="),
        ("最大径约1.5厘米", (15, None, None), "~"),
        ("约12mm左右", (12, None, None), "~"),
        ("long axis 12mm, short axis 9mm", (12, 9, None), "="),
        ("短径9mm，长径12mm", (12, 9, None), "="),
        ("Lunge links, etwa 14 mm", (14, None, None), "~"),
    ],
)
def test_stated_sizes(text: str, axes: tuple[float | None, ...], qualifier: str) -> None:
    size = parse_size(text)
    assert size.status == "ok", size.reason
    assert (size.long_axis_mm, size.short_axis_mm, size.third_mm) == axes
    assert (size.qualifier, size.lower_mm, size.upper_mm) == (qualifier, axes[0], axes[0])


@pytest.mark.parametrize(
    "text, lower, upper, qualifier",
    [
        ("9-12mm", 9, 12, "range"),
        ("9 mm – 12 mm", 9, 12, "range"),
        ("0.9~1.2cm", 9, 12, "range"),
        ("9至12毫米", 9, 12, "range"),
        ("between 2 and 3 cm", 20, 30, "range"),
        ("<5 mm", 0, 5, "<"),
        ("≤ 5 mm", 0, 5, "<"),
        ("less than 3 cm", 0, 30, "<"),
        ("小于1cm", 0, 10, "<"),
        ("5mm以下", 0, 5, "<"),
        ("不大于12mm", 0, 12, "<"),
        ("> 2 cm", 20, None, ">"),
        ("不小于12mm", 12, None, ">"),
        ("5 mm or less", 0, 5, "<"),
        ("10 mm or more", 10, None, ">"),
        ("2cm+", 20, None, ">"),
        ("不到1.5cm", 0, 15, "<"),
        ("1.5cm及以上", 15, None, ">"),
        ("1.5 cm or smaller", 0, 15, "<"),
        ("15mm及以内", 0, 15, "<"),
        ("1.5cm余", 15, None, ">"),
        ("1.5 cm and above", 15, None, ">"),
        ("12 mm oder weniger", 0, 12, "<"),
        ("12 mm ou plus", 12, None, ">"),
        ("größer als 12 mm", 12, None, ">"),
        ("not more than 12 mm", 0, 12, "<"),
        ("未超过12mm", 0, 12, "<"),
        ("小于等于12mm", 0, 12, "<"),
        ("≧12mm", 12, None, ">"),
        ("exceeding 12 mm", 12, None, ">"),
    ],
)
def test_a_bound_is_never_a_measurement(text: str, lower: float, upper: float | None, qualifier: str) -> None:
    size = parse_size(text)
    assert (size.status, size.qualifier, size.lower_mm, size.upper_mm) == ("ok", qualifier, lower, upper)
    assert (size.long_axis_mm, size.short_axis_mm) == (None, None)


def test_the_short_axis_is_not_taken_for_the_long_one() -> None:
    size = parse_size("大者短径约8mm")
    assert (size.long_axis_mm, size.short_axis_mm, size.axis_reported, size.qualifier) == (
        None,
        8,
        "short",
        "~",
    )
    for text in ("SAD 8 mm", "8 mm (short)", "短约8mm", "short axis 8 mm"):
        assert (parse_size(text).short_axis_mm, parse_size(text).long_axis_mm) == (8, None)


def test_uptake_is_read_beside_and_without_a_size() -> None:
    both = parse_size("大小约12mm，SUVmax 6.3")
    assert (both.long_axis_mm, both.suvmax) == (12, 6.3)
    alone = parse_size("SUVmax 6.3")
    assert (alone.status, alone.reason, alone.suvmax, alone.long_axis_mm) == ("ok", "suv_only", 6.3, None)


@pytest.mark.parametrize("text", ["multiple, largest 14 mm", "多发结节，大者14mm", "mehrere, größte 14 mm"])
def test_many_lesions_are_marked(text: str) -> None:
    size = parse_size(text)
    assert (size.long_axis_mm, size.is_multiple) == (14, True)


@pytest.mark.parametrize(
    "text, reason",
    [
        ("was 8 mm, now 12 mm", "comparison_text"),
        ("较前增大，12mm", "comparison_text"),
        ("8 mm -> 12 mm", "comparison_text"),
        ("12 mm (2019-03-05: 8 mm)", "date_in_text"),
        ("12 mm, CT 5.3.2019", "date_in_text"),
        ("12 mm and 8 mm", "several_sizes"),
        ("12", "unit_missing"),
        ("12 x 9", "unit_missing"),
        ("12,5 mm", "undeclared_comma"),
        ("T12 15 mm", "other_numbers"),
        ("12-9 mm", "range_reversed"),
        ("no lesion > 5 mm", "negated_with_number"),
        ("0 mm", "zero_size"),
        ("-5 mm", "negative_number"),
        ("12 ml", "unknown_unit"),
        ("2 cm³", "unknown_unit"),
        ("slice thickness 5 mm", "other_length"),
        ("层厚5mm", "other_length"),
        ("radius 5 mm", "other_length"),
        ("半径5mm", "other_length"),
        ("浸润深度5mm", "other_length"),
        ("depth of invasion 5 mm", "other_length"),
        ("缩小0.5cm", "change_text"),
        ("增大0.5cm", "change_text"),
        ("reduced by 5 mm", "change_text"),
        ("5 mm smaller", "change_text"),
        ("5 mm larger", "change_text"),
        ("um 5 mm verkleinert", "change_text"),
        ("?5 mm", "doubtful"),
        ("5 mm (?)", "doubtful"),
        ("5 mm AP", "unknown_words"),
        ("mean 5 mm", "unknown_words"),
        ("较小12mm", "unknown_words"),
        ("5 mm*", "unknown_words"),
        ("small nodule", "no_size"),
        ("<12 x 9 mm", "conflicting_qualifiers"),
        ("SUVmax 6.3, SUVmax 5.1", "several_suv"),
        ("1 mm " * 200_000, "text_too_long"),
    ],
)
def test_what_would_need_a_guess_is_a_query(text: str, reason: str) -> None:
    size = parse_size(text)
    assert (size.status, size.reason, size.long_axis_mm, size.lower_mm) == ("query", reason, None, None)


@pytest.mark.parametrize(
    "text", ["no lesion", "negative", "未见", "未见明显异常", "kein Nachweis", "aucune lésion"]
)
def test_a_negative_finding_is_blank_and_says_so(text: str) -> None:
    assert (parse_size(text).status, parse_size(text).reason) == ("blank", "negative_finding")


@pytest.mark.parametrize("text", [None, "", " \u3000"])
def test_nothing_is_blank_without_a_reason(text: str | None) -> None:
    assert (parse_size(text).status, parse_size(text).reason) == ("blank", None)


def test_declared_unit_and_decimal_mark_are_used() -> None:
    assert parse_size("12 x 9", unit="mm").long_axis_mm == 12
    assert parse_size("1.2", unit="cm").long_axis_mm == 12
    assert parse_size("1,5 x 1,2 cm", decimal=",").short_axis_mm == 12
    assert parse_size("15 mm", unit="cm").long_axis_mm == 15


LENGTHS = st.integers(1, 2999).map(lambda tenths: tenths / 10)


@given(
    lengths=st.lists(LENGTHS, min_size=1, max_size=3),
    by=st.sampled_from([" x ", "x", "×", " X ", "*", " by "]),
    unit=st.sampled_from([("mm", 1), (" mm", 1), ("毫米", 1), ("cm", 10), (" 厘米", 10)]),
    frame=st.sampled_from(
        ["{}", "nodule {} in the left lung", "大小{}，边界清", "{} (Se3 Im45)", "SUVmax 6.3; {}"]
    ),
    wide=st.booleans(),
)
def test_any_written_size_is_read_back(
    lengths: list[float], by: str, unit: tuple[str, int], frame: str, wide: bool
) -> None:
    text = by.join(f"{length:g}" for length in lengths) + unit[0]
    size = parse_size(frame.format(text.translate(WIDE) if wide else text))
    axes = (size.long_axis_mm, size.short_axis_mm, size.third_mm)[: len(lengths)]
    assert size.status == "ok", size.reason
    assert axes == pytest.approx([length * unit[1] for length in sorted(lengths, reverse=True)])


@given(
    word=st.text(alphabet="abcdefghijklmnopqrstuvwxyz", min_size=3, max_size=12)
    | st.text(alphabet=st.characters(min_codepoint=0x4E00, max_codepoint=0x9FFF), min_size=1, max_size=4),
    is_before=st.booleans(),
)
def test_a_word_beside_a_size_is_known_or_asked_about(word: str, is_before: bool) -> None:
    size = parse_size(f"{word} 12 mm" if is_before else f"12 mm {word}")
    is_exact = (size.status, size.long_axis_mm, size.qualifier) == ("ok", 12, "=")
    assert (
        not is_exact
        or is_neutral(word)
        or LARGEST.search(word)
        or MULTIPLE.search(word)
        or LONG_AXIS.search(word)
    )


@pytest.mark.parametrize("text", ["12 mm größte", "12 mm néoplasie", "métastase 12 mm"])
def test_composed_and_decomposed_letters_are_the_same(text: str) -> None:
    assert parse_size(unicodedata.normalize("NFD", text)) == parse_size(unicodedata.normalize("NFC", text))


def assert_sound(size: ParsedSize) -> None:
    assert size.status in {"ok", "blank", "query"}
    if size.status != "ok":
        assert (size.long_axis_mm, size.short_axis_mm, size.lower_mm, size.upper_mm) == (None,) * 4
    if size.lower_mm is not None and size.upper_mm is not None:
        assert 0 <= size.lower_mm <= size.upper_mm
    if size.long_axis_mm is not None and size.lower_mm is not None and size.upper_mm is not None:
        assert size.lower_mm <= size.long_axis_mm <= size.upper_mm


@given(
    text=st.one_of(st.text(max_size=60), st.text(alphabet="0123456789.,x×-~<>mcSUVax 约短径()", max_size=40))
)
def test_no_text_raises_and_every_answer_is_sound(text: str) -> None:
    assert_sound(parse_size(text))
    assert_sound(parse_size(text, unit="mm", decimal=","))


@given(data=st.binary(max_size=80))
def test_no_bytes_raise(data: bytes) -> None:
    assert_sound(parse_size(data.decode("gb18030", errors="replace")))
    assert_sound(parse_size(data.decode("latin-1")))
