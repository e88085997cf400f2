"""Messages as the kernel lays them out, one after the other."""

from __future__ import annotations

import struct

import pytest

from kfwd.wire.netlink import OVERRUN, messages, request


def test_a_request_has_its_length_and_type_in_front() -> None:
    assert request(20, b"body!") == struct.pack("=IHHII", 21, 20, 1, 0, 0) + b"body!"


def test_the_next_message_begins_at_the_next_word() -> None:
    odd = request(20, b"odd")
    assert list(messages(odd + b"\0" + request(24, b"next"))) == [(20, b"odd"), (24, b"next")]
    assert list(messages(odd)) == [(20, b"odd")]


@pytest.mark.parametrize(
    "rest",
    [
        request(24, b"next")[:10],
        request(24, b"next")[:-1],
        struct.pack("=IHHII", 15, 24, 0, 0, 0),  # shorter than its own header
    ],
)
def test_what_is_cut_short_may_be_anything(rest: bytes) -> None:
    assert list(messages(request(20, b"good") + rest)) == [(20, b"good"), (OVERRUN, b"")]
