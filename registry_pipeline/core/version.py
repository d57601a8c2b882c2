"""The version of the installed package: that of the last tag, which the build wrote into its metadata.

Belongs here: reading it. Does not belong here: the hash of the code that goes with it (``pipeline/step.py``).
"""

from __future__ import annotations

PACKAGE = "registry-pipeline"
UNKNOWN = "0.0.0"
"""Also what the build writes (``pyproject.toml``) where neither git nor a source distribution says a version."""


def package_version() -> str:
    """Version by PEP 440: ``1.2.0`` at the tag v1.2.0, ``1.2.1.dev5`` five commits later, else ``UNKNOWN``."""
    from importlib.metadata import PackageNotFoundError, version  # slow to import, for few commands

    try:
        return version(PACKAGE)
    except PackageNotFoundError:
        return UNKNOWN  # run from a folder of sources that nobody installed
