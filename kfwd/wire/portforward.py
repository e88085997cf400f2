"""The client's end of one portforward.k8s.io session: bytes in, events out, no I/O.

A connection is a pair of streams, known by the id of its data stream. The error stream, opened
first, only ever carries the runtime's reason for a failure. Servers end the two in every order, and
end-of-file on the data stream alone says nothing (protocol notes C.4). So a connection is told as
`Ended` only when both have ended, by this table:

    data stream   error stream      the connection
    FIN           FIN, no text      ended clean
    FIN or RST    FIN or RST, text  failed, with the text
    otherwise                       reset by the server

`RemoteFinished` says that this is due; a caller who has waited long enough calls `give_up`. A
stream that is reset before it was accepted was refused: its connection ends at once, since the
server does not know the pair.
"""

from __future__ import annotations

from collections.abc import Collection, Container, Iterator
from enum import IntEnum
from itertools import groupby
from typing import TypeAlias, cast

from msgspec import Struct

from kfwd.errors import SessionLost
from kfwd.wire import spdy

MAX_FRAME = 256 * 1024 - spdy.HEADER_SIZE
"""Largest payload to send in one frame, which with its header is whole TLS records. Go's ends send
32 KiB, which costs a lock, a TLS record and a wake-up each; frames up to this size gave half as
much again, larger ones nothing more (L.10)."""

MAX_TEXT = 64 * 1024
"""Most bytes kept of an error text; what goes beyond is dropped."""

WORKERS = 5
"""Go's ends handle a frame in the worker `stream id mod 5`; a stuck one stops its streams (B.8)."""

_LAST_ID = spdy.MAX_STREAM_ID - 8 * WORKERS  # room for a pair, whatever ids it must skip
_RESET = "reset by the server"


class Accepted(Struct, frozen=True, gc=False):
    """The server took the data stream; this says nothing about the pod's port."""

    stream_id: int


class Received(Struct, frozen=True, gc=False):
    """Bytes from the pod, in order: views into what `receive` was given, and as short-lived.

    Frames that came right behind each other are told as one, for what is done with each costs more
    than its bytes: Go's ends send 32 KiB a frame.
    """

    stream_id: int
    pieces: list[memoryview]


class RemoteFinished(Struct, frozen=True, gc=False):
    """The data stream ended, or an error text began: how the connection ended is due (2 s)."""

    stream_id: int


class ErrorText(Struct, frozen=True, gc=False):
    """The runtime's complete words about this connection; `Ended` repeats them."""

    stream_id: int
    text: str


class Ended(Struct, frozen=True, gc=False):
    """The last event of a connection. `reason` is None only when it is clean."""

    stream_id: int
    clean: bool
    reason: str | None


class Reply(Struct, frozen=True, gc=False):
    """Bytes that the caller must queue for writing."""

    data: bytes


class Pong(Struct, frozen=True, gc=False):
    """The answer to one of our PINGs."""

    ping_id: int


class GoneAway(Struct, frozen=True, gc=False):
    """The server closes the session; nothing that is open on it will be finished."""


Event: TypeAlias = (
    Accepted | Received | RemoteFinished | ErrorText | Ended | Reply | Pong | GoneAway
)


class _End(IntEnum):
    """How far the server has ended its side of a stream."""

    NONE = 0
    FIN = 1
    RST = 2


class _Pair:
    """What both sides have said about one connection."""

    __slots__ = (
        "accepted",
        "announced",
        "data_end",
        "data_id",
        "error_accepted",
        "error_end",
        "error_id",
        "finished",
        "text",
    )

    def __init__(self, error_id: int, data_id: int) -> None:
        self.error_id = error_id
        self.data_id = data_id
        self.accepted = False
        self.error_accepted = False
        self.finished = False  # we sent FIN on the data stream
        self.data_end = _End.NONE
        self.error_end = _End.NONE
        self.announced = False
        self.text = bytearray()

    @property
    def error_text(self) -> str:
        return self.text.decode("utf-8", "replace")

    @property
    def clean(self) -> bool:
        return self.data_end == self.error_end == _End.FIN and not self.text

    def resets(self) -> bytes:
        """RSTs for the streams that the server would otherwise keep.

        It forgets a stream that either side has reset, and one that both sides have finished.
        """
        data_over = self.data_end == _End.RST or (self.data_end == _End.FIN and self.finished)
        data = b"" if data_over else spdy.rst_stream(self.data_id, spdy.RST_CANCEL)
        error = b"" if self.error_end else spdy.rst_stream(self.error_id, spdy.RST_CANCEL)
        return data + error


