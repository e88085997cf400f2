from __future__ import annotations

import tracemalloc
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kfwd.errors import WebSocketError
from kfwd.wire import websocket as ws
from kfwd.wire.mask import apply_mask
from kfwd.wire.websocket import Binary, Close, Decoder, Event, Ping, Pong, Text
from tests.wire.pieces import cuts, pieces

MASK = b"\x11\x82\xf3\x04"
MASKS = st.binary(min_size=4, max_size=4)


def frame(opcode: int, payload: bytes, *, fin: bool = True, mask: bytes | None = None) -> bytes:
    masked = apply_mask(payload, mask) if mask else payload
    return ws.encode_frame(opcode, len(payload), mask, fin) + masked


class Log:
    """Events written down at once, since their payloads do not last, with messages joined.

    A message, or as much of it as came, is (kind, bytes, whether that was all).
    """

    def __init__(self) -> None:
        self.events: list[Event | tuple[str, bytes, bool]] = []
        self._payload: bytes | None = None

    def note(self, events: Iterable[Event]) -> None:
        for event in events:
            if isinstance(event, Binary | Text):
                self._piece(event)
            else:
                self.events.append(event)

    def _piece(self, piece: Binary | Text) -> None:
        assert piece.first == (self._payload is None)
        self._payload = (self._payload or b"") + bytes(piece.payload)
        if piece.last:
            self.events.append((type(piece).__name__, self._payload, True))
            self._payload = None

    def all(self) -> list[Event | tuple[str, bytes, bool]]:
        rest = [] if self._payload is None else [("under way", self._payload, False)]
        return [*self.events, *rest]


def decode(
    data: bytes, sizes: list[int] | None = None, *, masked: bool = False
) -> list[Event | tuple[str, bytes, bool]]:
    decoder, log = Decoder(masked), Log()
    for piece in pieces(data, sizes or [len(data) or 1]):
        log.note(decoder.feed(piece))
    return log.all()


def binary(payload: bytes) -> tuple[str, bytes, bool]:
    return ("Binary", payload, True)


@st.composite
def conversations(draw: st.DrawFn, masked: bool) -> bytes:
    """Messages in fragments, with control frames between them and inside."""
    out: list[bytes] = []

    def mask() -> bytes | None:
        return draw(MASKS) if masked else None

    def control() -> None:
        if draw(st.booleans()):
            opcode = draw(st.sampled_from([ws.PING, ws.PONG]))
            out.append(frame(opcode, draw(st.binary(max_size=125)), mask=mask()))

    for _ in range(draw(st.integers(0, 5))):
        control()
        opcode = draw(st.sampled_from([ws.TEXT, ws.BINARY]))
        count = draw(st.integers(1, 4))
        for number in range(count):
            payload = draw(st.text(max_size=40)).encode() * draw(st.sampled_from([1, 1, 9]))
            last = number == count - 1
            out.append(frame(opcode if not number else 0, payload, fin=last, mask=mask()))
            control()
    if draw(st.booleans()):
        out.append(frame(ws.CLOSE, b"\x03\xe8bye", mask=mask()) + draw(st.binary(max_size=9)))
    return b"".join(out)


@pytest.mark.parametrize("masked", [False, True])
@given(st.data(), cuts())
@settings(max_examples=80, deadline=None)
def test_any_split_gives_the_same_messages(
    masked: bool, draw: st.DataObject, sizes: list[int]
) -> None:
    """Protocol notes J.1.26."""
    data = draw.draw(conversations(masked))
    whole = decode(data, masked=masked)
    assert decode(data, sizes, masked=masked) == whole
    assert decode(data, [1], masked=masked) == whole


@pytest.mark.parametrize("masked", [False, True])
@given(st.binary(max_size=200), cuts())
@settings(max_examples=150, deadline=None)
def test_rubbish_is_a_protocol_error_and_nothing_else(
    masked: bool, data: bytes, sizes: list[int]
) -> None:
    try:
        decode(data, sizes, masked=masked)
    except WebSocketError:
        return


