"""Nothing of a record reaches an event: what goes wrong is told in one line, details stay private.

Belongs here: the guard around every asset's work, and turning a failed run back into an exception.
Does not belong here: the private detail file itself (``pipeline/errors.py``).
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
from dagster_shared.error import SerializableErrorInfo

from registry_pipeline.core.files import StoreError, system_refusal
from registry_pipeline.core.home import Home
from registry_pipeline.core.memory import MemoryInterrupt
from registry_pipeline.core.native_panics import panics_as_exceptions
from registry_pipeline.core.toml_source import ConfigurationError
from registry_pipeline.defs.checks import BLOCKED_BY
from registry_pipeline.pipeline.errors import InternalFailure, Refused, record_private_details

IO_RETRY = dg.RetryPolicy(max_retries=2, delay=2, backoff=dg.Backoff.EXPONENTIAL)


@contextmanager
def guarded(home: Home) -> Iterator[None]:
    """Run an asset's work with a private umask; turn every failure into one line without values.

    Raises:
        dagster.Failure: configuration, refusals and the store in their own words, anything else as the
            path of a private detail file. Only failures of input and output are worth a retry.
    """
    before = os.umask(0o077)
    try:
        with panics_as_exceptions():
            yield
    except ConfigurationError as problem:
        metadata: dict[str, str | int] = {
            "path": str(problem.path),
            "line": problem.line or 0,
            "message": problem.message,
        }
        raise dg.Failure(str(problem), metadata=dict(metadata), allow_retries=False) from None
    except (Refused, StoreError, MemoryInterrupt) as problem:
        raise dg.Failure(str(problem), allow_retries=False) from None
    except OSError as problem:
        named = Path(problem.filename) if isinstance(problem.filename, str) else None
        is_ours = named is not None and named.is_relative_to(home.root)  # and not what was sent
        reason = f"input or output failed: {problem.strerror or type(problem).__name__}"
        raise dg.Failure(f"{named}: {reason}" if is_ours else reason) from None
    except Exception as problem:
        if (refused := system_refusal(problem)) is not None:  # in the words of a library
            raise dg.Failure(refused, allow_retries=False) from None
        # of a worker's failure the worker has kept the details
        path = problem.path if isinstance(problem, InternalFailure) else record_private_details(home, problem)
        raise dg.Failure(
            f"an internal error; details: {path}", metadata={"details": str(path)}, allow_retries=False
        ) from None
    finally:
        os.umask(before)


def failure_of(outcome: dg.ExecuteInProcessResult | dg.JobExecutionResult) -> Exception:
    """The first failure of a run as the exception that it was."""
    for all_event in outcome.all_events:
        if not all_event.is_step_failure:
            continue
        if (failure := all_event.step_failure_data.user_failure_data) is None:
            if (reason := _own_words(all_event.step_failure_data.error)) is not None:
                return Refused(reason)
        else:
            metadata = {name: value.value for name, value in failure.metadata.items()}
            if "details" in metadata:
                return InternalFailure(str(metadata["details"]))
            if "path" in metadata:
                return ConfigurationError(
                    Path(str(metadata["path"])), int(str(metadata["line"])) or None, str(metadata["message"])
                )
            return Refused(str(failure.description))
    rules = ", ".join(sorted(_blocking_rules(outcome)))
    stopped_by = f"blocking rules have findings or failed to run: {rules}"
    why = stopped_by if rules else "the refresh was stopped before it was complete"
    return Refused(f"{why}; the release that was served still is")


def _own_words(error: SerializableErrorInfo | None) -> str | None:
    """What a failure of the store says where Dagster wrapped it, as it does while it keeps a step's output."""
    while error is not None:
        if error.cls_name == StoreError.__name__:
            return error.message.partition(": ")[2].strip()
        error = error.cause
    return None


def _blocking_rules(outcome: dg.ExecuteInProcessResult | dg.JobExecutionResult) -> set[str]:
    """Ids of the rules by which checks of the run blocked it."""
    kind = dg.DagsterEventType.ASSET_CHECK_EVALUATION
    checks = [
        all_event.asset_check_evaluation_data
        for all_event in outcome.all_events
        if all_event.event_type == kind
    ]
    blocked = [check.metadata[BLOCKED_BY].value for check in checks if BLOCKED_BY in check.metadata]
    return {rule for rule_ids in blocked for rule in str(rule_ids).split(", ")}
