"""The ``registry`` command.

Belongs here: the group and which commands are in it.
Does not belong here: the commands (``cli/run.py``, ``cli/decide.py``, ``cli/landing.py`` and ``cli/facility.py`` change a home,
``cli/query.py``, ``cli/releases.py`` and ``cli/report.py`` only look). Whatever is slow to import is imported inside the command
that needs it.
"""

import os
import sys
import warnings

import click

from registry_pipeline import __version__
from registry_pipeline.cli.context import run, shared_options
from registry_pipeline.cli.decide import decide
from registry_pipeline.cli.facility import facility
from registry_pipeline.cli.findings import decisions, findings, rule
from registry_pipeline.cli.landing import landing
from registry_pipeline.cli.operate import alerts, audit, backup, doctor, restore
from registry_pipeline.cli.queries import queries
from registry_pipeline.cli.query import sql, status
from registry_pipeline.cli.releases import releases
from registry_pipeline.cli.report import report
from registry_pipeline.cli.review import review
from registry_pipeline.cli.run import demo, dev, init, refresh, simulate
from registry_pipeline.cli.trace import trace


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@shared_options
@click.version_option(__version__, prog_name="registry")
def registry() -> None:
    """Raw hospital exports in, sealed and documented DuckDB releases out.

    Exit codes: 0 done, 1 refused (the old release is still served), 2 wrong use or configuration, 3 a bug.
    """


for command in (
    init,
    demo,
    facility,
    refresh,
    status,
    findings,
    decide,
    landing,
    decisions,
    rule,
    review,
    queries,
    sql,
    trace,
    releases,
    report,
    simulate,
    dev,
    doctor,
    alerts,
    backup,
    restore,
    audit,
):
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
    sys.exit(run(registry, sys.argv[1:]))


if __name__ == "__main__":
    main()
