"""What kills parts of a cluster survives that they have ended, and leaves no coordinator behind."""

from __future__ import annotations

import random
import subprocess
from pathlib import Path
from typing import Any, cast

import pytest

from registry_pipeline.core.home import make_home
from tests.cluster.trial import coordinating, kill


def test_a_coordinator_that_has_ended_is_not_killed() -> None:
    coordinator = subprocess.Popen(["true"], start_new_session=True)
    coordinator.wait()
    kill("coordinator", cast(Any, None), coordinator, random.Random(0))
    assert coordinator.returncode == 0


def test_a_trial_that_is_interrupted_leaves_no_coordinator(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), coordinating(make_home(tmp_path / "home"), {}) as coordinator:
        raise KeyboardInterrupt
    assert coordinator.returncode is not None
