"""A real unix-socket HTTP server with answers made up beforehand, for tests of clients."""

from __future__ import annotations

import contextlib
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from kfwd import __version__
from kfwd.model import DaemonView, EntryView, PortView, Snapshot, utcnow
from tests.daemon import records

Answer = bytes | Callable[["Request", socket.socket], None]


class Request(msgspec.Struct, frozen=True):
    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body)


class StandIn:
    """Answers `METHOD /path` (without query) with what was set; remembers the requests."""

    def __init__(self, folder: Path, version: str = __version__) -> None:
        self.folder = folder
        self.version = version
        self.requests: list[Request] = []
        self.answers: dict[str, list[Answer]] = {}
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(folder / "kfwd.sock"))
        self._listener.listen()
        self._thread = threading.Thread(target=self._serve, name="stand-in")
        self._thread.start()

    def on(self, call: str, body: Any, status: int = 200) -> None:
        """Answer `call` with JSON; several answers are given in turn, the last for ever."""
        self.answers.setdefault(call, []).append(self.reply(msgspec.json.encode(body), status))

    def on_lines(self, call: str, *events: Any) -> None:
        """Answer `call` with JSON lines in chunks, then end."""
        self.on_raw(call, self.stream_head() + b"".join(map(chunk, events)) + b"0\r\n\r\n")

    def on_raw(self, call: str, answer: Answer) -> None:
        self.answers.setdefault(call, []).append(answer)

    def fail(self, call: str, status: int, **detail: Any) -> None:
        """Answer `call` with an error: `code`, `text`, `exit_code` and perhaps `hint`."""
        self.on(call, {"error": detail}, status)

    def reply(self, body: bytes, status: int = 200) -> bytes:
        head = f"HTTP/1.1 {status} X\r\nKfwd-Version: {self.version}\r\nContent-Length: {len(body)}"
        return head.encode() + b"\r\n\r\n" + body

    def stream_head(self) -> bytes:
        head = f"HTTP/1.1 200 OK\r\nKfwd-Version: {self.version}\r\nTransfer-Encoding: chunked"
        return head.encode() + b"\r\n\r\n"

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join(5)
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection, contextlib.suppress(OSError):
                connection.settimeout(5)
                self._answer(connection)

    def _answer(self, connection: socket.socket) -> None:
        with connection.makefile("rb") as file:
            line = file.readline().decode()
            if not line:
                return
            method, target, _ = line.split(" ")
            headers = {}
            while (header := file.readline().decode().strip()) != "":
                name, _, value = header.partition(":")
                headers[name.lower()] = value.strip()
            body = file.read(int(headers.get("content-length", 0)))
        request = Request(method, target, headers, body)
        self.requests.append(request)
        queue = self.answers.get(f"{method} {target.partition('?')[0]}")
        if queue is None:
            connection.sendall(self.reply(b"nothing here", 404))
            return
        answer = queue.pop(0) if len(queue) > 1 else queue[0]
        if callable(answer):
            answer(request, connection)
        else:
            connection.sendall(answer)


@contextlib.contextmanager
def standing_in(version: str = __version__) -> Iterator[StandIn]:
    """A stand-in in a folder of its own, short enough for a socket's path."""
    with tempfile.TemporaryDirectory(prefix="kfwd-") as folder:
        server = StandIn(Path(folder), version)
        try:
            yield server
        finally:
            server.close()


def chunk(event: Any) -> bytes:
    data = msgspec.json.encode(event) + b"\n"
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


def entry(id: str = "dev/web", **changes: Any) -> EntryView:
    """Ready since now, on both loopback addresses, in the context `kind`."""
    known: dict[str, Any] = {
        "context": "kind",
        "target": f"svc/{id.partition('/')[2]}",
        "ports": (PortView(listen=("127.0.0.1:8080", "[::1]:8080"), remote="http", port=80),),
        "endpoints": (),
        "since": utcnow(),
    }
    return records.entry(id, **(known | changes))


def snapshot(*entries: EntryView, **changes: Any) -> Snapshot:
    daemon = DaemonView(pid=1, version=__version__, started=utcnow(), socket="/run/kfwd.sock")
    known: dict[str, Any] = {"instance": "6f1c", "seq": 41, "daemon": daemon, "entries": entries}
    return Snapshot(**(known | changes))
