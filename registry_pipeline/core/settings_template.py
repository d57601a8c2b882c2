"""A commented registry.toml in which every key stands with its default.

Belongs here: the text that ``registry init`` writes. Does not belong here: reading it (``core/settings_file.py``).
"""

from dataclasses import fields

from registry_pipeline.core.settings import SECTIONS, toml_text


def settings_template() -> str:
    """A commented registry.toml in which every key stands with its default."""
    lines = ["# The settings of this registry. Every key is optional; what stands here are the defaults.", ""]
    for section, made in SECTIONS.items():
        lines += [f"[{section}]"]
        for one in fields(made):
            mark = " (assumption)" if one.metadata["is_assumption"] else ""
            lines += [f"# {one.metadata['note']}{mark}", f"# {one.name} = {toml_text(one.default)}"]
        lines += [""]
    lines += [
        "# A rule's severity (error, warning, info, off) and thresholds:",
        "# [rules.M01]",
        '# severity = "warning"',
        "",
    ]
    return "\n".join(lines)
