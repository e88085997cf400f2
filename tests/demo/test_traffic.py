"""Requests that are checked one by one, against small real servers."""

from __future__ import annotations

import hashlib
import http.server
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from kfwd.demo import traffic
from kfwd.demo.traffic import Download, Tally
from tests.ports import free_port

BODY = bytes(range(256)) * 1000


class Pod(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        short = self.path.startswith("/bytes/") and int(self.path[7:]) != len(BODY)
        page = f"pod=web-1 path={self.path} host=x".encode()
        body = BODY if self.path.startswith("/bytes/") else page
        self.send_response(500 if self.server.server_name == "broken" else 200)
        self.send_header("X-Pod", "web-1")
        self.send_header("Content-Length", str(len(body) + short))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


@contextmanager
def serving(name: str = "") -> Iterator[int]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Pod)
    server.server_name = name
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def answering(answer: Callable[[socket.socket], None]) -> Iterator[int]:
    """One connection, answered by a function."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                answer(connection)

        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        thread.join()


def test_a_page_tells_which_pod_answered() -> None:
    tally = Tally()
    with serving() as port:
        assert traffic.page(tally, port) == "web-1"
    assert (tally.requests, tally.failed) == (1, 0)


def test_a_wrong_status_and_a_refused_connection_are_failures() -> None:
    tally = Tally()
    with serving("broken") as port:
        assert traffic.page(tally, port) is None
    assert traffic.page(tally, free_port()) is None
    assert (tally.requests, tally.failed) == (2, 2)
    assert tally.reasons[0].startswith("Wrong: 500 ")
    assert tally.reasons[1].startswith("ConnectionRefusedError: ")


def test_a_download_is_hashed_and_one_that_is_cut_short_fails() -> None:
    tally, begun = Tally(), threading.Event()
    with serving() as port:
        good, short = Download(tally, port, len(BODY)), Download(tally, port, len(BODY) + 1)
        good.run(begun=begun)
        short.run()
    assert begun.is_set()
    assert good.sha256 == hashlib.sha256(BODY).hexdigest()
    assert (short.sha256, tally.failed) == ("", 1)


def echoing(change: bytes = b"") -> Callable[[socket.socket], None]:
    def answer(connection: socket.socket) -> None:
        left = 100_000
        while left and (data := connection.recv(65536)):
            connection.sendall(change.ljust(len(data)) if change else data)
            left -= len(data)

    return answer


def test_an_echo_is_compared_byte_by_byte() -> None:
    tally = Tally()
    with answering(echoing()) as port:
        traffic.echo(tally, port, 100_000)
    assert (tally.failed, tally.verified) == (0, 100_000)
    with answering(echoing(b"other")) as port:
        traffic.echo(tally, port, 100_000)
    assert (tally.failed, tally.verified) == (1, 100_000)


def counting(lie: bool) -> Callable[[socket.socket], None]:
    def answer(connection: socket.socket) -> None:
        with connection.makefile("rb") as file:
            data = file.read(int(file.readline()))
        digest = hashlib.sha256(b"" if lie else data).hexdigest()
        connection.sendall(f"{len(data)} {digest}\n".encode())

    return answer


def test_an_upload_is_what_the_pod_says_it_got() -> None:
    tally = Tally()
    for lie in (False, True):
        with answering(counting(lie)) as port:
            traffic.upload(tally, port, 100_000)
    assert (tally.requests, tally.failed, tally.verified) == (2, 1, 100_000)


def test_the_load_goes_on_until_its_end() -> None:
    tally, enough = Tally(), threading.Event()
    with serving() as port, traffic.load(tally, port, 1000) as pods:
        while tally.requests < 20:
            enough.wait(0.001)
    assert pods == {"web-1"}
    assert tally.failed == 0


def test_other_errors_are_not_hidden_among_failed_requests() -> None:
    with pytest.raises(ZeroDivisionError), Tally().request():
        raise ZeroDivisionError
