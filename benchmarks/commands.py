"""What a person waits for at the terminal: the demonstration, and commands that only look.

Belongs here: running the installed command as a person would. Does not belong here: the commands.
"""

import sys
import tempfile
from pathlib import Path

from benchmarks.measuring import COMMAND, Figure, figure, run_command

HEAVY = ("dagster", "lifelines", "pandas", "polars", "scipy", "matplotlib")
_IMPORTED = """
import sys
from registry_pipeline.cli import main as cli
sys.argv = ["registry", *sys.argv[1:]]
try:
    cli.main()
finally:
    open({path!r}, "w").write(" ".join(sorted(set({heavy!r}) & set(sys.modules))))
"""


def benchmark(out: Path, repeats: int = 3, demo: bool = True) -> list[Figure]:
    """``--help`` and ``status`` under a second, a refresh with nothing new under three, the demo under sixty."""
    figures = []
    with tempfile.TemporaryDirectory(dir=out) as folder:
        home = f"{folder}/home"
        if demo:
            figures.append(figure("registry demo", [run_command([*COMMAND, "demo", home])], target=60.0))
        else:
            run_command([*COMMAND, "--home", home, "init"])
        asked = (
            {"--help": ["--help"], "status": ["--home", home, "status"]} if demo else {"--help": ["--help"]}
        )
        for name, words in asked.items():
            run_command([*COMMAND, *words])
            taken = [run_command([*COMMAND, *words]) for _ in range(repeats)]
            parts = {"imports": imported(Path(folder), words)}
            figures.append(figure(f"registry {name}", taken, target=1.0, parts=parts))
        if demo:
            again = [run_command([*COMMAND, "--home", home, "refresh"]) for _ in range(repeats)]
            figures.append(figure("registry refresh, nothing new", again, target=3.0))
    return figures


def imported(folder: Path, words: list[str]) -> list[str]:
    """Which of the heavy packages a command imports."""
    path = folder / "imported"
    script = _IMPORTED.format(heavy=HEAVY, path=str(path))
    run_command([sys.executable, "-c", script, *words])
    return path.read_text().split()
