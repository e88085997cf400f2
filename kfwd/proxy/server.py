"""HTTP on the listeners of one entry: who may connect, and what is counted."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import UTC, datetime

from kfwd.api_model import RequestView
from kfwd.front.door import Door
from kfwd.front.users import Users
from kfwd.model import Bytes
from kfwd.proxy.connection import HttpConnection
from kfwd.proxy.decision import Answer, Handler, page
from kfwd.proxy.requests import RequestLog
from kfwd.wire.http1 import RequestHead

CONNECTIONS_MAX = 1024
FULL = page(503, f"{CONNECTIONS_MAX} connections are open already", close=True)

UNNOTED = nullcontext()


class HttpServer(Door[HttpConnection]):
    """`bind`, then every connection is served by `handler`, until `close`.

    `users` says whose connections are served, `log` gets what was asked, where that is wanted.
    """

    def __init__(
        self,
        name: str,
        handler: Handler,
        *,
        users: Users,
        log: RequestLog | None = None,
        on_accept: Callable[[], None] = lambda: None,
        connect: Callable[[HttpServer, socket.socket], HttpConnection] = HttpConnection,
    ) -> None:
        super().__init__(f"http {name}")
        self.handler = handler
        self._users = users
        self._log = log
        self._on_accept = on_accept
        self._connect = connect

    def cut(self) -> None:
        """End the connections there are; new ones are accepted as before."""
        for task in self.lives:
            task.cancel()

    async def refusal(self, sock: socket.socket) -> Answer | None:
        """What is said to a client that is not served, or None."""
        if len(self._served) > CONNECTIONS_MAX:
            return FULL
        if sock.family == socket.AF_UNIX:
            return None  # its file mode says who may connect
        refusal = await asyncio.to_thread(self._users.refusal, sock)
        return page(403, refusal, close=True) if refusal is not None else None

    def serving(
        self, connection: HttpConnection, head: RequestHead
    ) -> AbstractContextManager[None]:
        """The time in which a request is served; noted at its end, where that is wanted."""
        return UNNOTED if self._log is None else _noting(self._log, connection, head)

    def _connected(self, sock: socket.socket) -> HttpConnection:
        return self._connect(self, sock)

    def _told(self) -> None:
        self._on_accept()

    def leave(self) -> None:
        super().leave()
        for connection in self.connections:
            connection.leave()


@contextmanager
def _noting(log: RequestLog, connection: HttpConnection, head: RequestHead) -> Iterator[None]:
    began, now = datetime.now(UTC), asyncio.get_running_loop().time
    start, received, sent = now(), connection.received, connection.sent
    try:
        yield
    finally:
        exchange = connection.exchange
        log.note(
            RequestView(
                time=began,
                method=head.method,
                path=head.target.partition("?")[0],
                status=(exchange.status if exchange else 0) or connection.status,
                duration_ms=round((now() - start) * 1000, 1),
                bytes=Bytes(received=connection.received - received, sent=connection.sent - sent),
                pod=exchange.where if exchange else None,
                host=head.get("host") or None,
            )
        )
