"""A socket whose bytes go through TLS, for those who speak TLS on it themselves.

An `https://` proxy wants TLS, and the API server behind it wants TLS within that. OpenSSL speaks
the inner one on a socket, so the outer one is a pipe of its own, joined to one end of a pair of
sockets whose other end is the caller's. It costs two more copies, and a relay that ends with either
side; what is on the way has the bounds of the two pipes.
"""

from __future__ import annotations

import socket
import ssl

from kfwd.kube.pipe import Pipe, SocketPipe
from kfwd.kube.tls_pipe import TlsPipe


async def secured(
    sock: socket.socket, context: ssl.SSLContext, server_hostname: str
) -> socket.socket:
    """A non-blocking socket whose bytes are encrypted on `sock`, which goes with it.

    The caller owns the result. Raises `OSError` (`ssl.SSLError` is one) where the handshake fails.
    """
    outer = await TlsPipe.secured(sock, context, server_hostname)
    ours, theirs = socket.socketpair()
    try:
        for each in (ours, theirs):
            each.setblocking(False)
        inner = await SocketPipe.over(ours)
    except BaseException:
        outer.abort()
        theirs.close()
        raise
    outer.attach(_Way(inner))
    inner.attach(_Way(outer))
    return theirs


class _Way:
    """Receives from one pipe, for `target`."""

    def __init__(self, target: Pipe) -> None:
        self._target = target

    def data_received(self, data: memoryview) -> None:
        self._target.write(bytes(data))

    def pipe_lost(self, error: Exception | None) -> None:
        self._target.close()

    def pause_writing(self) -> None:
        """The pipe takes no more: nothing more is to come for it."""
        self._target.pause_reading()

    def resume_writing(self) -> None:
        self._target.resume_reading()
