"""The swimmer's plot: one bar per patient, with what happened on the way.

Belongs here: drawing. Does not belong here: choosing patients.
"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from registry_pipeline.reporting.figures.base import COLOURS, INK, drawing, months_axis, svg_text
from registry_pipeline.reporting.figures.drawing_cache import drawn_once
from schemas.study import NEW_OLIGOMET

MARKS: Mapping[str, tuple[str, str, str]] = {
    "local_recurrence": ("o", "#C24A00", "recurrence in a treated lesion"),
    NEW_OLIGOMET.name: ("^", "#00795A", "new oligometastasis"),
    "regional": ("s", "#8A3B8F", "regional recurrence"),
    "polymet": ("D", "#8C6D00", "polymetastatic progression"),
}
_PALE = ("#B9D3EA", "#F2CDB0", "#B5DDD0")


@drawn_once
def swimmer_figure(lanes: pd.DataFrame, events: pd.DataFrame, groups: list[str], x_label: str) -> str:
    """Bars by months, longest on top.

    Args:
        lanes: lane (0 at the top), months, is_dead, group.
        events: lane, months, event_type.
        groups: names of the groups, in the order of their colours.
    """
    n = len(lanes)
    with drawing(0.85 + 0.095 * n) as canvas:
        height = canvas.get_size_inches()[1]
        axes = canvas.add_axes((0.03, 0.42 / height, 0.95, 1 - 0.48 / height))
        for group, colour in zip(groups, _PALE, strict=False):
            rows = lanes[lanes["group"] == group]
            if len(rows):
                axes.barh(-rows["lane"], rows["months"], height=0.72, color=colour, linewidth=0, label=group)
        dead, alive = lanes[lanes["is_dead"]], lanes[~lanes["is_dead"]]
        _marks(axes, dead, "x", INK, "death")
        _marks(axes, alive, ">", COLOURS[0], "alive at last contact")
        for kind, (marker, colour, label) in MARKS.items():
            _marks(axes, events[events["event_type"] == kind], marker, colour, label)
        other = events[~events["event_type"].isin(list(MARKS))]
        _marks(axes, other, "*", INK, "other recurrence")
        axes.set_ylim(-n + 0.3, 0.8)
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
        months_axis(axes, float(lanes["months"].max()), x_label)
        axes.legend(loc="lower right", handlelength=1.2, labelspacing=0.35, borderaxespad=0.3)
        return svg_text(canvas)


def _marks(axes: object, rows: pd.DataFrame, marker: str, colour: str, label: str) -> None:
    if len(rows):
        axes.plot(  # type: ignore[attr-defined]
            rows["months"],
            -rows["lane"],
            linestyle="none",
            marker=marker,
            markersize=3.8,
            color=colour,
            label=label,
        )
