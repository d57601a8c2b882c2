"""The figures as Markdown, printed or put into a document at its mark.

Belongs here: wording and layout of the table of the README. Does not belong here: measuring, JSON.
"""

import math
import os
import platform
from collections.abc import Sequence
from pathlib import Path

from benchmarks.measuring import Figure

BEGIN, END = "<!-- speed -->", "<!-- /speed -->"
HEADER = ("measured", "ratio of CPU time", "target", "CPU s", "floor CPU s", "wall s", "peak MB", "met")


def markdown(figures: Sequence[Figure]) -> str:
    """A table with a line per figure, what it was measured on, and the parts of the refresh."""
    rows = [HEADER, ("---", *("---:" for _ in HEADER[1:-1]), "---"), *(_cells(result) for result in figures)]
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    parts = [f"{result.name}: {steps}." for result in figures if (steps := _parts(result))]
    return "\n".join([_machine(), "", *lines, *(["", *parts] if parts else [])])


def _machine() -> str:
    load = os.getloadavg()[0]
    return (
        f"`python -m benchmarks` on {os.cpu_count()} cores, Python {platform.python_version()}, "
        f"load {load:.1f} at the end. A ratio is our CPU time over that of the floor, measured in turn in one run; "
        "a target without a floor is in seconds of wall time."
    )


def _cells(result: Figure) -> tuple[str, ...]:
    has_floor = not math.isnan(result.floor_cpu)
    target = "" if math.isnan(result.target) else f"{result.target:g}" + ("" if has_floor else " s")
    met = {True: "yes", False: "no", None: ""}[result.is_met]
    numbers = (result.cpu, result.floor_cpu, result.wall)
    shown = ["" if math.isnan(value) else f"{value:.2f}" for value in numbers]
    peak = f"{result.peak_mb:.0f}" + (
        "" if math.isnan(result.most_mb) else f" (at most {result.most_mb:.0f})"
    )
    return (result.name, f"{result.cpu_ratio:.2f}" if has_floor else "", target, *shown, peak, met)


def _parts(result: Figure) -> str:
    """CPU seconds of the parts of the work, where it has such."""
    timed = {
        name: part["cpu"] for name, part in result.parts.items() if isinstance(part, dict) and "cpu" in part
    }
    return (
        "CPU seconds of the steps: " + ", ".join(f"{name} {used:.1f}" for name, used in timed.items())
        if timed
        else ""
    )


def put_into(document: Path, text: str) -> None:
    """Replace what stands between the marks; where the end mark is missing, it is made.

    Raises:
        ValueError: the document has no mark.
    """
    whole = document.read_text(encoding="utf-8")
    if BEGIN not in whole:
        raise ValueError(f"{document} has no mark {BEGIN}")
    before, after = whole.split(BEGIN, 1)
    rest = after.split(END, 1)[1] if END in after else after
    document.write_text(f"{before}{BEGIN}\n{text}\n{END}{rest}", encoding="utf-8")
