"""Raw hospital exports in, sealed DuckDB releases out. The rooms are described in ARCHITECTURE.md."""

import os

__version__ = "0.1.0"

# OpenBLAS reads this once, when numpy is loaded. Its threads wait for the next product by spinning: over the many
# small products of an analysis they cost a fifth of its CPU time and win none. Whoever sets it is heard.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
