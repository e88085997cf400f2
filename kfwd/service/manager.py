"""What every service manager can be asked."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from msgspec import Struct

from kfwd.paths import Paths


class Options(Struct, frozen=True, kw_only=True):
    """How the service is to be. `sockets`: the manager holds the control socket and starts the
    daemon when a command asks. `privileges`: login plugins may be set-user-ID programs.
    """

    sockets: bool = False
    privileges: bool = False


class Running(Struct, frozen=True, kw_only=True):
    """The service as its manager sees it: `state` in its own words, `pid` of the daemon."""

    enabled: bool
    state: str
    pid: int | None
    lingers: bool | None = None
    """Whether it goes on without a login; None where the manager knows no such thing."""


class Manager(Protocol):
    """A service manager of this user. Every call raises `NoManager` where none runs."""

    name: str

    @property
    def files(self) -> tuple[Path, ...]:
        """Every file that may be the service's; the first is there whenever it is installed."""

    def texts(self, paths: Paths, options: Options) -> Mapping[Path, str]:
        """What the files of a service with these folders say."""

    def serves(self, paths: Paths) -> bool:
        """Whether a service is installed that has these folders."""

    def check(self) -> None:
        """Raise `NoManager` if none answers."""

    def enable(self, options: Options) -> None:
        """Read the files again and start the service with every login from now on."""

    def start(self) -> None:
        """Start the service and wait until it serves."""

    def stop(self) -> None:
        """Stop what runs of it."""

    def disable(self) -> None:
        """Stop the service and start it no more."""

    def forget(self) -> None:
        """The files are gone."""

    def running(self) -> Running:
        """How it is now."""
