"""References that nearly match a record that was sent."""

import polars as pl
import pytest

from registry_pipeline.validation.screening.near_matches import near_matches, near_patients


@pytest.mark.parametrize(
    ("wanted", "known", "match"),
    [
        ("127", ["00127", "00128"], "00127"),
        ("west-L01", ["west-L1"], "west-L1"),
        ("P1-L1.0", ["P1-L1", "P1-L10"], "P1-L1"),
        ("A 12", ["a-12"], "a-12"),
        ("１２", ["12"], "12"),
        ("127", ["0127", "00127"], None),
        ("127", ["1270", "12.7"], "12.7"),
        ("10", ["100", "1"], None),
        ("---", ["..."], None),
        (None, ["1"], None),
    ],
)
def test_only_the_writing_differs(wanted: str | None, known: list[str], match: str | None) -> None:
    found = near_matches(pl.Series([wanted], dtype=pl.String), pl.Series(known))
    assert found.to_list() == [match]


def test_a_patient_is_named_by_the_number_of_the_facility() -> None:
    records = {
        "patient": pl.DataFrame({"patient_id": ["Pa", "Pb"]}),
        "patient_xref": pl.DataFrame(
            {
                "patient_id": ["Pa", "Pb", "Pc", "Pd"],
                "source_patient_id": ["00127", "1126", "127", "9"],
            }
        ),
    }
    assert near_patients(pl.Series(["Pc", "Pd", "Px", "Pc"]), records).to_list() == [
        "00127",
        None,
        None,
        "00127",
    ]
