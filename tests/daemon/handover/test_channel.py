"""Messages and descriptors over a real socket."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from kfwd.daemon.handover.channel import Channel
from kfwd.daemon.handover.messages import Listening, Offered, Ready, Taken, Yours
from kfwd.errors import ProtocolError

Pair = tuple[Channel, Channel]


@pytest.fixture
def pair() -> Iterator[Pair]:
    one, other = socket.socketpair()
    channels = Channel(one, 5), Channel(other, 5)
    yield channels
    for channel in channels:
        channel.close()


def test_descriptors_arrive_in_order_and_lead_to_the_same_files(pair: Pair) -> None:
    pipes = [os.pipe() for _ in range(250)]
    names = tuple(str(number) for number in range(250))
    for _ in range(2):
        pair[0].send(Listening(names), [read for read, _ in pipes])
    pair[0].send(Offered())
    for _ in range(2):
        message, numbers = pair[1].receive()
        assert message == Listening(names)
        for number, (read, _) in zip(numbers, pipes, strict=True):
            assert os.path.samestat(os.fstat(number), os.fstat(read))
            assert not os.get_inheritable(number)
            os.close(number)
    assert pair[1].receive() == (Offered(), [])
    for read, write in pipes:
        os.close(read)
        os.close(write)


def test_an_end_is_an_error(pair: Pair) -> None:
    pair[0].close()
    with pytest.raises(ConnectionResetError):
        pair[1].receive()


def test_closing_ends_a_wait_in_a_thread(pair: Pair) -> None:
    errors: list[OSError] = []

    def wait() -> None:
        try:
            pair[1].receive()
        except OSError as error:
            errors.append(error)

    waiting = threading.Thread(target=wait)
    waiting.start()
    pair[1].close()
    waiting.join(2)
    assert not waiting.is_alive()
    assert len(errors) == 1


class Slow(socket.socket):
    """One whose process is held up after each `sendmsg` until the other side has gone on."""

    def sendmsg(self, *args: Any) -> int:
        sent = super().sendmsg(*args)
        self.gone_on()
        return sent

    gone_on: Callable[[], None]


def test_a_message_that_was_answered_was_sent_though_the_other_side_has_hung_up() -> None:
    one, other = socket.socketpair()
    slow = Slow(fileno=one.detach())
    old, new = Channel(slow, 5), Channel(other, 5)

    def answer_and_hang_up() -> None:
        new.expect(Yours)
        new.send(Taken())
        new.close()

    slow.gone_on = answer_and_hang_up
    old.send(Yours())
    assert old.expect(Taken) == Taken()
    old.close()


def test_silence_ends_a_wait() -> None:
    one, other = socket.socketpair()
    channel = Channel(one, 0.05)
    with pytest.raises(TimeoutError):
        channel.receive()
    channel.close()
    other.close()


def test_another_message_than_expected_is_an_error(pair: Pair) -> None:
    pair[0].send(Ready())
    with pytest.raises(ProtocolError, match="Ready instead of Taken"):
        pair[1].expect(Taken)


def test_what_was_not_taken_is_closed(pair: Pair) -> None:
    read, write = os.pipe()
    pair[0].send(Listening(("a", "b")), [read, write])
    with pytest.raises(ProtocolError):
        pair[1].expect(Taken)
    os.close(read)
    os.close(write)
