"""A stream: what is kept for a paused reader, and in which order it comes out."""

from __future__ import annotations

import asyncio

from kfwd.tunnel.session import Session
from kfwd.tunnel.stream import PENDING_MAX, End, Ending, Stream
from kfwd.wire.portforward import MAX_FRAME
from tests.tunnel.test_session import Reader


class Recorder:
    """Stands in for a session where only the stream's own behaviour counts."""

    def __init__(self) -> None:
        self.frames: list[int] = []
        self.calls: list[str] = []

    def send(self, stream: Stream, data: memoryview) -> None:
        self.frames.append(len(data))

    def reader_changed(self) -> None:
        self.calls.append("changed")


def make(sink: Reader) -> tuple[Stream, Recorder]:
    session = Recorder()
    stands_in: Session = session  # type: ignore[assignment]
    return Stream(stands_in, 3, sink, 0.0), session


async def test_large_writes_become_frames_of_bounded_size() -> None:
    stream, session = make(Reader())
    stream.write(bytes(2 * MAX_FRAME + 1))
    assert session.frames == [MAX_FRAME, MAX_FRAME, 1]


async def test_what_comes_while_paused_comes_out_in_order() -> None:
    reader = Reader()
    stream, session = make(reader)
    stream.pause_reading()
    assert stream.deliver([memoryview(b"one ")])
    assert stream.deliver([memoryview(b"two")])
    assert (reader.data, stream.pending) == (b"", 7)
    stream.resume_reading()
    stream.deliver([memoryview(b" three")])
    assert reader.data == b"one two three"
    assert session.calls == ["changed", "changed"]


async def test_a_sink_that_pauses_again_keeps_the_rest_for_later() -> None:
    class Sipper(Reader):
        def stream_data(self, *pieces: memoryview) -> None:
            super().stream_data(*pieces)
            stream.pause_reading()

    reader = Sipper()
    stream, _ = make(reader)
    stream.pause_reading()
    for piece in (b"a", b"b", b"c"):
        stream.deliver([memoryview(piece)])
    stream.resume_reading()
    assert (reader.data, stream.pending) == (b"a", 2)
    stream.resume_reading()
    stream.resume_reading()
    assert (reader.data, stream.pending) == (b"abc", 0)


async def test_no_more_is_kept_than_the_bound() -> None:
    stream, _ = make(Reader())
    stream.pause_reading()
    assert stream.deliver([memoryview(bytes(PENDING_MAX - 1))])
    assert not stream.deliver([memoryview(b"x")])


async def test_an_end_comes_after_what_was_kept() -> None:
    reader = Reader()
    stream, _ = make(reader)
    stream.timer = asyncio.get_running_loop().call_later(60, print)
    stream.pause_reading()
    stream.deliver([memoryview(b"last words")])
    stream.end(Ending(End.CLEAN))
    assert reader.data == b"last words"
    assert await reader.ended == Ending(End.CLEAN)
    assert stream.timer is None
