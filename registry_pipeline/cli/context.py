"""What every command shares: the home, --json, --debug, and how failures are told.

Belongs here: options common to commands, exit codes, the one place where exceptions become lines.
Does not belong here: commands (``cli/run.py``, ``cli/query.py``).

Exit codes: 0 done · 1 refused, the old release is still served · 2 wrong use or configuration · 3 a bug.
"""

from __future__ import annotations

import errno
import io
import math
import os
import sys
import tempfile
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from registry_pipeline.core.files import StoreError, system_refusal
from registry_pipeline.core.home import Home, open_home
from registry_pipeline.core.native_panics import panics_as_exceptions
from registry_pipeline.core.toml_source import ConfigurationError
from registry_pipeline.pipeline.errors import InternalFailure, Refused, record_private_details
from registry_pipeline.store.integrity import open_whole_release
from registry_pipeline.store.query import QueryError
from registry_pipeline.store.releases import DATABASE, NoRelease, choose_release, is_damage, open_release

if TYPE_CHECKING:
    import duckdb

DONE, REFUSED, MISUSED, BROKEN = 0, 1, 2, 3
Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass
class Context:
    """What the command line says for all commands.

    Attributes:
        root: folder of the registry home, as given.
        debug: show tracebacks.
    """

    root: Path = Path("registry_home")
    debug: bool = False

    def home(self) -> Home:
        """The registry home.

        Raises:
            ConfigurationError: there is none; says how to make one.
        """
        return open_home(self.root)

    def release(
        self, release_id: str | None = None, attached_id: str | None = None, database: str = DATABASE
    ) -> duckdb.DuckDBPyConnection:
        """A database of a release, opened read-only, and another release beside it as ``attached``.

        Raises:
            StoreError: a release that is named is damaged.
        """
        home = self.home()
        memory_limit = home.settings().refresh.duckdb_memory
        if release_id is None and attached_id is None:
            return open_release(home, memory_limit=memory_limit, database=database)
        return open_whole_release(home, choose_release(home, release_id), memory_limit, attached_id, database)


CONTEXT = Context()


def _remember_root(_: click.Context, __: click.Parameter, value: Path | None) -> None:
    if value is not None:
        CONTEXT.root = value


def _remember_debug(_: click.Context, __: click.Parameter, value: bool) -> None:
    CONTEXT.debug = CONTEXT.debug or value


def shared_options(function: Function) -> Function:
    """``--home`` and ``--debug``, before or after the command's name."""
    home = click.option(
        "--home",
        type=click.Path(path_type=Path, file_okay=False),
        envvar="REGISTRY_HOME",
        expose_value=False,
        callback=_remember_root,
        help="Registry home; REGISTRY_HOME or ./registry_home if not given.",
    )
    debug = click.option(
        "--debug",
        is_flag=True,
        expose_value=False,
        callback=_remember_debug,
        help="Show the traceback of a failure. It may quote records.",
    )
    return home(debug(function))


def own_options(function: Function) -> Function:
    """:func:`shared_options` for a command; the environment was read by the group already."""
    home = click.option(
        "--home",
        type=click.Path(path_type=Path, file_okay=False),
        expose_value=False,
        callback=_remember_root,
        help="Registry home; REGISTRY_HOME or ./registry_home if not given.",
    )
    debug = click.option("--debug", is_flag=True, expose_value=False, callback=_remember_debug, hidden=True)
    return home(debug(function))


class Number(click.FloatRange):
    """A finite number within bounds: no bound keeps NaN out."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The number."""
        number = float(super().convert(value, param, ctx))
        return number if math.isfinite(number) else self.fail(f"{value!r} is no finite number", param, ctx)


def run(command: click.Command, arguments: Sequence[str]) -> int:
    """Run the command line and give its exit code; whatever happens is told in one line."""
    CONTEXT.root, CONTEXT.debug = Context.root, Context.debug
    if sys.stdout is None:  # closed by whoever called
        sys.stdout = io.StringIO()
    if isinstance(sys.stdout, io.TextIOWrapper):  # a terminal may lack letters that messages and records have
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        with panics_as_exceptions():
            exit_code = command.main(list(arguments), prog_name="registry", standalone_mode=False)
            if not sys.stdout.closed:  # closed when the reader (head, less) went away in the middle
                sys.stdout.flush()
            return exit_code if isinstance(exit_code, int) else DONE
    except BrokenPipeError:
        # The reader (head, less) has gone; what was asked for was given.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except SystemExit:
        # Not standalone, click exits by itself only where the reader has gone.
        return DONE
    except (KeyboardInterrupt, click.Abort):
        click.echo("stopped", err=True)
        return REFUSED
    except Exception as problem:
        return _report(problem)


def _report(problem: Exception) -> int:
    if CONTEXT.debug and not isinstance(problem, click.ClickException):
        traceback.print_exception(problem)
    if isinstance(problem, click.ClickException):
        return line(_misuse(problem), MISUSED)
    if isinstance(problem, ConfigurationError | QueryError | NoRelease):
        return line(str(problem), MISUSED)
    if isinstance(problem, Refused | StoreError):
        return line(str(problem), REFUSED)
    if is_damage(problem):
        return line("the release is damaged; see: registry status --verify", REFUSED)
    if isinstance(problem, InternalFailure):
        return line(str(problem), BROKEN)
    if isinstance(problem, PermissionError) or getattr(problem, "errno", None) == errno.EROFS:
        where = f"{problem.filename}: " if isinstance(problem, OSError) and problem.filename else ""
        return line(f"{where}may not be read or written; check its owner and mode", MISUSED)
    if isinstance(problem, IsADirectoryError | NotADirectoryError) and problem.filename:
        kind = "a folder" if isinstance(problem, IsADirectoryError) else "no folder"
        return line(f"{problem.filename}: is {kind}; move away what lies in its place", REFUSED)
    if (refused := system_refusal(problem)) is not None:
        return line(f"{refused}; the release that was served still is", REFUSED)
    kind = type(problem).__name__
    return line(f"an internal error ({kind}); details, which may quote records: {_details(problem)}", BROKEN)


def _misuse(problem: click.ClickException) -> str:
    """What is wrong with a command line, and where help is."""
    context = getattr(problem, "ctx", None)
    where = context.command_path if context is not None else "registry"
    if isinstance(problem, click.NoSuchOption) and any(map(str.isspace, problem.option_name)):
        return f"what begins with a dash is taken for an option; write -- before it; see: {where} --help"
    return f"{problem.format_message().rstrip('.')}; see: {where} --help"


def line(message: str, code: int) -> int:
    """Tell something in one line; gives the exit code."""
    click.echo("registry: " + " ".join(message.split()), err=True)
    return code


def _details(problem: Exception) -> Path | str:
    """A private file with the traceback: in the home, else where temporary files go, else nowhere."""
    try:
        return record_private_details(open_home(CONTEXT.root), problem)
    except (ConfigurationError, OSError):
        try:
            handle, name = tempfile.mkstemp(prefix="registry-error-", suffix=".txt")
            with os.fdopen(handle, "w", encoding="utf-8") as out:
                traceback.print_exception(problem, file=out)
        except OSError:
            return "none could be written; run it again with --debug"
        return Path(name)
