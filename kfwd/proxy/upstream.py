"""Connections to servers, whatever carries them: what an exchange needs of one."""

from __future__ import annotations

from typing import Protocol

from msgspec import Struct

from kfwd.wire.http1 import Lines


class Receiver(Protocol):
    """Who gets what the server sends (as `kfwd.kube.pipe`)."""

    def data_received(self, data: memoryview) -> None:
        """`data` is valid only during the call."""

    def pipe_lost(self, error: Exception | None) -> None:
        """The connection ended: None for a clean end-of-file. Called once, not after `abort`."""

    def pause_writing(self) -> None: ...

    def resume_writing(self) -> None: ...


class Client(Struct, frozen=True):
    """Who asks, and where: `127.0.0.1:54321` or `unix`, and the listener's own address."""

    address: str
    listen: str

    @property
    def host(self) -> str:
        """The address alone, without brackets; empty for a unix socket."""
        return self.address.rpartition(":")[0].strip("[]")


class Upstream(Protocol):
    """A connection to a server, for one exchange at a time."""

    @property
    def prompt(self) -> bool:
        """Whether it may be let go of within the call that brought bytes of it."""

    @property
    def reused(self) -> bool:
        """Whether it has served another exchange before."""

    @property
    def where(self) -> str | None:
        """The pod at its end, once that is known."""

    def head(self, method: str, target: str, lines: Lines) -> bytes:
        """A request's head as this server gets it: with its own Host, credentials."""
        ...

    def attach(self, receiver: Receiver) -> None:
        """Say who gets what comes; before the first write."""

    def write(self, data: bytes | bytearray | memoryview) -> None: ...

    def finish(self) -> None:
        """Send no more. Where there is no half-close, this ends the connection."""

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...

    def again(self, status: int) -> bool:
        """Whether an answer with this status is worth asking once more on another connection."""
        ...

    def release(self, *, persistent: bool) -> None:
        """The exchange is complete; if the server is `persistent` it takes another one here."""

    def abort(self) -> None:
        """End at once. The receiver hears nothing more."""


class Upstreams(Protocol):
    """Where connections come from. Raises `KfwdError` when there is none within its time."""

    async def connect(self, client: Client, *, fresh: bool) -> Upstream:
        """A connection for `client`; `fresh`: one that served nobody before."""
        ...
