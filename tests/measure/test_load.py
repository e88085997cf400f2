"""Clients time what is answered and refuse what is wrong."""

from __future__ import annotations

import socket

import pytest

from kfwd.measure import load
from kfwd.measure.speech import Kind, Speech, http
from tests.measure.servers import PAGE, echo, hang_up, pages, serving

PAGES = Speech(Kind.HTTP, http("/"), repeats=True)


@pytest.mark.parametrize("at_once", [1, 4])
def test_every_connection_is_timed(at_once: int) -> None:
    with serving(echo) as port:
        times = load.first_answers(port, b"x", 9, at_once=at_once)
    assert len(times) == 9
    assert all(0 < took < 5 for took in times)


def test_a_connection_that_is_due_and_waits_counts_from_when_it_was_due() -> None:
    with serving(echo) as port:
        times = load.paced(port, b"x", 1e9, 5, at_once=1)
    assert times == sorted(times)


def test_no_answer_is_no_figure() -> None:
    with serving(hang_up) as port, pytest.raises(load.Broken, match="without an answer"):
        load.first_answer(port, b"x")


def test_a_ping_is_answered_whole() -> None:
    with serving(echo) as port:
        assert len(load.ping_pong(port, bytes(100_000), 100_000, 3)) == 3
    with serving(hang_up) as port, pytest.raises(load.Broken, match="in the middle"):
        load.ping_pong(port, b"x", 1, 1)


def test_kept_connections_are_asked_again_and_the_first_answers_do_not_count() -> None:
    asked: list[bytes] = []

    def count(sock: socket.socket) -> None:
        while data := sock.recv(65536):
            asked.append(data)
            sock.sendall(PAGE)

    with serving(count) as port:
        served = load.asked(port, PAGES, 3, 10, lambda: len(asked))
    assert (len(served.times), served.bytes, len(asked), served.cost) == (10, 50, 13, 10)


def test_an_answer_in_pieces_is_one_answer() -> None:
    def slow(sock: socket.socket) -> None:
        while sock.recv(65536):
            for index in range(len(PAGE)):
                sock.sendall(PAGE[index : index + 1])

    with serving(slow) as port:
        assert load.asked(port, PAGES, 1, 2).bytes == 10


@pytest.mark.parametrize(
    ("head", "says"),
    [(b"HTTP/1.1 502 Bad\r\n\r\n", "502"), (b"HTTP/1.1 200 OK\r\n\r\n", "how long")],
)
def test_an_answer_that_cannot_be_counted_is_refused(head: bytes, says: str) -> None:
    def answer(sock: socket.socket) -> None:
        sock.recv(65536)
        sock.sendall(head)
        sock.recv(1)

    with serving(answer) as port, pytest.raises(load.Broken, match=says):
        load.asked(port, PAGES, 1, 1)


def test_stalled_readers_are_there_until_the_block_ends() -> None:
    with serving(pages) as port, load.stalled_readers(port, http("/"), 2):
        assert load.first_answer(port, http("/")) > 0
