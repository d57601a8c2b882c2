"""A part of a TOML file that is read key by key; every mistake names its line.

Belongs here: typed access to keys and the errors that all parts share.
Does not belong here: what any key means (``facility.py``, ``intake/mapping/source.py``, ``intake/mapping/table.py``).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from registry_pipeline.core.toml_source import ConfigurationError, TomlSource, nearest


@dataclass(frozen=True)
class Section:
    """One table of a TOML file.

    Attributes:
        toml: the file.
        keys: the path of the table in the file.
        data: its content.
        title: how errors call it.
    """

    toml: TomlSource
    keys: tuple[str | int, ...]
    data: dict[str, Any]
    title: str

    def error(self, message: str, *more: str | int) -> ConfigurationError:
        """A configuration error at the line of a key of this table, or of the table."""
        return self.toml.error([*self.keys, *more], message)

    def refuse_unknown(self, allowed: Collection[str]) -> None:
        """Raise for the first key that is not known, naming the nearest that is."""
        for key in self.data:
            if key not in allowed:
                raise self.error(f"unknown key '{key}' in {self.title}{nearest(key, allowed)}", key)

    def has(self, name: str) -> bool:
        """Whether the key is given."""
        return name in self.data

    def text(self, name: str, default: str | None = None) -> str:
        """A text that is not empty; required when it has no default."""
        value = self.data.get(name, default)
        if value is None:
            raise self.error(f'{self.title} needs {name} = "…"')
        if not isinstance(value, str) or (not value.strip() and value != default):
            raise self.error(f"'{name}' must be a text in quotes", name)
        return value

    def optional_text(self, name: str) -> str | None:
        """A text, or None when the key is absent."""
        return self.text(name) if self.has(name) else None

    def texts(self, name: str, default: Iterable[str] = ()) -> tuple[str, ...]:
        """A list of texts; a single text counts as a list of one."""
        value = self.data.get(name, list(default))
        if isinstance(value, str):
            value = [value]
        if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
            raise self.error(f'\'{name}\' must be a list of texts, such as ["a", "b"]', name)
        return tuple(value)

    def counts(self, name: str) -> tuple[int, ...]:
        """A list of row numbers from 1; a single number counts as a list of one."""
        value = self.data.get(name, [])
        value = value if isinstance(value, list) else [value]
        if not all(isinstance(count, int) and not isinstance(count, bool) and count >= 1 for count in value):
            raise self.error(f"'{name}' must be row numbers from 1, such as [1, 2]", name)
        return tuple(value)

    def count(self, name: str, default: int = 0) -> int:
        """A whole number that is not negative."""
        value = self.data.get(name, default)
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise self.error(f"'{name}' must be a whole number, 0 or more", name)
        return value

    def flag(self, name: str) -> bool | None:
        """true, false, or None when the key is absent."""
        value = self.data.get(name)
        if value is not None and not isinstance(value, bool):
            raise self.error(f"'{name}' must be true or false (without quotes)", name)
        return value

    def choice(self, name: str, choices: Collection[str], default: str | None = None) -> Any:
        """One of several words; None when the key is absent and has no default."""
        value = self.data.get(name, default)
        if value is not None and value not in choices:
            raise self.error(f"'{name}' must be one of {', '.join(choices)}", name)
        return value

    def section(self, name: str, title: str | None = None) -> Section:
        """A table below this one; empty when absent."""
        value = self.data.get(name, {})
        if not isinstance(value, dict):
            raise self.error(f"'{name}' must be a table: write [{'.'.join([*self._names(), name])}]", name)
        return Section(self.toml, (*self.keys, name), value, title or f"[{name}]")

    def sections(self, name: str, title: str) -> list[Section]:
        """The members of an array of tables below this one."""
        value = self.data.get(name, [])
        if not isinstance(value, list) or not all(isinstance(member, dict) for member in value):
            raise self.error(f"'{name}' must be written as [[{'.'.join([*self._names(), name])}]]", name)
        return [
            Section(self.toml, (*self.keys, name, position), content, title)
            for position, content in enumerate(value)
        ]

    def named(self, title: str) -> Section:
        """The same table under another title."""
        return Section(self.toml, self.keys, self.data, title)

    def _names(self) -> list[str]:
        return [key for key in self.keys if isinstance(key, str)]
