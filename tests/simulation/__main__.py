"""``python -m tests.simulation [word ...]``: coverage of every interval, errors of every test, growth.

Belongs here: many replicates and the table of figures. Does not belong here: designs, bars of the suite.
"""

from __future__ import annotations

import argparse
import time

from tests.simulation import errors
from tests.simulation.catalogue import CATALOGUE, SMALL
from tests.simulation.growth_draws import ONSET_TRUTH
from tests.simulation.hard_designs import BROKEN, HARD

GROWTH_LESIONS, GROWTH_SEEDS = 3000, range(1, 21)
OPTIMISM_REPLICATES = 400


def _line(name: str, n: int, replicates: int, share: float, *rest: float) -> None:
    """Print a share in per cent with two Monte-Carlo standard errors, and what else there is."""
    error = 200 * (share * (1 - share) / max(replicates, 1)) ** 0.5
    numbers = "".join(f"{number:>9.1f}" for number in rest)
    print(f"{name:<48}{n:>5}{replicates:>8}{100 * share:>8.1f}{error:>6.1f}{numbers}", flush=True)


def _is_asked(words: list[str], name: str) -> bool:
    return not words or any(word in name for word in words)


def print_coverage(words: list[str], replicates: int | None, patients: int, seed: int) -> None:
    """Coverage and its Monte-Carlo error, intervals below the truth, replicates with an interval, CPU seconds."""
    designs = {name: (entry.design, entry.long) for name, entry in CATALOGUE.items()}
    designs |= {f"hard, {name}": (design, long) for name, (design, long, _) in HARD.items()}
    designs |= {f"broken, {name}": pair for name, pair in BROKEN.items()}
    for name, (design, long) in designs.items():
        if _is_asked(words, name):
            start = time.process_time()
            found = design(patients, replicates or long, seed)
            spent = time.process_time() - start
            for label, one in found.items():
                _line(label, patients, one.n_given, one.coverage, 100 * one.below, 100 * one.given, spent)


def print_errors(words: list[str], replicates: int | None, patients: int, seed: int) -> None:
    """Share of p values below 5 % where there is nothing to find."""
    for name, entry in errors.ERRORS.items():
        if _is_asked(words, f"errors, {name}"):
            many = replicates or entry.long
            for label, share in entry.test(patients, many, seed).items():
                _line(f"errors, {label}", patients, many, share)


def print_optimism(patients: int, seed: int) -> None:
    """Concordance of a model, as it looks, corrected, and as it is."""
    for name, value in errors.optimism(patients, OPTIMISM_REPLICATES, seed).items():
        print(f"concordance of a model, {name}: {value:.3f}", flush=True)


def print_growth() -> None:
    """Months to the threshold by both readings of growth, and how far they are off."""
    for seed in GROWTH_SEEDS:
        found = errors.growth_readings(GROWTH_LESIONS, seed)
        for name, months in zip(("onset", "plain"), found, strict=True):
            print(
                f"growth readings, {name}, seed {seed}: {months:.2f} months, {months / ONSET_TRUTH - 1:+.1%}"
            )


def main() -> None:
    """Print all of it, or what is asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("words", nargs="*", help="only designs whose name has one of these words")
    parser.add_argument("--replicates", type=int, help="of each design, instead of its own number")
    parser.add_argument("--patients", type=int, default=SMALL)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    print(
        f"{'what':<48}{'n':>5}{'times':>8}{'%':>8}{'± 2':>6}{'below %':>9}{'given %':>9}{'CPU s':>9}",
        flush=True,
    )
    options = (asked.words, asked.replicates, asked.patients, asked.seed)
    print_coverage(*options)
    print_errors(*options)
    if _is_asked(asked.words, "optimism"):
        print_optimism(asked.patients, asked.seed)
    if _is_asked(asked.words, "growth readings"):
        print_growth()


if __name__ == "__main__":
    main()
