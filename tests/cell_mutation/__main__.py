"""``python -m tests.cell_mutation [--changes N] [--seed S]``: what becomes of N cells changed at random."""

import argparse
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.cell_mutation.harness import run


def main() -> None:
    """Print the counts, and every change that was lost."""
    parser = argparse.ArgumentParser(prog="python -m tests.cell_mutation", description=__doc__)
    parser.add_argument("--changes", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    counts: Counter[str] = Counter()
    begin = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        for mutation, outcome in run(Path(folder), asked.changes, asked.seed):
            counts[outcome.partition(":")[0]] += 1
            if outcome.startswith("lost"):
                print(f"{outcome} | {mutation}", flush=True)
    print(dict(counts), f"{time.monotonic() - begin:.0f} s")


main()
