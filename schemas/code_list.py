"""What a code list is, and the register of all of them.

Belongs here: the class, and the two functions that make a list and enter it.
Does not belong here: the lists (``codes.py`` and ``code_lists_*.py``).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True)
class CodeList:
    """A closed list of codes.

    Attributes:
        name: what the list is called in ``meta.code`` and in the dictionary.
        labels: code -> label, in display order.
        source: the standard or document that the list is taken from.
    """

    name: str
    labels: Mapping[str, str]
    source: str

    def __deepcopy__(self, memo: object) -> "CodeList":
        return self  # immutable; pandera copies metadata deeply

    @property
    def codes(self) -> tuple[str, ...]:
        """The codes in display order."""
        return tuple(self.labels)

    @property
    def unknown(self) -> tuple[str, ...]:
        """The codes that say that nothing is known."""
        return tuple(code for code, label in self.labels.items() if label.lower().startswith(UNKNOWN))


UNKNOWN = ("unknown", "not known", "not stated", "undetermined")
CODE_LISTS: dict[str, CodeList] = {}


def code_list(name: str, source: str, **labels: str) -> CodeList:
    """Make a list whose codes are words, and enter it in ``CODE_LISTS``."""
    return code_map(name, source, labels)


def code_map(name: str, source: str, labels: Mapping[str, str]) -> CodeList:
    """Make a list whose codes are no words (numbers, signs), and enter it in ``CODE_LISTS``."""
    result = CodeList(name, MappingProxyType(dict(labels)), source)
    CODE_LISTS[name] = result
    return result
