from __future__ import annotations

import tracemalloc
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kfwd.errors import ProtocolError
from kfwd.wire import spdy
from kfwd.wire.spdy import Data, Frame
from tests.wire.pieces import cuts, pieces

ERROR_HEADERS = {"streamtype": "error", "port": "80", "requestid": "0"}
DATA_HEADERS = ERROR_HEADERS | {"streamtype": "data"}

IDS = st.integers(1, spdy.MAX_STREAM_ID)
U32 = st.integers(0, 0xFFFFFFFF)
HEADERS = st.dictionaries(
    st.sampled_from(["streamtype", "port", "requestid", "x"]), st.text("abc019", max_size=9)
)


class Log:
    """Frames written down at once, since their payloads do not last, with pieces joined.

    A frame of DATA, or several in a row for one stream up to its FIN, is (stream id, bytes, fin).
    """

    def __init__(self) -> None:
        self.frames: list[Frame | tuple[int, bytes, bool]] = []

    def note(self, frames: Iterable[Frame]) -> None:
        for frame in frames:
            self.frames.append(self._joined(frame) if isinstance(frame, Data) else frame)

    def _joined(self, frame: Data) -> tuple[int, bytes, bool]:
        payload = bytes(frame.payload)
        match self.frames[-1:]:
            case [(frame.stream_id, before, False)]:
                self.frames.pop()
                payload = before + payload
        return frame.stream_id, payload, frame.fin


def decode(data: bytes, sizes: list[int] | None = None) -> list[Frame | tuple[int, bytes, bool]]:
    decoder, log = spdy.Decoder(), Log()
    for piece in pieces(data, sizes or [len(data) or 1]):
        log.note(decoder.feed(piece))
    return log.frames


def data_frame(stream_id: int, payload: bytes, fin: bool = False) -> bytes:
    return spdy.data_header(stream_id, len(payload), fin=fin) + payload


@st.composite
def sessions(draw: st.DrawFn) -> bytes:
    """The bytes of some frames of every kind."""
    encoder, out = spdy.Encoder(), []
    for kind in draw(st.lists(st.integers(0, 9), max_size=12)):
        stream_id, fin = draw(IDS), draw(st.booleans())
        match kind:
            case 0:
                out.append(encoder.syn_stream(stream_id, draw(HEADERS), fin=fin))
            case 1:
                out.append(encoder.syn_reply(stream_id, draw(HEADERS), fin=fin))
            case 2:
                out.append(encoder.headers(stream_id, draw(HEADERS), fin=fin))
            case 3:
                out.append(spdy.rst_stream(stream_id, draw(IDS)))
            case 4:
                out.append(spdy.ping(stream_id))
            case 5:
                out.append(spdy.goaway(draw(st.integers(0, 9)), draw(U32)))
            case 6:
                out.append(spdy.window_update(draw(st.integers(0, 9)), draw(U32)))
            case 7:
                out.append(spdy.settings(draw(st.dictionaries(U32, U32, max_size=3))))
            case _:
                out.append(data_frame(stream_id, draw(st.binary(max_size=60)), fin))
    return b"".join(out)


@given(sessions(), cuts())
@settings(max_examples=150, deadline=None)
def test_any_split_gives_the_same_frames(data: bytes, sizes: list[int]) -> None:
    """Protocol notes J.1.26."""
    assert decode(data, sizes) == decode(data)


@given(sessions())
@settings(max_examples=30, deadline=None)
def test_a_byte_at_a_time_gives_the_same_frames(data: bytes) -> None:
    assert decode(data, [1]) == decode(data)


def test_a_hundred_frames_in_one_piece_come_out_one_by_one() -> None:
    data = b"".join(data_frame(3, bytes([i])) + spdy.ping(2 * i + 2) for i in range(50))
    frames = spdy.Decoder().feed(data)
    assert [type(frame).__name__ for frame in frames] == ["Data", "Ping"] * 50


@given(st.binary(max_size=300), cuts())
@settings(max_examples=200, deadline=None)
def test_rubbish_is_a_protocol_error_and_nothing_else(data: bytes, sizes: list[int]) -> None:
    try:
        decode(data, sizes)
    except ProtocolError:
        return


