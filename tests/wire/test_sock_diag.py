"""What a kernel (Linux 6.18) was asked and answered."""

from __future__ import annotations

import ipaddress
import struct
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kfwd.wire.sock_diag import Found, answer, question

pytestmark = pytest.mark.skipif(sys.byteorder != "little", reason="a little-endian kernel's words")

HERE = ipaddress.ip_address("127.0.0.1"), 0x9E18
THERE = ipaddress.ip_address("127.0.0.1"), 0x8E2B
ENDS = struct.pack(">HH", HERE[1], THERE[1]) + HERE[0].packed + bytes(12) + THERE[0].packed


def told(state: int, ends: bytes = ENDS, kind: int = 20) -> bytes:
    body = bytes((2, state, 0, 0)) + ends.ljust(36, b"\0") + bytes(12)
    body += struct.pack("=IIIII", 0, 0, 0, 1000, 5715481)
    return struct.pack("=IHHII", 16 + len(body), kind, 0, 0, 7652) + body


def test_one_socket_is_asked_for_by_both_its_ends() -> None:
    message = question(HERE, THERE)
    assert message[:24].hex() == "4800000014000100000000000000000002060000ffffffff"
    assert message[24:60] == ENDS.ljust(36, b"\0")
    assert len(message) == 72
    assert question((ipaddress.ip_address("::1"), 1), (ipaddress.ip_address("::1"), 2))[16] == 10


def test_an_answer_has_the_inode_and_the_user() -> None:
    assert answer(told(state=1), HERE, THERE) == Found(5715481, 1000)


def test_ipv4_within_an_ipv6_socket_is_the_same_address() -> None:
    mapped = bytes(10) + b"\xff\xff" + HERE[0].packed
    assert answer(told(1, ENDS[:4] + mapped + mapped), HERE, THERE) == Found(5715481, 1000)


@pytest.mark.parametrize(
    "data",
    [
        told(state=10),  # a listener on the port of the one that was asked for
        told(1, ENDS[2:4] + ENDS[:2] + ENDS[4:]),
        told(1, kind=2),  # an error: there is none
        told(1)[:80],
        b"",
    ],
)
def test_another_answer_is_none(data: bytes) -> None:
    assert answer(data, HERE, THERE) is None


@given(st.binary(max_size=200))
def test_no_answer_is_too_strange(data: bytes) -> None:
    answer(data, HERE, THERE)
