"""Raw hospital exports in, sealed DuckDB releases out. The rooms are described in ARCHITECTURE.md."""

import os

# Polars' allocator keeps pages that it has freed, most of all those of threads that rest: after staging 100,000 patients
# 600 MB. It reads this as it is loaded, here and in the processes that are started. Costs no time that could be measured.
os.environ.setdefault("_RJEM_MALLOC_CONF", "narenas:1,dirty_decay_ms:100,muzzy_decay_ms:0")
