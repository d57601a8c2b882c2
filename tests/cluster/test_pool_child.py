"""A process of Celery's pool can start the helper that reads foreign formats, although Celery calls it a daemon."""

from __future__ import annotations

import os
from typing import Any

import pytest

from registry_pipeline.core.helper_process import Helper

billiard = pytest.importorskip("billiard", reason="registry-pipeline[cluster] is not installed")
worker = pytest.importorskip("registry_pipeline.defs.cluster.worker")


def _work(answers: Any, is_allowed: bool) -> None:
    if is_allowed:
        worker.allow_children()
    try:
        helper = Helper()
        answers.put(helper.call(os.getppid) == os.getpid())
        helper.end()
    except Exception as problem:
        answers.put(str(problem))


@pytest.mark.parametrize(
    ("is_allowed", "answer"), [(True, True), (False, "daemonic processes are not allowed to have children")]
)
def test_a_pool_child_starts_a_helper(is_allowed: bool, answer: object) -> None:
    answers = billiard.SimpleQueue()
    child = billiard.Process(target=_work, args=(answers, is_allowed), daemon=True)
    child.start()
    try:
        assert answers.get() == answer
    finally:
        child.terminate()
        child.join()
