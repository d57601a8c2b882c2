"""``python -m tests.fuzz --minutes N``: readers of foreign formats against files changed at random.

Every file has to come out as rows or as one sentence, within a minute and a gigabyte. What does not is kept in a
folder with its number, from which the same file is made again.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections import Counter, defaultdict
from pathlib import Path

from tests.fuzz.changes import changed
from tests.fuzz.seeds import seeds
from tests.support.watched_reading import Reading, read_watched

BYTES, SECONDS = 2**30, 60.0


def main() -> int:
    """Exit code 1 where a file broke the bounds or met a bug of a reader."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1, help="number of the first file")
    parser.add_argument("--only", default="", help="only seeds whose name contains this")
    parser.add_argument(
        "--keep", type=Path, default=Path("fuzz_found"), help="where files that fail are kept"
    )
    given = parser.parse_args()
    files = {name: data for name, data in seeds().items() if given.only in name}
    until, number, failures = time.monotonic() + 60 * given.minutes, given.seed, 0
    readings: dict[str, list[Reading]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as folder:
        while time.monotonic() < until:
            rng = random.Random(number)
            name = rng.choice(sorted(files))
            path = Path(folder) / name
            path.write_bytes(changed(files[name], rng))
            reading = read_watched(path)
            readings[name].append(reading)
            why = failure_of(reading)
            if why:
                failures += 1
                given.keep.mkdir(exist_ok=True)
                (given.keep / f"{number}-{name}").write_bytes(path.read_bytes())
                print(f"{number} {name}: {why}", flush=True)
            number += 1
    _print(readings)
    print(f"files {given.seed} to {number - 1}: {failures} failed")
    return bool(failures)


def failure_of(reading: Reading) -> str:
    """Why a reading is a failure of ours; empty where it is not."""
    if reading.outcome == "reader_failed" or "\n" in reading.message or len(reading.message) > 300:
        return f"{reading.outcome}: {reading.message[:300]}"
    if reading.seconds > SECONDS or reading.n_bytes > BYTES:
        return f"{reading.seconds:.0f} s, {reading.n_bytes // 2**20} MB"
    return ""


def _print(readings: dict[str, list[Reading]]) -> None:
    for name, own in sorted(readings.items()):
        outcomes = ", ".join(f"{what} {n}" for what, n in Counter(one.outcome for one in own).most_common())
        slowest, largest = max(one.seconds for one in own), max(one.n_bytes for one in own) // 2**20
        print(f"{name}: {len(own)} files, at most {slowest:.1f} s and {largest} MB: {outcomes}")


if __name__ == "__main__":
    sys.exit(main())
