"""Each format is declared where it is read, and told by what is declared."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import pytest

from registry_pipeline.intake.readers import ReadLimits
from registry_pipeline.intake.readers.formats import Format, formats
from registry_pipeline.intake.readers.model import ReadError
from registry_pipeline.intake.readers.sniff import sniff_format
from registry_pipeline.intake.readers.source import Source


def sniffed(data: bytes, suffix: str = ".dat") -> str:
    return sniff_format(Source(data, suffix), ReadLimits())


@pytest.mark.parametrize(
    ("name", "magic"), [(n, m) for n, f in formats().items() for m in f.magic if n != "zip"]
)
def test_the_first_bytes_of_a_format_tell_it_under_any_name(name: str, magic: bytes) -> None:
    assert sniffed(magic + bytes(64)) == name


@pytest.mark.parametrize("suffix", [suffix for entry in formats().values() for suffix in entry.suffixes])
def test_a_name_that_only_a_format_may_bear_is_not_read_as_text(suffix: str) -> None:
    with pytest.raises(ReadError, match="not such a file"):
        sniffed(b"a,b\n1,2\n", suffix)


def test_a_module_that_names_a_format_is_enough(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "toy.py").touch()
    toy = ModuleType("toy")
    toy.FORMATS = (Format("toy", lambda source, options: [], (b"TOY1",), (".toy",)),)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, f"{formats.__module__.rpartition('.')[0]}.toy", toy)
    monkeypatch.setattr(sys.modules[formats.__module__], "__file__", str(tmp_path / "formats.py"))
    formats.cache_clear()
    try:
        assert list(formats()) == ["toy"]
        assert sniffed(b"TOY1 and more") == "toy"
        with pytest.raises(ReadError, match=r"named \.toy but not such a file"):
            sniffed(b"a,b\n", ".toy")
    finally:
        formats.cache_clear()
