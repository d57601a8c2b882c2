"""``python -m tests.simulation [word ...]``: coverage of every interval, at a size of its own and at n = 56.

Belongs here: many replicates and the table of figures. Does not belong here: designs, bars of the suite.
"""

from __future__ import annotations

import argparse
import time

from tests.simulation import designs, growth_designs

SIZE = 200
SIZES = {"one covariate": 200, "growth": 80, "planner": 80, "Cox, Firth": 100}
SLOW = {"imputed": 10, "mixed": 20, "bootstrap": 4, "growth": 2, "planner": 2, "Firth": 2}
SMALL = 56


def size_of(name: str) -> int:
    """Patients or lesions at which the large-sample theory should hold."""
    return next((size for word, size in SIZES.items() if word in name), SIZE)


def main() -> None:
    """Print coverage, its Monte-Carlo error and the share of replicates with an interval."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("words", nargs="*", help="only designs whose name has one of these words")
    parser.add_argument("--replicates", type=int, default=2000)
    parser.add_argument("--patients", type=int, help="this size instead of both")
    asked = parser.parse_args()
    print(
        f"{'interval':<48}{'n':>5}{'replicates':>12}{'coverage %':>12}{'± 2 MC':>8}{'given %':>9}{'CPU s':>8}"
    )
    for name, design in {**designs.DESIGNS, **growth_designs.DESIGNS}.items():
        if asked.words and not any(word in name for word in asked.words):
            continue
        replicates = asked.replicates // next((f for word, f in SLOW.items() if word in name), 1)
        for n in [asked.patients] if asked.patients else sorted({size_of(name), SMALL}, reverse=True):
            start = time.process_time()
            found = design(n, replicates, 1)
            error = 200 * (found.coverage * (1 - found.coverage) / max(found.n_given, 1)) ** 0.5
            spent = time.process_time() - start
            print(
                f"{name:<48}{n:>5}{replicates:>12}{100 * found.coverage:>12.1f}{error:>8.1f}"
                f"{100 * found.given:>9.1f}{spent:>8.1f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
