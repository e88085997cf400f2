"""Whole frames out of bytes in any pieces."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kfwd.errors import ProtocolError
from kfwd.sim.framer import Framer
from kfwd.wire import spdy

SESSION = b"".join(
    [
        (encoder := spdy.Encoder()).syn_stream(1, {"streamtype": "error", "port": "80"}),
        spdy.data_header(1, 0, fin=True),
        encoder.syn_stream(3, {"streamtype": "data", "port": "80"}),
        spdy.data_header(3, 5) + b"hello",
        spdy.ping(1),
        spdy.data_header(3, 300, fin=True) + bytes(300),
        spdy.rst_stream(3, 5),
        spdy.goaway(0),
    ]
)
KINDS = [
    spdy.SynStream(1, {"streamtype": "error", "port": "80"}),
    spdy.Data(1, memoryview(b""), True),
    spdy.SynStream(3, {"streamtype": "data", "port": "80"}),
    spdy.Data(3, memoryview(b"hello"), False),
    spdy.Ping(1),
    spdy.Data(3, memoryview(bytes(300)), True),
    spdy.RstStream(3, 5),
    spdy.GoAway(0, 0),
]


def pull(framer: Framer, data: bytes) -> list[spdy.Frame]:
    framer.feed(memoryview(data))
    frames = []
    while (frame := framer.next()) is not None:
        frames.append(frame)
    return frames


@given(st.lists(st.integers(0, len(SESSION)), max_size=20))
def test_any_split_gives_the_same_whole_frames(cuts: list[int]) -> None:
    framer, frames, at = Framer(), [], 0
    for cut in [*sorted(cuts), len(SESSION)]:
        frames += pull(framer, SESSION[at:cut])
        at = cut
    assert frames == KINDS


def test_bytes_that_were_kept_survive_the_reuse_of_the_buffer() -> None:
    framer, buffer = Framer(), bytearray(SESSION)
    framer.feed(memoryview(buffer))
    first = framer.next()
    framer.keep()
    buffer[:] = bytes(len(buffer))
    frames = [first]
    while (frame := framer.next()) is not None:
        frames.append(frame)
    assert frames == KINDS


@pytest.mark.parametrize(
    "data",
    [
        spdy.data_header(0, 1) + b"x",
        spdy.control_header(spdy.SYN_STREAM, 1 << 20),
        spdy.control_header(5, 4) + bytes(4),
        spdy.control_header(spdy.PING, 4, flags=1) + bytes(4),
    ],
)
def test_what_go_does_not_read_ends_the_session(data: bytes) -> None:
    with pytest.raises(ProtocolError):
        pull(Framer(), data)
