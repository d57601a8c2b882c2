"""Whether the broker and the place of results answer, asked before anything is given to them.

Belongs here: one line on the service that does not answer. Does not belong here: what is sent to it (``engine.py``).
Celery itself tells a wrong password by a traceback, and of a database that is away only that a task has failed.
"""

import re
import time
from urllib.parse import urlsplit

from kombu.connection import Connection
from sqlalchemy import create_engine

from registry_pipeline.core.home import Home
from registry_pipeline.core.native_panics import panics_as_exceptions
from registry_pipeline.defs.cluster.engine import address
from registry_pipeline.defs.instance import print_line
from registry_pipeline.pipeline.errors import Refused

ANSWER_SECONDS = 5
_PAUSE_SECONDS = 2


def await_services(home: Home, seconds: float) -> None:
    """Return when the broker and the place of results answer; says why it waits, each reason once.

    Args:
        home: the registry home whose registry.toml names them.
        seconds: how long to go on asking.

    Raises:
        Refused: one of them still does not answer, or refuses to.
        ConfigurationError: registry.toml is wrong, or a variable that it names is not set.
    """
    until, announced = time.monotonic() + seconds, ""
    while problem := service_problem(home):
        if time.monotonic() >= until:
            raise Refused(problem)
        if problem != announced:
            print_line(f"{problem}; waiting for it")
            announced = problem
        time.sleep(_PAUSE_SECONDS)


def service_problem(home: Home) -> str | None:
    """One line on the first service that does not answer, with its address as registry.toml has it: without a password.

    Raises:
        ConfigurationError: a variable that registry.toml names is not set.
    """
    for name in ("broker", "backend"):
        url = address(home, name)
        try:
            with panics_as_exceptions():
                _ask(url)
        except Exception as problem:  # of whichever library speaks to it
            shown = getattr(home.settings().execution, name)
            return f"{home.settings_file}: '{name}' ({shown}) does not answer: {_reason(problem, url)}"
    return None


def _ask(url: str) -> None:
    if url.startswith("db+"):
        engine = create_engine(url.removeprefix("db+"), connect_args={"connect_timeout": ANSWER_SECONDS})
        engine.connect().close()
        engine.dispose()
        return
    is_redis = url.startswith("redis")
    options = {"socket_connect_timeout": ANSWER_SECONDS, "socket_timeout": ANSWER_SECONDS} if is_redis else {}
    own = Connection(url, connect_timeout=ANSWER_SECONDS, transport_options=options)  # type: ignore[no-untyped-call]
    with own as connection:
        connection.ensure_connection(max_retries=1, interval_start=0, reraise_as_library_errors=False)


def _reason(problem: Exception, url: str) -> str:
    """What a library says, in a line and without the password."""
    text = str(getattr(problem, "orig", None) or problem).partition("\n")[0].strip() or type(problem).__name__
    secret = urlsplit(url).password
    return re.sub(r"\s+", " ", text.replace(secret, "***") if secret else text)
