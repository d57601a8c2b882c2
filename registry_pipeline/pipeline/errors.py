"""What may go wrong in a refresh, and where details of a bug are kept.

Belongs here: the exceptions of the steps, the private detail file.
Does not belong here: wrong configuration (``core/toml_source.py``), findings about records.
"""

import os
import traceback
from datetime import UTC, datetime
from pathlib import Path

from registry_pipeline.core.home import Home
from registry_pipeline.store.layout import StoreLayout


class Refused(Exception):
    """A release was refused; the old one is still served. The message names the checks, no values."""


class InternalFailure(Exception):
    """A bug stopped a step; its details already lie in a private file.

    Attributes:
        path: the private file.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        super().__init__(f"an internal error; details, which may quote records: {path}")


def record_private_details(home: Home, problem: BaseException) -> Path:
    """Write the traceback of a bug to a private file (0600) of the home and give its path.

    A traceback can quote values of records, so it never goes to a terminal or an event log.
    """
    folder = StoreLayout(home.store).errors()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}.txt"
    text = "".join(traceback.format_exception(problem))
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as out:
        out.write(text)
    return path
