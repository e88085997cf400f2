"""What answers at a local port."""

from __future__ import annotations

import socket
import threading

import pytest

from kfwd.client import knock


@pytest.mark.parametrize(
    ("answer", "scheme"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", "http"),
        (
            b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.",
            "https",
        ),
        (b"\x15\x03\x03\x00\x02\x02\x46", "https"),
        (b"HEAD / HTTP/1.1\r\n", "tcp"),
        (b"-ERR unknown command\r\n", "tcp"),
        (b"", "tcp"),
    ],
)
def test_an_answer_tells_what_speaks_there(answer: bytes, scheme: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            taken, _ = server.accept()
            with taken:
                taken.recv(1024)
                taken.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            assert knock.scheme(f"localhost:{server.getsockname()[1]}") == scheme
        finally:
            thread.join()


def test_where_nothing_listens_nothing_speaks_http() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert knock.scheme(f"127.0.0.1:{port}") == "tcp"


def test_one_that_says_nothing_is_not_waited_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(knock, "ANSWER_S", 0.01)
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as server:
        assert knock.scheme(f"[::1]:{server.getsockname()[1]}") == "tcp"
