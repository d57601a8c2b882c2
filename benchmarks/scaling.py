"""How cost grows: CPU time and memory of a full refresh by the command, over patients and over facilities.

Belongs here: the sizes, the refresh of each with default settings, the picture of their curves.
Does not belong here: the refresh step by step against its floor (``refreshing.py``), one change (``changing.py``).
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.measuring import Figure, figure, run_command, run_job

PATIENTS_EACH = 5_000
PATIENTS = (10_000, 100_000, 1_000_000)
"""In facilities of 5,000 patients each."""
FACILITIES = (1, 10, 100, 1_000)
"""That share 100,000 patients."""
SHARED = 100_000


def benchmark(
    out: Path,
    patients: Sequence[int] = PATIENTS,
    facilities: Sequence[int] = FACILITIES,
    shared: int = SHARED,
) -> list[Figure]:
    """A full refresh and one of nothing new, for each number of patients and each number of facilities."""
    sizes = [(count, max(count // PATIENTS_EACH, 1)) for count in patients]
    sizes += [(shared, count) for count in facilities]
    figures = []
    for size in dict.fromkeys(sizes):
        figures += refreshes(out, *size)
        print(f"  {figures[-2].name}: {figures[-2].cpu:.0f} CPU s, {figures[-2].peak_mb:.0f} MB", flush=True)
    return figures


def refreshes(out: Path, patients: int, facilities: int) -> list[Figure]:
    """The two refreshes of one registry, each by the command as an operator runs it."""
    with tempfile.TemporaryDirectory(dir=out) as folder:
        run_job("changing.simulate", out, folder=folder, patients=patients, facilities=facilities)
        command = [str(Path(sys.executable).with_name("registry")), "--home", folder, "refresh"]
        full, nothing = run_command(command), run_command(command)
    of = f"of {patients:,} patients in {facilities:,} {'facility' if facilities == 1 else 'facilities'}"
    size = {"patients": patients, "facilities": facilities}
    return [
        figure(f"full refresh by the command {of}", [full], parts=size),
        figure(f"nothing new {of}", [nothing], target=1.0, parts={}),
    ]


def draw(figures: Sequence[dict[str, Any]], target: Path) -> None:
    """CPU time and memory over patients and over facilities, as SVG; figures: rows of ``out/scaling.json``."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams |= {"svg.hashsalt": "scaling", "svg.fonttype": "none", "font.size": 8}
    from matplotlib import pyplot
    from matplotlib.ticker import FixedLocator, NullFormatter, NullLocator, StrMethodFormatter

    full = [row for row in figures if row["parts"]]
    each = [row for row in full if row["parts"]["patients"] == row["parts"]["facilities"] * PATIENTS_EACH]
    shared = [
        row for row in full if row["parts"]["patients"] == SHARED and row["parts"]["facilities"] in FACILITIES
    ]
    panels = [
        ("patients", each, f"facilities of {PATIENTS_EACH:,}"),
        ("facilities", shared, f"{SHARED:,} patients in all"),
    ]
    canvas, axes = pyplot.subplots(2, 2, figsize=(7, 4.6), layout="constrained")
    for column, (over, rows, which) in enumerate(panels):
        rows = sorted(rows, key=lambda row: int(row["parts"][over]))
        size = [row["parts"][over] for row in rows]
        for axis, name, values in (
            (axes[0][column], "CPU s", [row["cpu"] for row in rows]),
            (axes[1][column], "memory of all processes, GB", [row["peak_mb"] / 1024 for row in rows]),
        ):
            axis.plot(size, values, "o-", color="#1f6f8b")
            axis.set(xscale="log", xlabel=f"{over} ({which})", ylabel=name)
            axis.set(**({"yscale": "log"} if over == "patients" else {"ylim": (0, 1.25 * max(values))}))
            for at, value in zip(size, values, strict=True):
                shown = f"{value:,.0f}" if name == "CPU s" else f"{value:.1f}"
                axis.annotate(shown, (at, value), textcoords="offset points", xytext=(0, 5), ha="center")
            axis.margins(0.12, 0.25)
            axis.xaxis.set_major_locator(FixedLocator(size))
            axis.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
            axis.xaxis.set_minor_locator(NullLocator())
            axis.yaxis.set_major_formatter(StrMethodFormatter("{x:,g}"))
            axis.yaxis.set_minor_formatter(NullFormatter())
    canvas.savefig(target, metadata={"Date": None})
    pyplot.close(canvas)
    target.write_text(re.sub(r"[ \t]+$", "", target.read_text(), flags=re.MULTILINE))


if __name__ == "__main__":
    draw(
        json.loads((Path(__file__).parent / "out" / "scaling.json").read_text())["figures"], Path(sys.argv[1])
    )
