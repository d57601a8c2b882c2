"""The data behind a figure as CSV."""

from __future__ import annotations

import numpy as np
import pandas as pd

from registry_pipeline.reporting.figures.base import csv_text


def test_cells_are_whole_inert_and_empty_where_missing() -> None:
    data = pd.DataFrame(
        {
            "text": ["=1+1", "a,b", 'say "a"', "", None],
            "share": [0.1 + 0.2, np.nan, 1.5e-7, np.inf, -0.0],
            "kind": [True, False, None, 1, 2.5],
            "n": [1, 2, 3, 4, 5],
        }
    )
    assert csv_text(data) == (
        "text,share,kind,n\n"
        "'=1+1,0.30000000000000004,True,1\n"
        '"a,b",,False,2\n'
        '"say ""a""",1.5e-7,,3\n'
        ",inf,1,4\n"
        ",-0.0,2.5,5\n"
    )


def test_a_figure_of_nothing_keeps_its_head() -> None:
    assert (
        csv_text(pd.DataFrame({"text": pd.Series(dtype=object), "n": pd.Series(dtype=float)})) == "text,n\n"
    )
