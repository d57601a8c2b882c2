"""Settings and mappings that are no files: a line, and no reading that never ends."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from registry_pipeline.core.toml_source import ConfigurationError, read_toml


@pytest.mark.parametrize("kind", ["pipe", "device"])
def test_a_pipe_or_a_device_in_place_of_a_file_is_a_line(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "north.toml"
    if kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to("/dev/zero")
    with pytest.raises(ConfigurationError, match="is a pipe or a device"):
        read_toml(path)


@pytest.mark.parametrize("kind", ["folder", "circle"])
def test_a_folder_or_a_link_to_itself_is_a_line(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "north.toml"
    if kind == "folder":
        path.mkdir()
    else:
        path.symlink_to(path.name)
    with pytest.raises(ConfigurationError, match="cannot be read"):
        read_toml(path)