class ClientSession:
    """One session. What its methods return must be written whole and in the order of the calls.

    When the session is lost the connections on it get no events: the caller knows which there are.
    """

    def __init__(self) -> None:
        self._decoder = spdy.Decoder()
        self._encoder = spdy.Encoder()
        self._pairs: dict[int, _Pair] = {}  # by data stream
        self._by_error: dict[int, _Pair] = {}
        self._next_id = 1
        self._next_request = 0
        self._next_ping = 1
        self._over = False
        self.tainted = False
        """Whether any error text has arrived: some of the server's workers may be stuck (L.2)."""

    @property
    def data_ids(self) -> Collection[int]:
        """The connections there are, by data stream id."""
        return self._pairs.keys()

    @property
    def exhausted(self) -> bool:
        """Whether the stream ids are used up."""
        return self._next_id > _LAST_ID

    def open(self, port: int, *, avoid: Container[int] = ()) -> tuple[int, bytes]:
        """Open a connection to a port of the pod: its id, and the frames that do it.

        Data may follow at once: nobody need wait for `Accepted` (B.8). `avoid` holds the residues
        mod 5 that the data stream's id must not have; the error stream keeps away from them too,
        since behind a stuck worker its pair would never complete. Raises `SessionLost` when the
        session takes no more streams.
        """
        if not 0 < port <= 65535:
            raise ValueError(f"{port} is not a port")
        if self._over or self.exhausted:
            raise SessionLost("the session takes no new connections")
        pair = _Pair(self._take_id(avoid), self._take_id(avoid))
        self._pairs[pair.data_id] = self._by_error[pair.error_id] = pair
        headers = {"streamtype": "error", "port": str(port), "requestid": str(self._next_request)}
        self._next_request += 1
        opening = (
            self._encoder.syn_stream(pair.error_id, headers),
            spdy.data_header(pair.error_id, 0, fin=True),
            self._encoder.syn_stream(pair.data_id, headers | {"streamtype": "data"}),
        )
        return pair.data_id, b"".join(opening)

    def frame(self, stream_id: int, length: int, *, fin: bool = False) -> bytes:
        """The header of a DATA frame whose payload the caller writes right behind it.

        On a connection that has ended since, the server drops such a frame (B.5). Raises
        `ValueError` for one that was never opened or is finished, and over `MAX_FRAME`.
        """
        pair = self._pairs.get(stream_id)
        if length > MAX_FRAME or not 0 < stream_id < self._next_id:
            raise ValueError(f"no frame of {length} bytes can be sent on stream {stream_id}")
        if pair is not None:
            if pair.finished:
                raise ValueError(f"stream {stream_id} is finished")
            pair.finished = fin
        return spdy.data_header(stream_id, length, fin=fin)

    def finish(self, stream_id: int) -> bytes:
        """Tell the server that no more comes, as an empty frame; nothing if it was told before."""
        pair = self._pairs.get(stream_id)
        if pair is None or pair.finished:
            return b""
        return self.frame(stream_id, 0, fin=True)

    def reset(self, stream_id: int) -> bytes:
        """Give a connection up and forget it; what still comes for it is ignored."""
        pair = self._forget(stream_id)
        return b"" if pair is None else pair.resets()

    def give_up(self, stream_id: int) -> list[Event]:
        """End a connection whose end was due and did not come, with the text so far if any."""
        pair = self._pairs.get(stream_id)
        return [] if pair is None else list(self._end(pair, "the server did not say how it ended"))

    def ping(self) -> tuple[int, bytes]:
        """Probe the server: the id that its `Pong` will have, and the frame."""
        ping_id = self._next_ping
        self._next_ping += 2
        return ping_id, spdy.ping(ping_id)

    def close(self) -> bytes:
        """End the session and every connection on it."""
        resets = [self.reset(stream_id) for stream_id in tuple(self._pairs)]
        self._over = True
        return b"".join((*resets, spdy.goaway(0)))

    def receive(self, data: bytes | bytearray | memoryview) -> Iterator[Event]:
        """What `data` means, one event at a time; it must be iterated to the end.

        The methods above may be called in between and take effect at once: a connection that was
        reset has no more events, unless its end is being told already. Raises `ProtocolError`, and
        then the session is over.
        """
        for stream_id, frames in groupby(self._decoder.feed(data), _data_stream):
            if not stream_id:
                for frame in frames:
                    yield from self._control(frame)
            elif pair := self._pairs.get(stream_id):
                yield from self._data(pair, cast("Iterator[spdy.Data]", frames))
            else:
                for frame in cast("Iterator[spdy.Data]", frames):
                    yield from self._error_data(frame)

    def _data(self, pair: _Pair, frames: Iterator[spdy.Data]) -> Iterator[Event]:
        """Frames of one data stream, as far as they count: nothing behind a FIN does."""
        if pair.data_end:
            return
        pieces: list[memoryview] = []
        for frame in frames:
            if frame.payload:
                pieces.append(frame.payload)
            if frame.fin:
                break
        if pieces:
            yield Received(pair.data_id, pieces)
        if frame.fin:
            yield from self._data_ended(pair, _End.FIN)

    def _error_data(self, frame: spdy.Data) -> Iterator[Event]:
        pair = self._by_error.get(frame.stream_id)
        if pair is None or pair.error_end:
            return
        if frame.payload:
            self.tainted = True
            pair.text += frame.payload[: MAX_TEXT - len(pair.text)]
            yield from self._settle(pair)
        if frame.fin and pair.data_id in self._pairs:
            yield from self._error_ended(pair, _End.FIN)

    def _control(self, frame: spdy.Frame) -> Iterator[Event]:
        """SETTINGS, HEADERS and WINDOW_UPDATE mean nothing here, as in Go."""
        match frame:
            case spdy.SynReply(stream_id, _, fin):
                yield from self._replied(stream_id, fin)
            case spdy.RstStream(stream_id):
                yield from self._was_reset(stream_id)
            case spdy.Ping(ping_id):
                yield from self._pinged(ping_id)
            case spdy.GoAway() if not self._over:
                self._over = True
                yield GoneAway()
            case spdy.SynStream(stream_id):
                yield Reply(spdy.rst_stream(stream_id, spdy.RST_REFUSED_STREAM))

    def _replied(self, stream_id: int, fin: bool) -> Iterator[Event]:
        if pair := self._by_error.get(stream_id):
            pair.error_accepted = True
            if fin and not pair.error_end:
                yield from self._error_ended(pair, _End.FIN)
        elif (pair := self._pairs.get(stream_id)) and not pair.accepted:
            pair.accepted = True
            yield Accepted(stream_id)
            if fin:
                yield from self._data_ended(pair, _End.FIN)

    def _was_reset(self, stream_id: int) -> Iterator[Event]:
        if pair := self._by_error.get(stream_id):
            if not pair.error_end:
                yield from self._error_ended(pair, _End.RST)
        elif pair := self._pairs.get(stream_id):
            yield from self._data_ended(pair, _End.RST)

    def _pinged(self, ping_id: int) -> Iterator[Event]:
        """Even ids are the server's questions, odd ones its answers to ours (B.6)."""
        if ping_id % 2 == 0:
            yield Reply(spdy.ping(ping_id))
        elif ping_id < self._next_ping:
            yield Pong(ping_id)

    def _data_ended(self, pair: _Pair, end: _End) -> Iterator[Event]:
        pair.data_end = end
        refused = end == _End.RST and not pair.accepted
        yield from self._end(pair, _RESET) if refused else self._settle(pair)

    def _error_ended(self, pair: _Pair, end: _End) -> Iterator[Event]:
        pair.error_end = end
        if pair.text:
            yield ErrorText(pair.data_id, pair.error_text)
        refused = end == _End.RST and not (pair.error_accepted or pair.text)
        yield from self._end(pair, _RESET) if refused else self._settle(pair)

    def _settle(self, pair: _Pair) -> Iterator[Event]:
        """Tell the connection's end, or that it is due, if either follows from what came."""
        if pair.data_id not in self._pairs:
            return
        if pair.data_end and pair.error_end:
            yield from self._end(pair, _RESET)
        elif (pair.data_end or pair.text) and not pair.announced:
            pair.announced = True
            yield RemoteFinished(pair.data_id)

    def _end(self, pair: _Pair, why: str) -> Iterator[Event]:
        """The connection is over. `why` is the reason if the server gave none."""
        self._forget(pair.data_id)
        if resets := pair.resets():
            yield Reply(resets)
        if pair.text and not pair.error_end:
            yield ErrorText(pair.data_id, pair.error_text)
        yield Ended(pair.data_id, pair.clean, None if pair.clean else pair.error_text or why)

    def _forget(self, stream_id: int) -> _Pair | None:
        pair = self._pairs.pop(stream_id, None)
        if pair is not None:
            del self._by_error[pair.error_id]
        return pair

    def _take_id(self, avoid: Container[int]) -> int:
        """The next stream id. Ids may be skipped, and must grow (B.4)."""
        for candidate in range(self._next_id, self._next_id + 2 * WORKERS, 2):
            if candidate % WORKERS not in avoid:
                self._next_id = candidate + 2
                return candidate
        raise ValueError("every worker is to be avoided")


def _data_stream(frame: spdy.Frame) -> int:
    """The stream of a DATA frame, 0 for any other."""
    return frame.stream_id if type(frame) is spdy.Data else 0
