"""Records that hold secrets and never show them: not in logs, errors, tracebacks or a debugger."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from msgspec import Struct


class Guarded(Struct, frozen=True, kw_only=True):
    """A record whose representation shows only the fields named in `shown`.

    Other fields that are set appear as `***`, so that one still sees what kind of record it is.
    """

    shown: ClassVar[frozenset[str]] = frozenset()

    def __rich_repr__(self) -> Iterator[tuple[str, object]]:  # type: ignore[override]  # lazy
        for name in self.__struct_fields__:
            value = getattr(self, name)
            if name in self.shown:
                yield name, value
            elif value:
                yield name, "***"

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={value!r}" for name, value in self.__rich_repr__())
        return f"{type(self).__name__}({fields})"
