"""What takes the near end's way to the server, and how it comes back. While entered, it is away."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

from tests.frozen.netns import NEAR_NET, Path, ip

Outage = Callable[[], AbstractContextManager[None]]
DEFAULT = ("route", "add", "default", "via", f"{NEAR_NET}.1")


@contextlib.contextmanager
def route_lost() -> Iterator[None]:
    """The machine itself knows of no way."""
    ip("route", "del", "default")
    yield
    ip(*DEFAULT)


@contextlib.contextmanager
def dropped(path: Path) -> Iterator[None]:
    """A router elsewhere loses every packet: nothing on the machine tells."""
    path.freeze()
    yield
    path.thaw()


class AnotherAddress:
    """No address, then another one, as in another network: what came from the old one is lost."""

    def __init__(self) -> None:
        self._numbers = itertools.count(3)

    @contextlib.contextmanager
    def __call__(self) -> Iterator[None]:
        ip("addr", "flush", "dev", "way")
        yield
        ip("addr", "add", f"{NEAR_NET}.{next(self._numbers)}/24", "dev", "way")
        ip(*DEFAULT)