def test_a_mask_of_zeros_is_a_mask() -> None:
    sent = frame(ws.BINARY, b"abcdef", mask=bytes(4))
    assert sent[1] & 0x80
    assert decode(sent, masked=True) == [binary(b"abcdef")]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ("81 05 48656c6c6f", ("Text", b"Hello", True)),
        ("01 03 48656c 80 02 6c6f", ("Text", b"Hello", True)),
        ("89 05 48656c6c6f", Ping(b"Hello")),
        ("8a 05 48656c6c6f", Pong(b"Hello")),
        ("88 02 03e8", Close(1000, "")),
        ("88 00", Close(ws.NO_STATUS, "")),
        ("82 00", binary(b"")),
        ("82 7e 0100" + "00" * 256, binary(bytes(256))),
        ("82 7f 0000000000010000" + "00" * 65536, binary(bytes(65536))),
    ],
    ids=lambda value: str(value)[:20],
)
def test_the_examples_of_the_rfc_are_understood(data: str, expected: object) -> None:
    """RFC 6455, 5.7; and a clean close as in protocol notes D.4 and J.1.28."""
    assert decode(bytes.fromhex(data)) == [expected]


def test_the_masked_example_of_the_rfc_is_understood() -> None:
    data = bytes.fromhex("81 85 37fa213d 7f9f4d5158")
    assert decode(data, masked=True) == [("Text", b"Hello", True)]
    assert decode(data, [7, 1], masked=True) == [("Text", b"Hello", True)]


@pytest.mark.parametrize("size", [1, 4096, 8220, 8221, 32768])
def test_the_framings_of_gorilla_are_one_message_each(size: int) -> None:
    """Protocol notes D.3 and J.1.28."""
    payload = bytes(i % 251 for i in range(size))
    if size <= 4096:
        data = frame(ws.BINARY, payload)
    elif size <= 8220:
        data = frame(ws.BINARY, payload[:4096], fin=False)
        data += frame(ws.CONTINUATION, payload[4096:])
    else:
        data = frame(ws.BINARY, payload, fin=False) + bytes.fromhex("8000")
    assert decode(data * 2) == [binary(payload)] * 2
    assert decode(data, [13]) == [binary(payload)]


def test_a_long_frame_and_an_empty_continuation_come_in_two_pieces() -> None:
    payload = bytes(32768)
    events = Decoder(False).feed(frame(ws.BINARY, payload, fin=False) + b"\x80\x00")
    assert events == [
        Binary(memoryview(payload), True, False),
        Binary(memoryview(b""), False, True),
    ]


def test_a_payload_is_a_view_of_what_was_fed() -> None:
    fed = bytearray(frame(ws.BINARY, b"abc"))
    (event,) = Decoder(False).feed(fed)
    assert isinstance(event, Binary)
    assert isinstance(event.payload, memoryview)
    assert event.payload.obj is fed


def test_a_ping_inside_a_message_comes_out_between_its_pieces() -> None:
    data = frame(ws.BINARY, b"ab", fin=False) + frame(ws.PING, b"?") + frame(0, b"cd")
    assert Decoder(False).feed(data) == [
        Binary(memoryview(b"ab"), True, False),
        Ping(b"?"),
        Binary(memoryview(b"cd"), False, True),
    ]


def test_what_follows_a_close_is_ignored() -> None:
    decoder = Decoder(False)
    assert decoder.feed(ws.close_frame(1001, "later", None) + b"\xff\xff") == [Close(1001, "later")]
    assert decoder.feed(b"\xff\xff\xff") == []


@pytest.mark.parametrize(
    ("data", "code"),
    [
        ("c2 00", 1002),  # reserved bits
        ("a2 00", 1002),
        ("92 00", 1002),
        ("83 00", 1002),  # reserved opcodes
        ("8b 00", 1002),
        ("09 00", 1002),  # a fragmented PING
        ("89 7e 007e" + "00" * 126, 1002),  # a long one
        ("80 00", 1002),  # nothing to continue
        ("02 00 82 00", 1002),  # a message inside a message
        ("82 80 00000000", 1002),  # a mask that must not be there
        ("82 7f 8000000000000000", 1002),
        ("88 01 03", 1002),
        ("88 02 03e7", 1002),
        ("88 02 03ed", 1002),  # 1005 is never sent
        ("88 02 07d0", 1002),
        ("88 02 1388", 1002),
        ("88 03 03e8 ff", 1007),
        ("81 01 ff", 1007),
        ("81 01 c3", 1007),  # ends within a character
    ],
)
def test_a_frame_that_is_not_allowed_has_its_close_code(data: str, code: int) -> None:
    for sizes in ([1], [1000]):
        with pytest.raises(WebSocketError) as caught:
            decode(bytes.fromhex(data), sizes)
        assert caught.value.close_code == code


