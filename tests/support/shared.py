"""Where the reference folder lies, and the mark for tests that need it."""

from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[3] / "shared"
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason="reference folder ../shared is absent")
