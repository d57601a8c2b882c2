"""``python -m tests.cluster.coordinator HOME``: a refresh through Dagster without its pages, for whoever kills it.

Exit code 0 where a release is served, 1 with a line where the refresh was refused.
"""

from __future__ import annotations

import sys
from pathlib import Path

from registry_pipeline.core.files import StoreError
from registry_pipeline.core.home import open_home
from registry_pipeline.core.toml_source import ConfigurationError
from registry_pipeline.defs.run import refresh_through_dagster
from registry_pipeline.pipeline.errors import InternalFailure, Refused
from tests.support.registry_home import without_reports


def main() -> int:
    """Refresh the home that the argument names."""
    try:
        with without_reports():
            refresh_through_dagster(open_home(Path(sys.argv[1])))
    except (Refused, StoreError, ConfigurationError, InternalFailure) as problem:
        print(problem)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