@pytest.mark.parametrize("code", [1000, 1001, 1003, 1007, 1011, 1014, 3000, 4999])
def test_every_close_code_that_may_be_sent_is_taken(code: int) -> None:
    assert decode(ws.close_frame(code, "why", None)) == [Close(code, "why")]


def test_a_server_takes_only_masked_frames() -> None:
    """Protocol notes D.3: `bad MASK`, 1002."""
    with pytest.raises(WebSocketError, match="mask") as caught:
        decode(frame(ws.BINARY, b"x"), masked=True)
    assert caught.value.close_code == 1002


def test_a_character_may_be_split_over_fragments() -> None:
    data = frame(ws.TEXT, b"\xc3", fin=False) + frame(0, b"\xa9")
    assert decode(data) == [("Text", b"\xc3\xa9", True)]


@pytest.mark.parametrize(
    "data",
    [
        frame(ws.BINARY, bytes(11)),
        frame(ws.BINARY, bytes(6), fin=False) + frame(0, bytes(5)),
        ws.encode_frame(ws.BINARY, 2**62, None),
    ],
    ids=["one frame", "fragments", "a header alone"],
)
def test_a_message_that_is_too_long_is_refused_at_its_header(data: bytes) -> None:
    with pytest.raises(WebSocketError) as caught:
        Decoder(False, max_message=10).feed(data)
    assert caught.value.close_code == 1009


def test_messages_up_to_the_longest_are_taken_one_after_the_other() -> None:
    decoder = Decoder(False, max_message=10)
    assert len(decoder.feed(frame(ws.BINARY, bytes(10)) * 3)) == 3


def test_a_message_without_end_is_not_kept() -> None:
    decoder = Decoder(False)
    decoder.feed(ws.encode_frame(ws.BINARY, 2**40, None))
    piece = bytes(65536)
    tracemalloc.start()
    try:
        for _ in range(100):
            decoder.feed(piece)
        assert tracemalloc.get_traced_memory()[1] < 16384
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("size", "header"),
    [
        (0, "82 00"),
        (125, "82 7d"),
        (126, "82 7e 007e"),
        (65535, "82 7e ffff"),
        (65536, "82 7f 0000000000010000"),
    ],
)
def test_a_header_has_the_shortest_length_there_is(size: int, header: str) -> None:
    assert ws.encode_frame(ws.BINARY, size, None) == bytes.fromhex(header)
    masked = bytearray(bytes.fromhex(header))
    masked[1] |= 0x80
    assert ws.encode_frame(ws.BINARY, size, MASK) == masked + MASK
    assert ws.encode_frame(ws.CONTINUATION, size, None, fin=False)[0] == 0


def test_control_frames_are_made_whole() -> None:
    """Protocol notes D.4 and J.1.28: a PONG carries the payload of its PING, masked by a client."""
    assert ws.close_frame(1000, "", None) == bytes.fromhex("88 02 03e8")
    assert ws.control_frame(ws.PONG, b"abc", None) == b"\x8a\x03abc"
    assert decode(ws.control_frame(ws.PONG, b"abc", MASK), masked=True) == [Pong(b"abc")]
    with pytest.raises(ValueError, match="125"):
        ws.control_frame(ws.PING, bytes(126), None)


def test_a_long_reason_is_cut_between_characters() -> None:
    (event,) = decode(ws.close_frame(1011, "é" * 200, None))
    assert event == Close(1011, "é" * 61)


def test_the_handshake_is_that_of_the_rfc() -> None:
    """RFC 6455, 1.3."""
    assert ws.client_handshake_key(b"the sample nonce") == "dGhlIHNhbXBsZSBub25jZQ=="
    assert ws.accept_key("dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
    with pytest.raises(ValueError, match="16"):
        ws.client_handshake_key(b"short")
