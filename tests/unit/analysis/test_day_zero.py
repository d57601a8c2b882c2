"""Events on the day of the origin count as those of any other day: no estimate by ranks knows when time began."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from registry_pipeline import analysis

RANKS = {
    "Kaplan-Meier": lambda f, day: analysis.kaplan_meier(f, "time", "event", "group"),
    "survival at landmarks": lambda f, day: analysis.landmark_survival(f, "time", "event", at=[day, day + 20]),
    "incidence": lambda f, day: analysis.cumulative_incidence(f, "time", "code", "group"),
    "incidence at landmarks": lambda f, day: analysis.landmark_incidence(f, "time", "code", at=[day, day + 20]),
    "log-rank": lambda f, day: analysis.logrank_test(f, "time", "event", "group"),
    "Gray": lambda f, day: analysis.gray_test(f, "time", "code", "group"),
    "Cox": lambda f, day: analysis.fit_cox(f, "time", "event", ["x", "group"]).terms,
    "Firth": lambda f, day: analysis.fit_cox(f, "time", "event", ["x"], penalty="firth").terms,
    "Fine-Gray": lambda f, day: analysis.fit_fine_gray(f, "time", "code", ["x", "group"]).terms,
    "proportional hazards": lambda f, day: analysis.fit_cox(f, "time", "event", ["x"]).ph_test(),
    "cutpoint": lambda f, day: analysis.select_cutpoint(f, "time", "event", "x"),
    "clustered survival": lambda f, day: analysis.clustered_survival(f, "time", "event", cluster="who", at=[day + 20]),
    "clustered incidence": lambda f, day: analysis.clustered_incidence(f, "time", "code", cluster="who", at=[day + 20]),
    "accuracy": lambda f, day: analysis.prediction_accuracy(f, "time", "event", ["x"], [day + 20], n_bootstrap=2),
}  # fmt: skip
OF_TIME = ("duration", "month", "landmark", "median", "integrated")


@pytest.mark.parametrize("name", RANKS)
@pytest.mark.parametrize("codes", [(1, 1), (2, 2), (0, 0), (0, 1), (1, 2, 0)])
def test_a_day_later_is_the_same(name, codes):
    rng = np.random.default_rng(5)
    frame = pd.DataFrame({
        "time": rng.exponential(20, 60).round() + 1, "code": rng.integers(0, 3, 60), "x": rng.normal(size=60),
        "group": rng.choice(["a", "b"], 60), "who": rng.integers(0, 25, 60),
    })  # fmt: skip
    frame.loc[: len(codes) - 1, ["time", "code"]] = [(0, code) for code in codes]
    frame["event"] = (frame["code"] == 1).astype(int)
    on_the_day, later = RANKS[name](frame, 0), RANKS[name](frame.assign(time=frame["time"] + 1), 1)
    kept = [c for c in later.select_dtypes("number") if not any(word in c for word in OF_TIME)]
    assert later[kept].notna().any().any()
    pd.testing.assert_frame_equal(on_the_day[kept], later[kept])
