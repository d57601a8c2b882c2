"""The data manager's desk: pages over 100,000 open findings, and from a corrected file to its findings.

Belongs here: a registry with many findings, asking its pages as a browser does, a file that arrives.
Does not belong here: the pages. The findings are those of a simulated registry, repeated on records of other keys
until there are as many as wanted; the findings and the patient that single pages show are real ones.
"""

from __future__ import annotations

import http.client
import os
import re
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl

from benchmarks.measuring import COMMAND, QUICK_SETTINGS, ROOT, Figure
from registry_pipeline.core.files import read_hashed_json, sha256_of, write_hashed_json
from registry_pipeline.core.home import Home, make_home
from registry_pipeline.core.working_files import STEP_NOTE
from registry_pipeline.intake.landing.ledger import landed_path
from registry_pipeline.pipeline import screening, staging
from registry_pipeline.pipeline.context import read_context
from registry_pipeline.pipeline.refresh import take_in
from registry_pipeline.pipeline.suggestions import make_suggestions
from registry_pipeline.simulate.population.write import write_simulation
from registry_pipeline.stewardship.decide import Order, decide
from registry_pipeline.stewardship.findings import take_snapshot

PAGE_SECONDS, FILE_SECONDS, FILES = 0.05, 5.0, 3


def benchmark(
    out: Path,
    findings: int = 100_000,
    facilities: int = 40,
    patients: int = 2_000,
    senders: int = 50,
    repeats: int = 15,
    judged: Path | None = None,
) -> list[Figure]:
    """Every page under 50 ms (median), a corrected file of one facility on the desk in 5 s.

    Args:
        patients: of each facility of the registry that a file comes to.
        senders: facilities of that registry; all of them are judged before, which takes minutes.
        judged: that registry, where it is there already; it is made anew by default.
    """
    with tempfile.TemporaryDirectory(dir=out) as folder:
        return [
            *_pages(Path(folder) / "many", findings, facilities, repeats),
            _file_to_findings(judged or Path(folder) / "file", patients, senders, FILES),
        ]


def _judged_home(root: Path, patients: int, facilities: int) -> Home:
    """A home whose facilities are judged; without a release, which the desk does not need."""
    home = make_home(root)
    home.settings_file.write_text(QUICK_SETTINGS, encoding="utf-8")
    write_simulation(patients, facilities, 7, root, 0.5, False)
    take_in(home)
    context = read_context(home)
    for facility_id in context.facility_ids:
        staging.stage(context, facility_id)
        screening.screen(context, facility_id)
    make_suggestions(context)
    return home


