"""Small servers on threads of their own, for clients that block."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator

Handler = Callable[[socket.socket], None]
PAGE = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"


@contextlib.contextmanager
def serving(handle: Handler) -> Iterator[int]:
    """The port of a server that runs `handle` for each connection, which it closes afterwards."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threads: list[threading.Thread] = []
        open_: list[socket.socket] = []

        def one(sock: socket.socket) -> None:
            with sock, contextlib.suppress(OSError):
                handle(sock)

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    sock, _ = listener.accept()
                    open_.append(sock)
                    threads.append(threading.Thread(target=one, args=(sock,)))
                    threads[-1].start()

        acceptor = threading.Thread(target=accept)
        acceptor.start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            acceptor.join()
            for sock in open_:
                with contextlib.suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)
            for thread in threads:
                thread.join()


def echo(sock: socket.socket) -> None:
    while data := sock.recv(65536):
        sock.sendall(data)


def pages(sock: socket.socket) -> None:
    while b"HTTP" in sock.recv(65536):
        sock.sendall(PAGE)


def greet(sock: socket.socket) -> None:
    sock.sendall(b"SSH-2.0-x\r\n")
    sock.recv(1)


def hang_up(sock: socket.socket) -> None:
    sock.recv(1)
