"""Dagster's page, its daemon and the code of this project as one service: what ``registry dev`` starts.

Belongs here: the three processes, the page's protection, how they end.
Does not belong here: what runs (``graph.py``), who may talk to a page (``core/web_security.py``).

Dagster's own server answers any host and takes posts from any page, and anybody on the machine. Here its ASGI
application is wrapped before it is served, and the code server listens on a socket in a private folder.
"""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import dagster as dg
import uvicorn
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import GrpcServerTarget
from dagster_webserver.app import create_app_from_workspace_process_context

from registry_pipeline.core.files import StoreError, exclusive, write_text
from registry_pipeline.core.home import Home
from registry_pipeline.core.ownership import refuse_root
from registry_pipeline.core.web_security import AccessPolicy, ProtectedApp
from registry_pipeline.defs.abandoned import end_abandoned_runs
from registry_pipeline.defs.instance import instance_environment, open_instance

LOCATION = "registry_pipeline"
CODE = "registry_pipeline.definitions"
WATCH_SECONDS = 2.0
STOP_SECONDS = 20
START_SECONDS = 120
Echo = Callable[[str], object]
Process = subprocess.Popen[bytes]


def serve(home: Home, port: int, public_hosts: Sequence[str], echo: Echo) -> None:
    """Serve Dagster's page and run its daemon until SIGTERM or Ctrl-C.

    Args:
        home: the registry home.
        port: TCP port on 127.0.0.1.
        public_hosts: ``Host`` values of a reverse proxy in front of the page.
        echo: told the link that opens the page.

    Raises:
        StoreError: the port is taken, another service runs over this home, or one of the processes ended; or this
            process is root's and the home is not.
    """
    refuse_root(home.root)
    # A script's background job starts with SIGINT ignored, and Dagster ends by its handler.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    os.environ.update(instance_environment(home))
    with _only_service(home), _listening(port) as listener, open_instance(home, echo) as instance:
        end_abandoned_runs(instance, home, is_starting=True)
        with _children() as (children, target):
            policy = AccessPolicy(port, tuple(public_hosts))
            with _link_in_file(home, policy) as path:
                echo(f"{policy.launch_url} over {home.root} (also in {path}); stop with Ctrl-C")
                _serve_page(instance, target, policy, listener, children)


@contextmanager
def _only_service(home: Home) -> Iterator[None]:
    """Two daemons over one history would start everything twice."""
    try:
        with exclusive(home.root / "dagster"):
            yield
    except StoreError as problem:
        if "another refresh" not in str(problem):
            raise
        raise StoreError(f"{home.root}: registry dev runs over this home already") from None


@contextmanager
def _listening(port: int) -> Iterator[socket.socket]:
    """The port, taken before anything is started."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
        except OSError as problem:
            raise StoreError(
                f"port {port} on 127.0.0.1 cannot be used ({problem.strerror}); give another --port"
            ) from None
        yield listener


@contextmanager
def _link_in_file(home: Home, policy: AccessPolicy) -> Iterator[Path]:
    """The link in a private file, for who has no terminal of the service."""
    path = write_text(policy.launch_url + "\n", home.root / "dagster" / "page.url")
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


@contextmanager
def _children() -> Iterator[tuple[list[Process], GrpcServerTarget]]:
    """The code server and the daemon; both end when this process does, however it ends."""
    with tempfile.TemporaryDirectory() as folder:  # private, and short enough for the address of a socket
        yield from _start_children(Path(folder))


def _start_children(folder: Path) -> Iterator[tuple[list[Process], GrpcServerTarget]]:
    address, workspace = folder / "code.sock", folder / "workspace.yaml"
    workspace.write_text(
        f"load_from:\n  - grpc_server:\n      socket: {address}\n      location_name: {LOCATION}\n"
    )
    children: list[Process] = []
    try:
        children.append(_start("dagster", "code-server", "start", "-m", CODE, "-s", str(address),
                               "--location-name", LOCATION, "--log-level", "warning",
                               "--use-python-environment-entry-point"))  # fmt: skip
        _await_socket(address, children[0])
        children.append(_start("dagster._daemon", "run", "-w", str(workspace), "--log-level", "warning"))
        yield children, GrpcServerTarget("localhost", None, str(address), LOCATION)
    finally:
        _stop(children)


def _start(module: str, *arguments: str) -> Process:
    command = [sys.executable, "-m", "registry_pipeline.defs.child", module, *arguments]
    return subprocess.Popen(command, stdin=subprocess.PIPE)


def _stop(children: Sequence[Process]) -> None:
    for child in reversed(children):
        with suppress(ProcessLookupError):
            child.terminate()
    for child in reversed(children):
        try:
            child.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def _await_socket(address: Path, child: Process) -> None:
    """Until the code server answers."""
    for _ in range(START_SECONDS * 10):
        with socket.socket(socket.AF_UNIX) as client, suppress(OSError):
            client.connect(str(address))
            return
        with suppress(subprocess.TimeoutExpired):
            child.wait(0.1)
            break
    raise StoreError("the definitions could not be loaded; what the code server said stands above")


def _serve_page(
    instance: dg.DagsterInstance,
    target: GrpcServerTarget,
    policy: AccessPolicy,
    listener: socket.socket,
    children: Sequence[Process],
) -> None:
    with WorkspaceProcessContext(instance, target) as workspace:
        app = ProtectedApp(create_app_from_workspace_process_context(workspace), policy)
        config = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=3, server_header=False)
        server = uvicorn.Server(config)
        ended: list[Process] = []
        threading.Thread(target=_stop_with_children, args=(server, children, ended), daemon=True).start()
        with suppress(KeyboardInterrupt):  # uvicorn raises its signal again when it has ended
            server.run(sockets=[listener])
    if ended:
        raise StoreError(
            f"a process of Dagster's ended by itself (exit code {ended[0].returncode}); the others were stopped"
        )


def _stop_with_children(server: uvicorn.Server, children: Sequence[Process], ended: list[Process]) -> None:
    """Without its daemon or its code the page is of no use."""
    while not server.should_exit:
        time.sleep(WATCH_SECONDS)
        ended += [child for child in children if child.poll() is not None and not server.should_exit]
        server.should_exit = server.should_exit or bool(ended)
