"""``python -m tests.simulation [word ...]``: coverage of every interval, errors of every test, growth.

Belongs here: many replicates and the table of figures. Does not belong here: designs, bars of the suite.
"""

from __future__ import annotations

import argparse
import time

from tests.simulation import designs, errors, growth_designs

SIZE = 200
SIZES = {"one covariate": 200, "growth": 80, "planner": 80, "Cox, Firth": 100}
SLOW = {"imputed": 10, "mixed": 20, "bootstrap": 4, "growth": 2, "planner": 2, "Firth": 2}
SMALL = 56
GROWTH_LESIONS, GROWTH_SEEDS = 3000, (1, 2, 3)


def size_of(name: str) -> int:
    """Patients or lesions at which the large-sample theory should hold."""
    return next((size for word, size in SIZES.items() if word in name), SIZE)


def _line(name: str, n: int, replicates: int, share: float, *rest: float) -> None:
    """Print a share in per cent with two Monte-Carlo standard errors, and what else there is."""
    error = 200 * (share * (1 - share) / max(replicates, 1)) ** 0.5
    numbers = "".join(f"{number:>9.1f}" for number in rest)
    print(f"{name:<48}{n:>5}{replicates:>12}{100 * share:>9.1f}{error:>8.1f}{numbers}", flush=True)


def _sizes(asked: int | None, own: int) -> list[int]:
    return [asked] if asked else sorted({own, SMALL}, reverse=True)


def _is_asked(words: list[str], name: str) -> bool:
    return not words or any(word in name for word in words)


def print_coverage(words: list[str], replicates: int, patients: int | None, seed: int) -> None:
    """Coverage, its Monte-Carlo error, the share of replicates with an interval, CPU seconds."""
    for name, design in {**designs.DESIGNS, **growth_designs.DESIGNS}.items():
        if _is_asked(words, name):
            own = replicates // next((f for word, f in SLOW.items() if word in name), 1)
            for n in _sizes(patients, size_of(name)):
                start = time.process_time()
                found = design(n, own, seed)
                spent = time.process_time() - start
                _line(name, n, found.n_given, found.coverage, 100 * found.given, spent)


def print_errors(words: list[str], replicates: int, patients: int | None, seed: int) -> None:
    """Share of p values below 5 % where there is nothing to find."""
    for name, test in errors.ERRORS.items():
        if _is_asked(words, f"errors, {name}"):
            for n in _sizes(patients, SIZE):
                for label, share in test(n, replicates, seed).items():
                    _line(f"errors, {label}", n, replicates, share)


def print_growth() -> None:
    """Months to the threshold by both readings of growth, and how far they are off."""
    truth = growth_designs.ONSET_TRUTH
    for seed in GROWTH_SEEDS:
        found = errors.growth_readings(GROWTH_LESIONS, seed)
        for name, months in zip(("onset", "plain"), found, strict=True):
            print(f"growth readings, {name}, seed {seed}: {months:.2f} months, {months / truth - 1:+.1%}")


def main() -> None:
    """Print all of it, or what is asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("words", nargs="*", help="only designs whose name has one of these words")
    parser.add_argument("--replicates", type=int, default=2000)
    parser.add_argument("--patients", type=int, help="this size instead of both")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    heads = f"{'what':<48}{'n':>5}{'replicates':>12}{'%':>9}{'± 2 MC':>8}{'given %':>9}{'CPU s':>9}"
    print(heads, flush=True)
    options = (asked.words, asked.replicates, asked.patients, asked.seed)
    print_coverage(*options)
    print_errors(*options)
    if _is_asked(asked.words, "growth readings"):
        print_growth()


if __name__ == "__main__":
    main()
