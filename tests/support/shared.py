"""Where the reference folder lies, and the mark for tests that need it."""

from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[3] / "shared"
ABSENT = "reference folder ../shared is absent"
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason=ABSENT)


def whole_module_needs_shared(name: str) -> None:
    """Skip a module of which no test can do without the reference folder, once and by its name."""
    if not SHARED.is_dir():
        pytest.skip(f"{name}: {ABSENT}", allow_module_level=True)
