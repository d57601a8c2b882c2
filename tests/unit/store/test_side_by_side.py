"""Work side by side: each after what it needs, two at a time, nothing begun after a failure."""

from __future__ import annotations

import threading
from graphlib import CycleError

import pytest

from registry_pipeline.store.parallel import side_by_side


def test_each_comes_after_what_it_needs() -> None:
    needs = {"growth": {"lesion", "exam"}, "lesion": {"patient"}, "exam": {"patient"}, "patient": set()}
    done: list[str] = []

    def work(name: str) -> None:
        assert set(needs[name]) <= set(done)
        done.append(name)

    side_by_side(needs, work)
    assert sorted(done) == sorted(needs)


def test_two_go_at_a_time() -> None:
    both = threading.Barrier(2, timeout=20)

    def meet(_: str) -> None:
        both.wait()

    side_by_side({"a": (), "b": ()}, meet)


def test_nothing_is_begun_after_a_failure() -> None:
    begun: list[str] = []

    def work(name: str) -> None:
        begun.append(name)
        if name == "a":
            raise KeyError(name)

    with pytest.raises(KeyError, match="a"):
        side_by_side({"a": (), "c": {"a"}}, work)
    assert begun == ["a"]


def test_a_circle_is_refused() -> None:
    with pytest.raises(CycleError):
        side_by_side({"a": {"b"}, "b": {"a"}}, lambda _: None)
