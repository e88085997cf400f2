"""A port-forward session: no order of what both sides do makes it tell an impossible story."""

from __future__ import annotations

from collections.abc import Iterator

from kfwd.errors import ProtocolError, SessionLost
from kfwd.wire import portforward as pf
from kfwd.wire import spdy
from tests.fuzz.reading import Numbers

OPEN, SEND, FINISH, RESET, GIVE_UP, PING, REPLY, RST, DATA, ASK, GOAWAY, SYN, RAW, CLOSE = range(14)


def seeds() -> Iterator[bytes]:
    clean = [OPEN, 80, 0, REPLY, 0, 0, REPLY, 1, 0, DATA, 1, 0, 5, *b"hello", FINISH, 0]
    yield bytes([*clean, DATA, 1, 1, 0, DATA, 0, 1, 0])
    yield bytes([OPEN, 80, 0, REPLY, 0, 0, REPLY, 1, 0, DATA, 0, 1, 4, *b"gone", RST, 1, 1])
    yield bytes([OPEN, 80, 1, SEND, 0, 3, RST, 1, 3, OPEN, 81, 2, PING, ASK, 2, GOAWAY, CLOSE])
    yield bytes([OPEN, 80, 0, REPLY, 1, 0, DATA, 1, 1, 0, GIVE_UP, 0, SYN, 4, RAW, 3, 128, 3, 0])


def check(data: bytes) -> bool:
    story = Story()
    numbers = Numbers(data)
    try:
        while numbers.left:
            story.step(numbers.below(14), numbers)
    except ProtocolError:
        return True
    return True


class Story:
    """What has been told, and what must follow from it."""

    def __init__(self) -> None:
        self.session = pf.ClientSession()
        self.server = spdy.Encoder()
        self.reader = spdy.Decoder()
        self.ids: list[int] = []  # of data streams
        self.live: set[int] = set()
        self.accepted: set[int] = set()
        self.finished: set[int] = set()
        self.opened = 0

    def step(self, action: int, numbers: Numbers) -> None:
        if action in {OPEN, SEND, FINISH, RESET, GIVE_UP, PING, CLOSE}:
            self.ours(action, numbers)
        else:
            for event in self.session.receive(self.theirs(action, numbers)):
                self.told(event)
        assert set(self.session.data_ids) == self.live

    def ours(self, action: int, numbers: Numbers) -> None:
        if action == OPEN:
            self.open(1 + numbers.below(255), {numbers.below(5)})
        elif action == CLOSE:
            self.sent(self.session.close())
            self.live.clear()
        elif action == PING:
            self.sent(self.session.ping()[1])
        elif self.ids:
            id = self.ids[numbers.below(len(self.ids))]
            if action == SEND and id not in self.finished:
                size = numbers.below(200)
                self.sent(self.session.frame(id, size) + bytes(size))
            elif action == FINISH:
                self.sent(self.session.finish(id))
                self.finished.add(id)
            elif action == RESET:
                self.sent(self.session.reset(id))
                self.live.discard(id)
            elif action == GIVE_UP:
                for event in self.session.give_up(id):
                    self.told(event)

    def open(self, port: int, avoid: set[int]) -> None:
        try:
            id, frames = self.session.open(port, avoid=avoid)
        except SessionLost:
            return
        assert id % pf.WORKERS not in avoid
        self.ids.append(id)
        self.live.add(id)
        self.sent(frames)

    def theirs(self, action: int, numbers: Numbers) -> bytes:
        """What the server sends. Its streams are the pairs', error stream first."""
        if action == RAW:
            return numbers.take(numbers.below(64))
        if action == ASK:
            return spdy.ping(1 + numbers.below(20))
        if action == GOAWAY:
            return spdy.goaway(0)
        id = self.some_stream(numbers)
        if action == REPLY:
            return self.server.syn_reply(id, fin=bool(numbers.below(2)))
        if action == RST:
            return spdy.rst_stream(id, 1 + numbers.below(6))
        if action == SYN:
            return self.server.syn_stream(id, {"a": "b"})
        fin = bool(numbers.below(2))
        payload = numbers.take(numbers.below(100))
        return spdy.data_header(id, len(payload), fin=fin) + payload

    def some_stream(self, numbers: Numbers) -> int:
        choice = numbers.below(250)
        streams = [stream for id in self.ids for stream in (id - 2, id)]
        return streams[choice] if choice < len(streams) else 1 + choice

    def told(self, event: pf.Event) -> None:
        if isinstance(event, pf.Reply):
            self.sent(event.data)
        elif isinstance(event, pf.Pong):
            assert event.ping_id % 2
        elif not isinstance(event, pf.GoneAway):
            self.about(event)

    def about(
        self, event: pf.Accepted | pf.Received | pf.RemoteFinished | pf.ErrorText | pf.Ended
    ) -> None:
        id = event.stream_id
        assert id in self.live
        if isinstance(event, pf.Accepted):
            assert id not in self.accepted
            self.accepted.add(id)
        elif isinstance(event, pf.ErrorText):
            assert 0 < len(event.text) <= pf.MAX_TEXT
        elif isinstance(event, pf.Ended):
            assert event.clean == (event.reason is None)
            self.live.discard(id)

    def sent(self, data: bytes) -> None:
        """What goes to the server is always well-formed, and opens streams in their order."""
        for frame in self.reader.feed(data):
            if isinstance(frame, spdy.SynStream):
                assert frame.stream_id > self.opened
                self.opened = frame.stream_id
