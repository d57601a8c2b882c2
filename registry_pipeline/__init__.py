"""Raw hospital exports in, sealed DuckDB releases out. The rooms are described in ARCHITECTURE.md."""

import os

# Polars' allocator keeps pages that it has freed as the process's own, for good where nothing else wants them: after
# judging 100,000 patients half a gigabyte. It reads this as it is loaded, here and in the processes that are started.
os.environ.setdefault("_RJEM_MALLOC_CONF", "dirty_decay_ms:500,muzzy_decay_ms:0")