@given(sessions(), st.data(), cuts())
@settings(max_examples=150, deadline=None)
def test_a_damaged_session_is_a_protocol_error_and_nothing_else(
    data: bytes, draw: st.DataObject, sizes: list[int]
) -> None:
    damaged = bytearray(data)
    for _ in range(draw.draw(st.integers(1, 4)) if damaged else 0):
        damaged[draw.draw(st.integers(0, len(damaged) - 1))] = draw.draw(st.integers(0, 255))
    try:
        decode(bytes(damaged), sizes)
    except ProtocolError:
        return


def test_the_sample_session_of_the_notes_is_understood() -> None:
    """Protocol notes B.3; made by another encoder."""
    client = bytes.fromhex(
        "80030001 0000003c 00000001 00000000 0000 78f9e3c6a7c202253a703a2b294a4dcc8516"
        "25aca9a0808614cb45a024cc64610024398b209198094adc8c0600000000ffff"
        "80030001 00000018 00000003 00000000 0000 c2aa15540a2512d209000000ffff"
        "80030001 00000014 00000005 00000000 0000 22df524300000000ffff"
    )
    assert decode(client) == [
        spdy.SynStream(1, ERROR_HEADERS),
        spdy.SynStream(3, DATA_HEADERS),
        spdy.SynStream(5, ERROR_HEADERS | {"requestid": "1"}),
    ]
    server = bytes.fromhex(
        "80030002 00000014 00000001 78f9e3c6a7c202a6230600000000ffff"
        "80030002 0000000c 00000003 020100000000ffff"
    )
    assert decode(server) == [spdy.SynReply(1, {}), spdy.SynReply(3, {})]


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (spdy.data_header(3, 0, fin=True), "00 00 00 03 01 00 00 00"),
        (spdy.data_header(3, 0xFFFFFF), "00 00 00 03 00 ff ff ff"),
        (spdy.rst_stream(1, spdy.RST_CANCEL), "80 03 00 03 00 00 00 08 00 00 00 01 00 00 00 05"),
        (spdy.rst_stream(1, 1), "80 03 00 03 00 00 00 08 00 00 00 01 00 00 00 01"),
        (spdy.ping(1), "80 03 00 06 00 00 00 04 00 00 00 01"),
        (spdy.goaway(0), "80 03 00 07 00 00 00 08 00 00 00 00 00 00 00 00"),
        (spdy.goaway(7), "80 03 00 07 00 00 00 08 00 00 00 07 00 00 00 00"),
    ],
)
def test_the_byte_strings_of_the_notes_are_made(made: bytes, expected: str) -> None:
    """Protocol notes B.2."""
    assert made == bytes.fromhex(expected)


def test_a_stream_is_opened_with_the_bytes_of_the_notes() -> None:
    """Protocol notes J.1.7 and J.1.8."""
    encoder = spdy.Encoder()
    first, second = encoder.syn_stream(1, ERROR_HEADERS), encoder.syn_stream(3, DATA_HEADERS)
    assert first[:5] == bytes.fromhex("80 03 00 01 00")
    assert first[8:18] == bytes.fromhex("00000001 00000000 0000")
    assert first[19] & 0x20
    assert first[20:24] == bytes.fromhex("e3c6a7c2")
    assert first[-4:] == second[-4:] == bytes.fromhex("0000ffff")
    assert second[18] != 0x78
    assert int.from_bytes(second[5:8], "big") == len(second) - 8


def test_fin_is_carried_by_every_frame_that_may_have_it() -> None:
    encoder = spdy.Encoder()
    data = encoder.syn_stream(1, {}, fin=True) + encoder.syn_reply(2, fin=True)
    data += encoder.headers(3, {}, fin=True) + data_frame(4, b"x", fin=True)
    assert decode(data) == [
        spdy.SynStream(1, {}, True),
        spdy.SynReply(2, {}, True),
        spdy.Headers(3, {}, True),
        (4, b"x", True),
    ]


def test_fin_comes_with_the_last_piece_of_its_frame_only() -> None:
    decoder, frame = spdy.Decoder(), data_frame(3, b"abcdef", fin=True)
    assert decoder.feed(frame[:8]) == []
    assert decoder.feed(frame[8:10]) == [Data(3, memoryview(b"ab"), False)]
    assert decoder.feed(frame[10:]) == [Data(3, memoryview(b"cdef"), True)]


