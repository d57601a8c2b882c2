"""The speed figures of the README, each as a ratio to a floor that is measured in the same run.

``python -m benchmarks [name ...]`` prints the figures and writes ``benchmarks/out/<name>.json``.

Belongs here: what is measured, against which floor, with which target.
Does not belong here: anything that the pipeline needs to run.
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as under a command
