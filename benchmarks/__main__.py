"""``python -m benchmarks [name ...] [--into README.md]``: run benchmarks and print their figures.

Belongs here: the list of benchmarks and the table. Does not belong here: what they measure.
"""

import argparse
import json
import math
import os
import platform
from collections.abc import Callable
from pathlib import Path

from benchmarks import changing, cluster, commands, desk, estimating, linking, refreshing, scaling, screening
from benchmarks.measuring import Figure
from benchmarks.report import markdown, put_into

OUT = Path(__file__).parent / "out"
BENCHMARKS: dict[str, Callable[..., list[Figure]]] = {
    "screening": screening.benchmark,
    "refresh": refreshing.benchmark,
    "change": changing.benchmark,
    "commands": commands.benchmark,
    "analysis": estimating.benchmark,
    "r": estimating.against_r,
    "desk": desk.benchmark,
    "linkage": linking.benchmark,
    "cluster": cluster.benchmark,
    "scaling": scaling.benchmark,
}
HEADER = ("", "ratio", "CPU ratio", "target", "seconds", "CPU s", "floor s", "floor CPU s", "peak MB")


def main() -> None:
    """Run what was asked for; ratios without a floor are left blank, their target is in seconds."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[[], *BENCHMARKS], help="all by default")
    parser.add_argument("--into", type=Path, help="a document: its speed section is replaced by the figures")
    OUT.mkdir(exist_ok=True)
    asked, every = parser.parse_args(), []
    for name in asked.names or [name for name in BENCHMARKS if name != "r"]:  # analysis has it too
        figures = BENCHMARKS[name](OUT)
        every += figures
        write(name, figures)
        print(table(figures), flush=True)
        for result in figures:
            print(f"  {result.name}: {json.dumps(result.parts)}" if result.parts else "", flush=True)
    print(f"\n{markdown(every)}")
    if asked.into is not None:
        put_into(asked.into, markdown(every))


def write(name: str, figures: list[Figure]) -> None:
    """Keep the figures with what they were measured on."""
    machine = {"python": platform.python_version(), "cores": os.cpu_count(), "load": os.getloadavg()}
    rows = [result.as_row() for result in figures]
    (OUT / f"{name}.json").write_text(json.dumps({"machine": machine, "figures": rows}, indent=1) + "\n")


def table(figures: list[Figure]) -> str:
    """The figures as aligned text."""
    rows = [HEADER, *(_cells(result) for result in figures)]
    widths = [max(len(row[at]) for row in rows) for at in range(len(HEADER))]
    lines = [
        row[0].ljust(widths[0])
        + "".join(f"  {cell:>{width}}" for cell, width in zip(row[1:], widths[1:], strict=True))
        for row in rows
    ]
    return "\n".join(lines)


def _cells(result: Figure) -> tuple[str, ...]:
    numbers = (
        result.ratio, result.cpu_ratio, result.target, result.wall, result.cpu, result.floor_wall, result.floor_cpu,
    )  # fmt: skip
    shown = ["" if math.isnan(value) else f"{value:.2f}" for value in numbers]
    return (result.name, *shown, f"{result.peak_mb:.0f}")


if __name__ == "__main__":
    main()
