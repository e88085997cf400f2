"""What is measured depends on what the server speaks; both sides run in turn."""

from __future__ import annotations

import os
import socket

import pytest

from kfwd.measure import cases
from kfwd.measure.cases import Sides
from kfwd.measure.processes import Forwarder
from kfwd.measure.speech import Kind
from tests.measure.servers import Handler, echo, greet, hang_up, pages, serving


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cases, "LISTEN_S", 0.2)


@pytest.mark.parametrize(
    ("handler", "kind"), [(pages, Kind.HTTP), (echo, Kind.ECHO), (greet, Kind.GREETING)]
)
def test_what_a_server_speaks_is_found(handler: Handler, kind: Kind) -> None:
    with serving(handler) as port:
        speech = cases.find_speech(port, "/")
    assert speech is not None
    assert speech.kind is kind


def test_a_server_that_answers_nothing_is_not_guessed_at() -> None:
    with serving(hang_up) as port:
        assert cases.find_speech(port, "/") is None


def test_every_case_of_http_is_measured_on_both_sides() -> None:
    body = bytes(cases.LARGE)

    def large(sock: socket.socket) -> None:
        while sock.recv(65536):
            sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)

    said: list[str] = []
    with serving(large) as ours, serving(large) as theirs:
        sides = Sides(Forwarder(os.getpid(), ours), Forwarder(os.getpid(), theirs))
        speech = cases.find_speech(ours, "/")
        assert speech is not None
        found = cases.measure(sides, speech, 1, 10, said.append)
    assert len(said) == 5
    assert all(each.kubectl is not None for each in found)
    assert {"download", "beside 8 stalled readers, p99"} <= {each.what for each in found}


def test_without_kubectl_there_are_figures_of_one_side() -> None:
    with serving(greet) as port:
        sides = Sides(Forwarder(os.getpid(), port), None)
        speech = cases.find_speech(port, "/")
        assert speech is not None
        found = cases.measure(sides, speech, 1, 10, lambda _: None)
    assert [each.ratio for each in found] == [None] * len(found)


def test_the_first_to_run_changes_every_turn() -> None:
    ours, theirs = Forwarder(1, 1), Forwarder(2, 2)
    sides = Sides(ours, theirs)
    assert [list(sides.each(turn)) for turn in (0, 1)] == [[theirs, ours], [ours, theirs]]
