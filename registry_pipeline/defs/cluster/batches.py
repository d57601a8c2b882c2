"""The job that divides facilities among workers: plan, a batch after the other wherever there is room, collect.

Belongs here: its ops, how their outputs are kept. Does not belong here: the work (``pipeline/cluster/work.py``).
"""

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import dagster as dg

from registry_pipeline.core.files import write_json
from registry_pipeline.core.home import Home, open_home
from registry_pipeline.core.memory import bounded_memory
from registry_pipeline.defs.cluster.engine import executor_definition
from registry_pipeline.defs.console import quiet
from registry_pipeline.defs.guard import guarded
from registry_pipeline.pipeline.cluster.work import work_on

JOB = "facility_batches"
BATCHES_PER_WORKER = 4
"""Fewer leave workers idle at the end, more cost a message each."""


class JsonOutputs(dg.IOManager):
    """Outputs of ops as JSON in files that all machines see: ids of facilities and counts, never a record.

    They lie beside the history of runs, and go with their run.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def handle_output(self, context: dg.OutputContext, obj: Any) -> None:
        """Keep an output."""
        write_json(obj, self._path(context))

    def load_input(self, context: dg.InputContext) -> Any:
        """What an op above gave."""
        assert context.upstream_output is not None
        return json.loads(self._path(context.upstream_output).read_text(encoding="utf-8"))

    def _path(self, context: dg.OutputContext) -> Path:
        return self._folder.joinpath(*context.get_identifier()).with_suffix(".json")


@dg.op(config_schema={"batches": [[str]]}, out=dg.DynamicOut(list))
def plan(context: dg.OpExecutionContext) -> Iterator[dg.DynamicOutput[list[str]]]:
    """A piece of work for each batch of facilities."""
    for number, batch in enumerate(context.op_config["batches"], start=1):
        yield dg.DynamicOutput(batch, mapping_key=str(number))


@dg.op(
    config_schema={"refresh_id": str, "steps": [str], "force": bool},
    required_resource_keys={"home"},
    out=dg.Out(dict),
)
def judge(context: dg.OpExecutionContext, batch: list[str]) -> dict[str, int]:
    """Stage or screen a batch of facilities: facility -> number of rows."""
    home, config = context.resources.home, context.op_config
    with guarded(home), bounded_memory(home.settings().refresh.memory_limit):
        return work_on(home, config["refresh_id"], batch, config["steps"], config["force"])


@dg.op(out=dg.Out(dict))
def collect(batches: list[dict]) -> dict[str, int]:  # type: ignore[type-arg]
    """Facility -> number of rows, of all batches."""
    return {facility_id: n_rows for batch in batches for facility_id, n_rows in batch.items()}


@dg.graph
def facilities() -> None:
    """Every facility of a plan, wherever a worker is free."""
    collect(plan().map(judge).collect())


def facility_batches() -> dg.JobDefinition:
    """The job over the home that REGISTRY_HOME names: what a worker loads."""
    return batches_job(open_home(Path(os.environ["REGISTRY_HOME"])))


def batches_job(home: Home) -> dg.JobDefinition:
    """The job over a home."""
    return facilities.to_job(
        JOB,
        description="Facilities staged and screened by workers, as a part of a refresh.",
        resource_defs={
            "home": dg.ResourceDefinition.hardcoded_resource(home),
            "io_manager": dg.IOManagerDefinition.hardcoded_io_manager(
                JsonOutputs(home.root / "dagster" / "storage")
            ),
        },
        executor_def=executor_definition(home),
        logger_defs={"console": quiet},
    )


def run_config(
    refresh_id: str, facility_ids: Sequence[str], n_workers: int, steps: Sequence[str], force: bool
) -> dict[str, Any]:
    """What a run of the job is asked for: the batches, and for which refresh."""
    config: dict[str, Any] = {"refresh_id": refresh_id, "steps": list(steps), "force": force}
    divided = batches(facility_ids, n_workers * BATCHES_PER_WORKER)
    return {
        "ops": {"plan": {"config": {"batches": divided}}, "judge": {"config": config}},
        "loggers": {"console": {}},
    }


def batches(facility_ids: Sequence[str], n_batches: int) -> list[list[str]]:
    """Facilities divided into so many batches at most, in turn: neighbours in the alphabet are often alike in size."""
    divided = [list(facility_ids[first::n_batches]) for first in range(n_batches)]
    return [batch for batch in divided if batch]