def test_a_payload_is_a_view_of_what_was_fed() -> None:
    fed = bytearray(data_frame(3, b"abc"))
    (frame,) = spdy.Decoder().feed(fed)
    assert isinstance(frame, Data)
    assert frame.payload.obj is fed


def test_the_version_is_not_checked() -> None:
    """Protocol notes B.1: Go does not either."""
    assert decode(bytes.fromhex("8002 0006 00000004 00000001")) == [spdy.Ping(1)]


def test_an_associated_stream_and_a_priority_are_ignored() -> None:
    frame = bytearray(spdy.Encoder().syn_stream(3, {}))
    frame[12:18] = b"\0\0\0\1\xe0\7"
    assert decode(bytes(frame)) == [spdy.SynStream(3, {})]


def control(kind: int, payload: str, flags: int = 0) -> bytes:
    body = bytes.fromhex(payload)
    return spdy.control_header(kind, len(body), flags) + body


@pytest.mark.parametrize(
    "data",
    [
        control(5, ""),
        control(10, "00000001"),
        control(0, "00000001"),
        control(spdy.PING, "00000001", flags=1),
        control(spdy.PING, "00000000"),
        control(spdy.PING, "0000000100"),
        control(spdy.PING, ""),
        control(spdy.GOAWAY, "00000000"),
        control(spdy.GOAWAY, "00000000 00000000", flags=1),
        control(spdy.WINDOW_UPDATE, "00000001 0000000100"),
        control(spdy.WINDOW_UPDATE, "00000001 00000001", flags=1),
        control(spdy.SETTINGS, ""),
        control(spdy.SETTINGS, "00000001"),
        control(spdy.SETTINGS, "ffffffff 00000000 00000000"),
        control(spdy.RST_STREAM, "00000001 00000000"),
        control(spdy.RST_STREAM, "00000000 00000005"),
        control(spdy.RST_STREAM, "00000001"),
        control(spdy.SYN_REPLY, "00"),
        control(spdy.SYN_STREAM, "00000001"),
        spdy.Encoder().syn_reply(0),
        spdy.Encoder().syn_stream(0, {}),
        spdy.Encoder().headers(0, {}),
        spdy.data_header(0, 1),
        spdy.Encoder().syn_stream(1, {"Port": "80"}),
        *(spdy.Encoder().syn_stream(1, {name: "x"}) for name in ("connection", "host")),
    ],
    ids=lambda data: bytes(data).hex(),
)
def test_what_ends_the_session_in_go_is_a_protocol_error(data: bytes) -> None:
    """Protocol notes B.5."""
    with pytest.raises(ProtocolError):
        decode(data)
    with pytest.raises(ProtocolError):
        decode(data, [1])


@pytest.mark.parametrize("kind", [spdy.SYN_STREAM, spdy.SETTINGS, 5])
def test_a_control_frame_that_is_too_long_is_refused_at_its_header(kind: int) -> None:
    with pytest.raises(ProtocolError, match="bytes"):
        decode(spdy.control_header(kind, spdy.MAX_CONTROL + 1))
    decode(spdy.control_header(kind, spdy.MAX_CONTROL))


def test_control_frames_without_end_are_not_kept() -> None:
    decoder = spdy.Decoder()
    flood = spdy.settings(dict.fromkeys(range(1000), 1))
    tracemalloc.start()
    try:
        for _ in range(500):
            for at in range(0, len(flood), 1000):
                decoder.feed(flood[at : at + 1000])
        assert tracemalloc.get_traced_memory()[0] < 2 * spdy.MAX_CONTROL
    finally:
        tracemalloc.stop()


def test_the_payload_of_the_longest_frame_is_not_kept() -> None:
    decoder = spdy.Decoder()
    decoder.feed(spdy.data_header(3, spdy.MAX_PAYLOAD, fin=True))
    piece = memoryview(bytes(65536))
    tracemalloc.start()
    try:
        for _ in range(255):
            decoder.feed(piece)
        (last,) = decoder.feed(piece[:-1])
        assert isinstance(last, Data)
        assert last.fin
        assert tracemalloc.get_traced_memory()[1] < 16384
    finally:
        tracemalloc.stop()
