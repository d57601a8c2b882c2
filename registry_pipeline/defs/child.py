"""A process of Dagster's that ends with the one that started it: ``python -m registry_pipeline.defs.child MODULE ...``.

Belongs here: watching the standard input, which the system closes when the parent dies, by kill -9 too.
Does not belong here: what the module does. An orphaned daemon would go on starting runs beside the next one.
"""

import os
import runpy
import signal
import sys
import threading


def _end_with_parent() -> None:
    while os.read(0, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def main() -> None:
    """Run the module that the arguments name."""
    os.umask(0o077)
    del sys.argv[0]
    threading.Thread(target=_end_with_parent, daemon=True).start()
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
