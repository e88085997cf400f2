"""A connection that begins within this process, over real sessions."""

from __future__ import annotations

from kfwd.front.inner import Inner
from kfwd.front.local import HIGH_WATER
from tests.front.rig import GONE_TEXT, REFUSED, A, B, Rig, served
from tests.until import until


class App:
    """What an application would be."""

    def __init__(self, rig: Rig) -> None:
        self.data = b""
        self.ends: list[Exception | None] = []
        self.writing = True
        self.inner = Inner(rig.front, self, "127.0.0.1:5", "127.0.0.1:80")

    def data_received(self, data: memoryview) -> None:
        self.data += data

    def pipe_lost(self, error: Exception | None) -> None:
        self.ends.append(error)

    def pause_writing(self) -> None:
        self.writing = False

    def resume_writing(self) -> None:
        self.writing = True


async def test_what_was_written_first_goes_with_the_opening_and_an_end_is_clean(rig: Rig) -> None:
    peer = await served(rig, A)
    app = App(rig)
    app.inner.write(b"GET ")
    app.inner.write(b"/")
    stream = await peer.opened()
    assert await peer.received(stream, 5) == b"GET /"
    peer.data(stream, b"200")
    await until(lambda: app.data == b"200")
    app.inner.write(b" again")
    assert await peer.received(stream, 6) == b" again"
    assert app.inner.connection.client == "127.0.0.1:5"
    assert app.inner.connection.endpoint == A
    app.inner.finish()
    peer.end(stream)
    await until(lambda: app.ends == [None])
    await until(lambda: not rig.front.connections)


async def test_a_refused_port_is_tried_elsewhere_with_the_same_bytes(rig: Rig) -> None:
    peer = await served(rig, A, B)
    app = App(rig)
    app.inner.write(b"GET /")
    stream = await peer.opened()
    peer.data(stream, fin=True)
    peer.text(stream, REFUSED)
    other = await rig.hub.next("b")
    stream = await other.opened()
    assert await other.received(stream, 5) == b"GET /"
    other.data(stream, b"200")
    await until(lambda: app.data == b"200")
    other.end(stream)
    await until(lambda: app.ends == [None])


async def test_a_hold_that_ends_for_nothing_says_why(rig: Rig) -> None:
    rig.front.hold_s = 0.0
    app = App(rig)
    app.inner.write(b"GET /")
    await until(lambda: app.ends)
    assert str(app.ends[0]) == "held for 0 s: no ready endpoint"


async def test_a_cut_is_an_error_with_the_reason(rig: Rig) -> None:
    peer = await served(rig, A)
    app = App(rig)
    app.inner.write(b"GET /")
    stream = await peer.opened()
    peer.data(stream, b"2")
    peer.text(stream, GONE_TEXT)
    peer.data(stream, fin=True)
    await until(lambda: app.ends)
    assert GONE_TEXT in str(app.ends[0])
    assert rig.front.counters.failed == 1


async def test_more_than_can_be_sent_pauses_the_writer(rig: Rig) -> None:
    app = App(rig)
    app.inner.write(b"x" * (HIGH_WATER + 1))
    assert not app.writing
    assert app.inner.buffered == HIGH_WATER + 1
    peer = await served(rig, A)
    stream = await peer.opened()
    assert await peer.received(stream, HIGH_WATER + 1) == b"x" * (HIGH_WATER + 1)
    await until(lambda: app.writing)
    assert app.inner.buffered == 0
    peer.end(stream)
    await until(lambda: app.ends == [None])


async def test_a_reader_that_pauses_stops_the_stream(rig: Rig) -> None:
    peer = await served(rig, A)
    app = App(rig)
    app.inner.write(b"x")
    stream = await peer.opened()
    peer.data(stream, b"1")
    await until(lambda: app.data == b"1")
    app.inner.pause_reading()
    held = app.inner.connection._stream
    assert held is not None
    assert held.paused
    peer.data(stream, b"2")
    app.inner.resume_reading()
    await until(lambda: app.data == b"12")
    peer.end(stream)
    await until(lambda: app.ends == [None])


async def test_after_an_abort_nothing_more_is_heard(rig: Rig) -> None:
    peer = await served(rig, A)
    app = App(rig)
    app.inner.write(b"x")
    stream = await peer.opened()
    await peer.received(stream, 1)
    peer.data(stream, b"1")
    await until(lambda: app.data == b"1")
    app.inner.abort()
    peer.data(stream, b"late")
    await until(lambda: not rig.front.connections)
    app.inner.write(b"more")
    app.inner.finish()
    assert (app.data, app.ends) == (b"1", [])
