"""Targets by name, with their seeds and kept inputs."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Protocol, cast

from tests.fuzz import targets

CORPUS = Path(__file__).parent / "corpus"


class Target(Protocol):
    """A module in `targets`."""

    def seeds(self) -> Iterable[bytes]: ...

    def check(self, data: bytes) -> bool: ...


def names() -> list[str]:
    return sorted(module.name for module in pkgutil.iter_modules(targets.__path__))


def load(name: str) -> Target:
    return cast("Target", importlib.import_module(f"{targets.__name__}.{name}"))


def kept(name: str) -> Iterator[Path]:
    """The inputs in the repository."""
    return (path for path in sorted((CORPUS / name).glob("*")) if path.is_file())
