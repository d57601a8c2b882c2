"""The ``registry`` command.

Belongs here: the group; its commands are what the modules beside this one name in ``COMMANDS``.
Does not belong here: the commands (``cli/run.py``, ``cli/decide.py``, ``cli/landing.py`` and ``cli/facility.py`` change a home,
``cli/query.py``, ``cli/releases.py`` and ``cli/report.py`` only look). Whatever is slow to import is imported inside the command
that needs it.
"""

import os
import sys
import warnings
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import click

from registry_pipeline.cli.context import REFUSED, line, run, shared_options
from registry_pipeline.cli.streams import take_streams, why_not_written
from registry_pipeline.core.version import PACKAGE


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@shared_options
@click.version_option(package_name=PACKAGE, prog_name="registry")
def registry() -> None:
    """Raw hospital exports in, sealed and documented DuckDB releases out.

    Exit codes: 0 done, 1 refused (the old release is still served), 2 wrong use or configuration, 3 a bug.
    """


for module in iter_modules([str(Path(__file__).parent)]):
    if module.name != "main":
        for command in getattr(import_module(f"registry_pipeline.cli.{module.name}"), "COMMANDS", ()):
            registry.add_command(command)


def main() -> None:
    """Entry point: files are private from the first one on, and warnings are for developers."""
    if not sys.warnoptions:
        warnings.simplefilter("ignore")
        os.environ.setdefault("PYTHONWARNINGS", "ignore")  # of helper processes
    # OpenBLAS reads this once, when numpy is loaded. Its threads wait for the next product by spinning: over the many
    # small products of an analysis they cost a fifth of its CPU time and win none. Whoever sets it is heard.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    os.umask(0o077)
    answers = take_streams()
    code = run(registry, sys.argv[1:])
    if problem := why_not_written(answers):
        code = code or line(
            f"what was to be said could not be written ({problem}); nothing else has failed", REFUSED
        )
    sys.exit(code)


if __name__ == "__main__":
    main()
