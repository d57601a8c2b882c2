"""What a run says on the terminal: one line per step, nothing else.

Belongs here: the console logger. Does not belong here: the event log, which Dagster keeps for its page.
"""

import logging
import sys

import dagster as dg

MEANING = {
    "landing__submission": "landing files",
    "staged": "reading and typing every source",
    "screened": "judging every record",
    "curated": "curated tables",
    "mart": "mart tables",
    "quality": "findings and accounting",
    "result": "estimates",
    "release": "building, proving and sealing the release",
    "proofs": "telling what was proved of each table",
}


class StepLines(logging.Handler):
    """Writes the name of a step when it starts."""

    def emit(self, record: logging.LogRecord) -> None:
        """One line for the start of a step; other events are for the event log only."""
        meta = getattr(record, "dagster_meta", {})
        event = meta.get("dagster_event")
        if event is not None and event.event_type == dg.DagsterEventType.STEP_START:
            sys.stderr.write(f"  {MEANING.get(event.step_key, event.step_key)} ...\n")
            sys.stderr.flush()


def _step_lines(_: dg.InitLoggerContext) -> logging.Logger:
    result = logging.Logger("registry")
    result.setLevel(logging.DEBUG)
    result.addHandler(StepLines())
    return result


step_lines = dg.LoggerDefinition(_step_lines, description="One line per step on the terminal.")


@dg.logger(config_schema={}, description="Nothing: another run's step waits for this one and says so.")
def quiet(_: dg.InitLoggerContext) -> logging.Logger:
    """A logger of nothing."""
    logger = logging.Logger("registry.quiet")
    logger.addHandler(logging.NullHandler())
    return logger