def _repeat_findings(home: Home, wanted: int) -> int:
    """Repeat each facility's findings on further records until there are as many as wanted; how many there are."""
    context, n_all = read_context(home), 0
    for facility_id in context.facility_ids:
        path = context.layout.screened_frame(facility_id, "findings")
        own = pl.read_parquet(path).filter(pl.col("systemic_finding_id").is_null())
        share = -(-wanted // len(context.facility_ids))
        parts = [own]
        for number in range(1, -(-share // own.height)):
            further = (pl.lit(f"{number}#"), pl.col("finding_id"))
            key = pl.col("record_key") + f"#{number}"
            parts.append(
                own.with_columns(pl.concat_str(further).alias("finding_id"), key.alias("record_key"))
            )
        whole = pl.concat(parts).head(share)
        whole.write_parquet(path)
        note = path.parent / STEP_NOTE
        content = read_hashed_json(note)
        content["files"][path.name] = sha256_of(path)
        write_hashed_json(content, note)
        n_all += whole.height
    return n_all


@contextmanager
def _page(home: Home) -> Iterator[tuple[int, str, int]]:
    """The running page: its port, its cookie and its process."""
    command = [*COMMAND, "--home", str(home.root), "review", "--no-browser"]
    server = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        link = next(line.strip() for line in server.stdout if "http://" in line)
        port = int(re.search(r":(\d+)/", link)[1])  # type: ignore[index]
        connection = http.client.HTTPConnection("127.0.0.1", port)
        connection.request("GET", link[link.index("/?") :])
        yield port, connection.getresponse().getheader("set-cookie", "").partition(";")[0], server.pid
    finally:
        server.terminate()
        server.wait()


def _pages(root: Path, findings: int, facilities: int, repeats: int) -> list[Figure]:
    home = _judged_home(root, facilities * 12, facilities)
    n_findings = _repeat_findings(home, findings)
    row = take_snapshot(home).findings.drop_nulls(["patient_id", "source_row"]).row(0, named=True)
    addresses = {
        "where we stand": "/",
        "list": "/findings",
        "list, filtered": f"/findings?facility={row['facility_id']}&severity=error&page=2",
        "list, text": "/findings?text=death",
        "by cause": "/by/cause",
        "by rule": "/by/rule",
        "one finding": f"/finding/{row['finding_id']}",
        "one patient": f"/patient/{row['patient_id']}",
    }
    figures = []
    with _page(home) as (port, cookie, process):
        connection = http.client.HTTPConnection("127.0.0.1", port)
        _seconds(connection, "/", cookie)  # the first one reads the findings
        for name, address in addresses.items():
            before = _cpu_seconds(process)
            taken = [_seconds(connection, address, cookie) for _ in range(repeats)]
            cpu = (_cpu_seconds(process) - before) / repeats
            parts = {"findings": n_findings, "largest_ms": round(max(taken) * 1000, 1)}
            wall = statistics.median(taken)
            figures.append(Figure(f"desk: {name}", wall, cpu, 0.0, target=PAGE_SECONDS, parts=parts))
        snapshot = take_snapshot(home)
        decide(home, snapshot.findings.head(1), Order("remark", "seen", "a benchmark"))
        figures.append(
            Figure(
                "desk: first page after a decision",
                _seconds(connection, "/findings", cookie),
                float("nan"),
                0.0,
            )
        )
    return figures


def _cpu_seconds(process: int) -> float:
    """CPU time that a process has used, of all its threads; on a machine in use it says more than the clock."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _seconds(connection: http.client.HTTPConnection, address: str, cookie: str) -> float:
    started = time.perf_counter()
    _body(connection, address, cookie)
    return time.perf_counter() - started


def _file_to_findings(root: Path, patients: int, senders: int, repeats: int) -> Figure:
    """From a file of one facility among many, dropped into its inbox, to its finding on the open page.

    Each time a cell is spoilt that was good, and the page must show it.
    """
    home = Home(root) if root.is_dir() else _judged_home(root, senders * patients, senders)
    facility_id = home.facility_ids()[0]
    taken, n_findings = [], 0
    with _page(home) as (port, cookie, process):
        connection = http.client.HTTPConnection("127.0.0.1", port)
        _seconds(connection, "/findings", cookie)  # the first one reads the findings
        before = _cpu_seconds(process)
        for _ in range(repeats):
            spoilt = f"spoilt at {time.time_ns()}"
            _drop(home, facility_id, spoilt)
            started = time.perf_counter()
            _judge(connection, port, cookie)
            page = _body(connection, f"/findings?text={spoilt.replace(' ', '+')}", cookie)
            taken.append(time.perf_counter() - started)
            n_findings = page.count('name="id"')
            if n_findings != 1 or spoilt not in page:
                raise RuntimeError("the finding of the dropped file is not on the page")
        cpu = (_cpu_seconds(process) - before) / repeats
    n_all = take_snapshot(home).findings.height
    parts = {
        "patients": senders * patients, "facilities": senders, "findings": n_all, "largest_s": round(max(taken), 2)
    }  # fmt: skip
    wall = statistics.median(taken)
    return Figure("desk: from a file to its findings", wall, cpu, 0.0, target=FILE_SECONDS, parts=parts)


def _drop(home: Home, facility_id: str, spoilt: str) -> None:
    """The facility's file of tumours again, one stage of it spoilt."""
    ledger = read_context(home).ledgers[facility_id]
    entry = next(entry for entry in reversed(ledger) if entry.source_file.startswith("tumours"))
    header, *lines = landed_path(home, entry).read_text(encoding="utf-8").splitlines()
    column = header.split(",").index("figo_stage")
    cells = lines[0].split(",")
    cells[column] = spoilt
    text = "\n".join([header, ",".join(cells), *lines[1:]]) + "\n"
    name = f"tumours_{spoilt.rpartition(' ')[2]}.csv"
    (home.inbox / facility_id / name).write_text(text, encoding="utf-8")


def _judge(connection: http.client.HTTPConnection, port: int, cookie: str) -> None:
    """Press the button that judges the inbox."""
    token = re.search(r'name="csrf" value="([^"]+)"', _body(connection, "/", cookie))
    if token is None:
        raise RuntimeError("the page has no form")
    headers = {
        "Cookie": cookie,
        "Origin": f"http://127.0.0.1:{port}",
        "Content-Type": "application/x-www-form-urlencoded",
    }
    connection.request("POST", "/screen", f"csrf={token[1]}", headers)
    answer = connection.getresponse()
    body = answer.read()
    if answer.status != 303:
        raise RuntimeError(f"/screen: {answer.status} {body[:200]!r}")


def _body(connection: http.client.HTTPConnection, address: str, cookie: str) -> str:
    connection.request("GET", address, headers={"Cookie": cookie})
    answer = connection.getresponse()
    body = answer.read().decode()
    if answer.status != 200:
        raise RuntimeError(f"{address}: {answer.status} {body[:200]!r}")
    return body
