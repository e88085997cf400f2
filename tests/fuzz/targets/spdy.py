"""SPDY frames: the same frames or the same refusal, however the bytes are cut."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kfwd.errors import ProtocolError
from kfwd.wire import spdy
from kfwd.wire.spdy_headers import MAX_BLOCK
from tests.fuzz.reading import CUTS, cut
from tests.wire.pieces import pieces

HEADERS = {"streamtype": "data", "port": "8080", "requestid": "0"}


def seeds() -> Iterator[bytes]:
    encoder = spdy.Encoder()
    session = [
        encoder.syn_stream(1, HEADERS | {"streamtype": "error"}),
        spdy.data_header(1, 0, fin=True),
        encoder.syn_stream(3, HEADERS),
        spdy.data_header(3, 5) + b"hello",
        spdy.data_header(3, 0, fin=True),
        spdy.ping(2),
    ]
    yield CUTS + b"".join(session)
    answers = spdy.Encoder()
    yield CUTS + answers.syn_reply(1) + answers.syn_reply(3) + spdy.rst_stream(3, 5)
    yield CUTS + spdy.Encoder().headers(3, {"a": "b"}) + spdy.goaway(3) + spdy.window_update(3, 9)
    yield CUTS + spdy.settings({4: 100}) + spdy.data_header(3, 4, fin=True) + b"bye\n"


def check(data: bytes) -> bool:
    sizes, stream = cut(data)
    whole = read(stream, (max(1, len(stream)),))
    assert read(stream, sizes) == whole
    return not isinstance(whole, str)


def read(stream: bytes, sizes: Sequence[int]) -> list[object] | str:
    """The frames, with DATA of one stream joined, or why there are none."""
    decoder = spdy.Decoder()
    found: list[object] = []
    try:
        for piece in pieces(stream, sizes):
            for frame in decoder.feed(piece):
                add(found, frame)
    except ProtocolError as error:
        return error.text
    return found


def add(found: list[object], frame: spdy.Frame) -> None:
    if not isinstance(frame, spdy.Data):
        headers = getattr(frame, "headers", {})
        assert sum(len(name) + len(value) for name, value in headers.items()) <= MAX_BLOCK
        found.append(frame)
        return
    payload, last = bytes(frame.payload), found[-1] if found else None
    if isinstance(last, tuple) and last[0] == frame.stream_id and not last[2]:
        found.pop()
        payload = last[1] + payload
    found.append((frame.stream_id, payload, frame.fin))
