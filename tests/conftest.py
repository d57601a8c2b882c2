"""What all tests share: how they are dealt out to workers.

Belongs here: hooks of pytest for the whole suite. Does not belong here: fixtures (beside the tests they serve).
"""

from __future__ import annotations

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of one file go to one worker, unless they say otherwise: what a file prepares is prepared once."""
    for item in items:
        if item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group(item.nodeid.split("::")[0]))
