"""Nothing of a record reaches an event: what goes wrong is told in one line, details stay private.

Belongs here: the guard around every asset's work.
Does not belong here: the private detail file itself (``registry_pipeline/store``).
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from registry_pipeline.home import Home
from registry_pipeline.steps.problems import Refused, record_private_details
from registry_pipeline.toml_source import ConfigurationError

IO_RETRY = dg.RetryPolicy(max_retries=2, delay=2, backoff=dg.Backoff.EXPONENTIAL)


@contextmanager
def guarded(home: Home) -> Iterator[None]:
    """Run an asset's work with a private umask; turn every failure into one line without values.

    Raises:
        dagster.Failure: configuration and refusals in their own words, anything else as the path of a
            private detail file. Only failures of input and output are worth a retry.
    """
    before = os.umask(0o077)
    try:
        yield
    except (ConfigurationError, Refused) as problem:
        raise dg.Failure(str(problem), allow_retries=False) from None
    except OSError as problem:
        raise dg.Failure(f"input or output failed: {problem.strerror or type(problem).__name__}") from None
    except Exception as problem:
        path = record_private_details(home, problem)
        raise dg.Failure(f"an internal error; details: {path}", allow_retries=False) from None
    finally:
        os.umask(before)
