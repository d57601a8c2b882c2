"""The asset graph as text that a person reviews: one line per asset, its group, what it is made from, its checks."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from registry_pipeline.core.home import make_home
from registry_pipeline.defs.graph import build_definitions

GRAPH = Path(__file__).with_name("asset_graph.txt")


def described(graph: Any) -> str:
    """Every asset in order of its key: ``key (group)``, then indented ``<- key`` and ``check name``."""
    checks: dict[Any, list[str]] = {}
    for check in graph.asset_check_keys:
        checks.setdefault(check.asset_key, []).append(check.name)
    lines = []
    for asset in sorted(graph.get_all_asset_keys(), key=lambda key: key.path):
        node = graph.get(asset)
        lines.append(f"{'/'.join(asset.path)} ({node.group_name})")
        lines += [
            f"  <- {'/'.join(parent.path)}" for parent in sorted(node.parent_keys, key=lambda key: key.path)
        ]
        lines += [f"  check {name}" for name in sorted(checks.get(asset, []))]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        home = make_home(Path(folder) / "home")
        definitions = build_definitions(home)
        GRAPH.write_text(described(definitions.resolve_asset_graph()), encoding="utf-8")
