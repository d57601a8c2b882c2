"""TOML files whose errors name the file, the line and what to write.

Belongs here: reading a TOML file, finding the line of a key, :class:`ConfigurationError`.
Does not belong here: what the keys mean (``core/home.py``, ``intake/mapping/facility.py``).
"""

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomli

_HEADER = re.compile(r"^\s*\[(\[)?\s*([^\]]+?)\s*\]\]?\s*(#.*)?$")
_KEY = re.compile(r"""^\s*("[^"]*"|'[^']*'|[A-Za-z0-9_-]+(?:\s*\.\s*[A-Za-z0-9_-]+)*)\s*=""")


class ConfigurationError(Exception):
    """Wrong configuration, told in one line: file, line, what was found, what to write.

    Attributes:
        path: the file.
        line: physical line from 1, or None when the whole file is meant.
    """

    def __init__(self, path: Path, line: int | None, message: str) -> None:
        self.path, self.line, self.message = path, line, message
        super().__init__(f"{path}:{line}: {message}" if line else f"{path}: {message}")


@dataclass(frozen=True)
class TomlSource:
    """A parsed TOML file that still knows its lines.

    Attributes:
        path: where it was read from.
        data: the parsed content.
        text: the text as read.
    """

    path: Path
    data: dict[str, Any]
    text: str

    def error(self, keys: Iterable[str | int], message: str) -> ConfigurationError:
        """A configuration error at the line of ``keys`` (table names, array positions, key)."""
        return ConfigurationError(self.path, self.line_of(tuple(keys)), message)

    def line_of(self, keys: tuple[str | int, ...]) -> int | None:
        """The line on which ``keys`` is set; the nearest enclosing line if it has none of its own."""
        for length in range(len(keys), 0, -1):
            if (line := _find(self.text, keys[:length])) is not None:
                return line
        return None


def read_toml(path: Path) -> TomlSource:
    """Read a TOML file.

    Raises:
        ConfigurationError: the file is missing, is not UTF-8 or is not TOML.
    """
    if path.exists() and not (path.is_file() or path.is_dir()):  # reading a pipe or a device never ends
        raise ConfigurationError(path, None, "is a pipe or a device; write a file in its place")
    try:
        text = path.read_text(encoding="utf-8-sig")
        return TomlSource(path, tomli.loads(text), text)
    except FileNotFoundError:
        raise ConfigurationError(path, None, "the file does not exist") from None
    except UnicodeDecodeError:
        raise ConfigurationError(path, None, "the file is not UTF-8; save it as UTF-8") from None
    except OSError as problem:
        raise ConfigurationError(path, None, f"cannot be read ({problem.strerror})") from None
    except RecursionError:
        raise ConfigurationError(path, None, "is nested too deeply to be read") from None
    except tomli.TOMLDecodeError as problem:
        line = re.search(r"at line (\d+)", str(problem))
        message = re.sub(r"\s*\(at .*\)", "", str(problem))
        raise ConfigurationError(path, int(line[1]) if line else None, f"not valid TOML: {message}") from None
    except (ValueError, OverflowError):  # a number or a date that Python has no room for
        raise ConfigurationError(path, _line_that_fails(text), "holds a number that is too long") from None


def _line_that_fails(text: str) -> int | None:
    """The first line with more digits in a row than a number may have."""
    lines = enumerate(text.splitlines(), start=1)
    return next((number for number, line in lines if re.search(r"[0-9_]{4000}", line)), None)


def nearest(word: str, words: Iterable[str]) -> str:
    """``; did you mean 'X'?`` or the list of what is known."""
    choices = sorted(words)
    folded = {choice.casefold(): choice for choice in choices}
    close = difflib.get_close_matches(word.casefold(), folded, n=1, cutoff=0.5)
    if close:
        return f"; did you mean '{folded[close[0]]}'?"
    return f"; known: {', '.join(choices)}" if choices else ""


def _find(text: str, keys: tuple[str | int, ...]) -> int | None:
    """Line on which the table or key ``keys`` starts."""
    path_of_table: tuple[str | int, ...] = ()
    seen: dict[tuple[str | int, ...], int] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _HEADER.match(line):
            path_of_table = _resolve(_split(header[2]), bool(header[1]), seen)
            if path_of_table == keys:
                return number
        elif (key := _KEY.match(line)) and (*path_of_table, *_split(key[1])) == keys:
            return number
    return None


def _resolve(
    names: list[str], is_array: bool, seen: dict[tuple[str | int, ...], int]
) -> tuple[str | int, ...]:
    """Names of a header with the positions of the arrays of tables that they stand in."""
    path_of_table: tuple[str | int, ...] = ()
    for position, name in enumerate(names):
        path_of_table = (*path_of_table, name)
        is_last = position == len(names) - 1
        if is_last and is_array:
            seen[path_of_table] = seen.get(path_of_table, -1) + 1
            for inner in [
                inner_path
                for inner_path in seen
                if len(inner_path) > len(path_of_table) and inner_path[: len(path_of_table)] == path_of_table
            ]:
                del seen[inner]
        if path_of_table in seen and (not is_last or is_array):
            path_of_table = (*path_of_table, seen[path_of_table])
    return path_of_table


def _split(dotted: str) -> list[str]:
    parts = re.findall(r'"[^"]*"|\'[^\']*\'|[^.\s]+', dotted)
    return [part.strip("\"'") for part in parts]
