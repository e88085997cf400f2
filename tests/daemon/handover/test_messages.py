"""Frames and descriptors, in whatever pieces they come."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kfwd.api_handover import HANDOVER_PROTOCOL
from kfwd.daemon.handover.messages import (
    DESCRIPTORS_MAX,
    AnyMessage,
    Attached,
    Decoder,
    Held,
    Listening,
    Offered,
    Ready,
    Taken,
    Waiting,
    Yours,
    batches,
    encode,
)
from kfwd.errors import ProtocolError
from tests.daemon.records import wanted

ALL: list[tuple[AnyMessage, list[int]]] = [
    (Held(), [3, 4]),
    (Listening(("dev/web", "-/x")), [5, 6]),
    (Attached((wanted(),)), []),
    (Offered(), []),
    (Ready(), []),
    (Waiting((("dev/web", "127.0.0.1:80"),)), [7]),
    (Yours(), []),
    (Taken(), []),
]


@given(st.lists(st.integers(1, 60), min_size=1))
def test_every_message_comes_out_as_it_went_in(sizes: list[int]) -> None:
    data = b"".join(encode(message, len(numbers)) for message, numbers in ALL)
    decoder, found = Decoder(), []
    decoder.feed(b"", [number for _, numbers in ALL for number in numbers])
    for turn in range(len(data)):
        piece, data = data[: sizes[turn % len(sizes)]], data[sizes[turn % len(sizes)] :]
        decoder.feed(piece)
        while (message := decoder.take()) is not None:
            found.append(message)
    assert found == ALL


def test_another_version_is_refused_with_both_numbers() -> None:
    frame = bytearray(encode(Ready()))
    frame[4:6] = struct.pack("!H", HANDOVER_PROTOCOL + 1)
    decoder = Decoder()
    decoder.feed(bytes(frame))
    with pytest.raises(ProtocolError, match=f"{HANDOVER_PROTOCOL + 1} instead of"):
        decoder.take()


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        (b"GET / HTTP/1.1\r\n", "no handover"),
        (encode(Held(), 2), "descriptors are missing"),
        (encode(Ready()).replace(b"ready", b"bready"[:5]), "cannot be understood"),
        (struct.pack("!4sHHI", b"KFWD", HANDOVER_PROTOCOL, 251, 0), "no handover"),
        (struct.pack("!4sHHI", b"KFWD", HANDOVER_PROTOCOL, 0, 1 << 31), "no handover"),
    ],
)
def test_what_is_no_message_is_said_so(frame: bytes, said: str) -> None:
    decoder = Decoder()
    decoder.feed(frame)
    with pytest.raises(ProtocolError, match=said):
        decoder.take()


@given(st.binary(max_size=200))
def test_nothing_but_a_protocol_error_comes_of_noise(data: bytes) -> None:
    decoder = Decoder()
    decoder.feed(struct.pack("!4sHHI", b"KFWD", HANDOVER_PROTOCOL, 0, len(data)) + data)
    with pytest.raises(ProtocolError):
        decoder.take()


def test_no_message_has_more_than_250_descriptors() -> None:
    sizes = [len(part) for part in batches(range(600))]
    assert sizes == [DESCRIPTORS_MAX, DESCRIPTORS_MAX, 100]
    assert list(batches([])) == []
