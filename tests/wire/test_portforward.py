from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from typing import TypeAlias

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kfwd.errors import ProtocolError, SessionLost
from kfwd.wire import spdy
from kfwd.wire.portforward import (
    MAX_FRAME,
    MAX_TEXT,
    Accepted,
    ClientSession,
    Ended,
    ErrorText,
    Event,
    GoneAway,
    Pong,
    Received,
    RemoteFinished,
    Reply,
)
from tests.wire.pieces import cuts, pieces

REFUSED = "error forwarding port 9999 to pod 5d1f, uid : dial tcp4: connection refused "
RESET = "reset by the server"

Ending: TypeAlias = Callable[[int], bytes]


def fin(stream_id: int) -> bytes:
    return spdy.data_header(stream_id, 0, fin=True)


def rst(stream_id: int) -> bytes:
    return spdy.rst_stream(stream_id, spdy.RST_CANCEL)


def said(stream_id: int, payload: bytes | str) -> bytes:
    payload = payload.encode() if isinstance(payload, str) else payload
    return spdy.data_header(stream_id, len(payload)) + payload


class Link:
    """A session and the server's end of it, on which tests write by hand."""

    def __init__(self) -> None:
        self.client = ClientSession()
        self.server = spdy.Encoder()
        self._decoder = spdy.Decoder()

    def open(self, port: int = 80) -> tuple[int, int]:
        """An accepted connection: the ids of its error and data stream."""
        _, opening = self.client.open(port)
        error, _, data = self.sent(opening)
        assert isinstance(error, spdy.SynStream)
        assert isinstance(data, spdy.SynStream)
        accepted = self.server.syn_reply(error.stream_id) + self.server.syn_reply(data.stream_id)
        assert self.tell(accepted) == [Accepted(data.stream_id)]
        return error.stream_id, data.stream_id

    def tell(self, *frames: bytes) -> list[Event]:
        return list(self.client.receive(b"".join(frames)))

    def sent(self, data: bytes) -> list[spdy.Frame]:
        """What the server makes of the client's bytes."""
        return self._decoder.feed(data)


@pytest.fixture
def link() -> Link:
    return Link()


def test_a_connection_is_opened_with_the_bytes_of_the_notes() -> None:
    """Protocol notes J.1.7, J.1.9, J.1.11 and the sample of B.3."""
    stream_id, opening = ClientSession().open(80)
    assert stream_id == 3
    frames = spdy.Decoder().feed(opening)
    assert frames == [
        spdy.SynStream(1, {"streamtype": "error", "port": "80", "requestid": "0"}),
        spdy.Data(1, memoryview(b""), True),
        spdy.SynStream(3, {"streamtype": "data", "port": "80", "requestid": "0"}),
    ]
    assert bytes.fromhex("0000000101000000") in opening


def test_ids_are_odd_and_rise_and_request_ids_differ(link: Link) -> None:
    """Protocol notes J.1.10 and J.1.12, over many ports and one zlib context (J.1.8)."""
    opened = [link.client.open(port) for port in range(1, 101)]
    frames = link.sent(b"".join(opening for _, opening in opened))
    streams = [frame for frame in frames if isinstance(frame, spdy.SynStream)]
    ids = [stream.stream_id for stream in streams]
    assert ids == sorted(set(ids))
    assert all(stream_id % 2 for stream_id in ids)
    assert [stream_id for stream_id, _ in opened] == ids[1::2]
    pairs = [(s.headers["requestid"], s.headers["port"]) for s in streams]
    assert pairs[::2] == pairs[1::2]
    assert len({request for request, _ in pairs}) == 100
    assert {s.headers["streamtype"] for s in streams[1::2]} == {"data"}


@pytest.mark.parametrize("avoid", [set(), {3}, {0, 1, 2, 4}, {1, 3}, {0, 2, 3, 4}])
def test_no_stream_lands_on_an_avoided_worker(link: Link, avoid: set[int]) -> None:
    for _ in range(20):
        stream_id, opening = link.client.open(80, avoid=avoid)
        streams = [f for f in link.sent(opening) if isinstance(f, spdy.SynStream)]
        assert not avoid & {s.stream_id % 5 for s in streams}
        assert streams[1].stream_id == stream_id
        assert all(s.stream_id % 2 for s in streams)


def test_when_every_worker_is_to_be_avoided_nothing_is_opened(link: Link) -> None:
    with pytest.raises(ValueError, match="avoided"):
        link.client.open(80, avoid=range(5))
    assert not link.client.data_ids


@pytest.mark.parametrize("port", [0, -1, 65536])
def test_a_number_that_is_no_port_is_refused(link: Link, port: int) -> None:
    with pytest.raises(ValueError, match="not a port"):
        link.client.open(port)


def test_a_session_ends_before_its_stream_ids_do(link: Link) -> None:
    link.client._next_id = spdy.MAX_STREAM_ID - 60
    while not link.client.exhausted:
        stream_id, opening = link.client.open(80, avoid={0, 1, 2, 3})
        assert stream_id <= spdy.MAX_STREAM_ID
        assert len(link.sent(opening)) == 3
    with pytest.raises(SessionLost):
        link.client.open(80)


def test_replies_are_read_with_one_zlib_context_in_any_order(link: Link) -> None:
    """Protocol notes J.1.15."""
    ids = [link.client.open(80)[0] for _ in range(50)]
    replies = [link.server.syn_reply(s) for s in reversed(ids)]
    assert link.tell(*replies) == [Accepted(s) for s in reversed(ids)]
    assert link.tell(link.server.syn_reply(ids[0])) == []  # a second one is ignored
    assert link.tell(link.server.syn_reply(9999, {"streamtype": "x"})) == []
    late = link.client.open(80)[0]
    assert link.tell(link.server.syn_reply(late, {"streamtype": "x"})) == [Accepted(late)]


def test_the_header_of_a_frame_is_made_for_the_payload_behind_it(link: Link) -> None:
    _, data = link.open()
    assert link.sent(link.client.frame(data, 5) + b"hello") == [
        spdy.Data(data, memoryview(b"hello"))
    ]
    link.client.frame(data, MAX_FRAME)


def test_a_frame_that_must_not_be_sent_is_refused(link: Link) -> None:
    """Protocol notes J.1.25."""
    _, data = link.open()
    for stream_id, length in ((data, MAX_FRAME + 1), (data + 2, 1), (0, 1), (2**31, 1)):
        with pytest.raises(ValueError, match="no frame"):
            link.client.frame(stream_id, length)
    assert MAX_FRAME <= spdy.MAX_PAYLOAD
    link.client.finish(data)
    with pytest.raises(ValueError, match="finished"):
        link.client.frame(data, 1)


def test_a_frame_for_a_connection_that_just_ended_does_no_harm(link: Link) -> None:
    error, data = link.open()
    link.tell(fin(data), fin(error))
    assert link.client.frame(data, 5) == spdy.data_header(data, 5)


def test_end_of_file_is_sent_exactly_once(link: Link) -> None:
    """Protocol notes J.1.16."""
    _, data = link.open()
    assert link.client.finish(data) == bytes.fromhex("0000000301000000")
    assert link.client.finish(data) == b""
    assert link.tell(said(data, "still here")) == [Received(data, [memoryview(b"still here")])]
    assert link.client.finish(999) == b""


def test_end_of_file_may_ride_on_the_last_frame(link: Link) -> None:
    _, data = link.open()
    assert link.client.frame(data, 2, fin=True) == spdy.data_header(data, 2, fin=True)
    assert link.client.finish(data) == b""


def test_both_fins_are_a_clean_end(link: Link) -> None:
    """Protocol notes C.3, J.1.17: the data first, then the end, then the streams are released."""
    error, data = link.open()
    assert link.tell(said(data, "bye"), fin(data)) == [
        Received(data, [memoryview(b"bye")]),
        RemoteFinished(data),
    ]
    assert list(link.client.data_ids) == [data]
    assert link.tell(fin(error)) == [Reply(rst(data)), Ended(data, True, None)]
    assert not link.client.data_ids


def test_the_error_stream_may_end_first(link: Link) -> None:
    error, data = link.open()
    assert link.tell(fin(error)) == []
    assert link.tell(said(data, "bye"), fin(data)) == [
        Received(data, [memoryview(b"bye")]),
        Reply(rst(data)),
        Ended(data, True, None),
    ]


def test_no_reset_follows_when_both_sides_have_finished(link: Link) -> None:
    error, data = link.open()
    link.client.finish(data)
    assert link.tell(fin(data), fin(error)) == [RemoteFinished(data), Ended(data, True, None)]


def test_fin_on_a_frame_with_bytes_delivers_them_first(link: Link) -> None:
    _, data = link.open()
    assert link.tell(spdy.data_header(data, 2, fin=True) + b"hi") == [
        Received(data, [memoryview(b"hi")]),
        RemoteFinished(data),
    ]


def test_data_and_fins_before_the_replies_are_not_lost(link: Link) -> None:
    data, _ = link.client.open(80)
    assert link.tell(said(data, "early"), fin(data), fin(data - 2)) == [
        Received(data, [memoryview(b"early")]),
        RemoteFinished(data),
        Reply(rst(data)),
        Ended(data, True, None),
    ]


@pytest.mark.parametrize("data_end", [fin, rst])
@pytest.mark.parametrize("error_end", [fin, rst])
@pytest.mark.parametrize("order", ["data text error", "text data error", "text error data"])
def test_every_order_of_an_error_ends_with_its_text(
    link: Link, order: str, data_end: Ending, error_end: Ending
) -> None:
    """Protocol notes C.4, every row both ways, and J.1.18."""
    error, data = link.open()
    frames = {"data": data_end(data), "text": said(error, REFUSED), "error": error_end(error)}
    events = [event for name in order.split() for event in link.tell(frames[name])]
    told = [event for event in events if not isinstance(event, Reply)]
    assert told == [
        RemoteFinished(data),
        ErrorText(data, REFUSED),
        Ended(data, False, REFUSED),
    ]
    replies = [event.data for event in events if isinstance(event, Reply)]
    assert replies == ([rst(data)] if data_end is fin else [])
    assert link.client.tainted
    assert not link.client.data_ids


def test_a_text_in_pieces_is_told_whole(link: Link) -> None:
    """Protocol notes J.1.19."""
    error, data = link.open()
    link.tell(fin(data))
    third = len(REFUSED) // 3
    for part in (REFUSED[:third], REFUSED[third : 2 * third], REFUSED[2 * third :]):
        assert link.tell(said(error, part)) == []
    assert ErrorText(data, REFUSED) in link.tell(rst(error))


def test_a_text_belongs_to_its_connection_and_taints_the_session(link: Link) -> None:
    """Protocol notes J.1.20, L.2; design section 4, rule 3."""
    error, data = link.open()
    _, other = link.open()
    assert not link.client.tainted
    link.tell(said(error, REFUSED[:1]))
    assert link.client.tainted
    link.tell(said(error, REFUSED[1:]), fin(error), fin(data))
    assert link.tell(said(other, "on")) == [Received(other, [memoryview(b"on")])]
    assert list(link.client.data_ids) == [other]


def test_a_text_that_is_not_utf8_is_told_all_the_same(link: Link) -> None:
    error, data = link.open()
    assert link.tell(said(error, b"caf\xe9"), fin(error)) == [
        RemoteFinished(data),
        ErrorText(data, "caf�"),
    ]


def test_a_text_without_end_is_bounded(link: Link) -> None:
    error, data = link.open()
    piece = b"x" * 10_000
    for _ in range(100):
        link.tell(said(error, piece))
    assert ErrorText(data, "x" * MAX_TEXT) in link.tell(fin(error))


def test_a_pod_that_goes_ends_its_connections_clean(link: Link) -> None:
    """Protocol notes L.6: no text; the session stays, and the next connection gets the text."""
    streams = [link.open() for _ in range(3)]
    events = link.tell(*(fin(data) + fin(error) for error, data in streams))
    ends = [event for event in events if isinstance(event, Ended)]
    assert ends == [Ended(data, True, None) for _, data in streams]
    error, data = link.open()
    gone = 'network namespace for sandbox "5d1f" is closed'
    assert Ended(data, False, gone) in link.tell(fin(data), said(error, gone), fin(error))


@pytest.mark.parametrize("ends", [(fin, rst), (rst, fin), (rst, rst)])
def test_a_reset_without_a_text_is_no_clean_end(link: Link, ends: tuple[Ending, Ending]) -> None:
    error, data = link.open()
    data_end, error_end = ends
    assert link.tell(data_end(data)) == [RemoteFinished(data)]
    assert link.tell(error_end(error))[-1] == Ended(data, False, RESET)


def test_a_reset_after_the_pods_end_is_no_clean_end(link: Link) -> None:
    error, data = link.open()
    assert link.tell(fin(data), rst(data)) == [RemoteFinished(data)]
    assert link.tell(fin(error)) == [Ended(data, False, RESET)]


def test_a_reset_error_stream_that_said_nothing_leaves_the_data_flowing(link: Link) -> None:
    error, data = link.open()
    assert link.tell(rst(error)) == []
    assert link.tell(said(data, "on")) == [Received(data, [memoryview(b"on")])]
    assert link.tell(fin(data))[-1] == Ended(data, False, RESET)


@pytest.mark.parametrize("again", [fin, rst])
def test_an_error_stream_ends_once(link: Link, again: Ending) -> None:
    error, data = link.open()
    link.tell(said(error, REFUSED), fin(error))
    late = link.server.syn_reply(error, fin=True)
    assert link.tell(said(error, " and more"), again(error), late) == []
    assert link.tell(rst(data)) == [Ended(data, False, REFUSED)]


def test_fin_on_a_reply_ends_the_stream(link: Link) -> None:
    data, _ = link.client.open(80)
    assert link.tell(link.server.syn_reply(data, fin=True)) == [
        Accepted(data),
        RemoteFinished(data),
    ]
    assert link.tell(link.server.syn_reply(data - 2, fin=True)) == [
        Reply(rst(data)),
        Ended(data, True, None),
    ]


def test_bytes_behind_the_pods_end_are_ignored(link: Link) -> None:
    _, data = link.open()
    link.tell(fin(data))
    assert link.tell(said(data, "late"), fin(data)) == []


@pytest.mark.parametrize("refused", ["data", "error", "both"])
def test_a_refused_stream_ends_only_its_connection(link: Link, refused: str) -> None:
    """Protocol notes J.1.13, L.5: RST_STREAM in place of SYN_REPLY."""
    data, opening = link.client.open(80)
    error = data - 2
    link.sent(opening)
    frames = {"data": [rst(data)], "error": [rst(error)], "both": [rst(error), rst(data)]}
    other = rst(error) if refused == "data" else rst(data)
    assert link.tell(*frames[refused]) == [Reply(other), Ended(data, False, RESET)]
    assert not link.client.tainted
    link.open()


def test_giving_up_tells_that_the_end_is_not_known(link: Link) -> None:
    error, data = link.open()
    link.tell(fin(data))
    events = link.client.give_up(data)
    assert events[0] == Reply(rst(data) + rst(error))
    assert isinstance(events[1], Ended)
    assert not events[1].clean
    assert events[1].reason
    assert link.client.give_up(data) == []
    assert link.tell(said(error, "late"), fin(error)) == []


def test_giving_up_tells_the_text_there_is(link: Link) -> None:
    error, data = link.open()
    link.client.finish(data)
    link.tell(fin(data), said(error, REFUSED))
    assert link.client.give_up(data) == [
        Reply(rst(error)),
        ErrorText(data, REFUSED),
        Ended(data, False, REFUSED),
    ]


def test_a_text_without_an_end_is_due_to_end(link: Link) -> None:
    """Protocol notes C.2: after `timed out waiting for streams` no stream ends."""
    error, data = link.open()
    assert link.tell(said(error, "timed out waiting for streams")) == [RemoteFinished(data)]
    assert link.tell(said(error, " (more)")) == []


def test_what_comes_after_a_local_reset_is_ignored(link: Link) -> None:
    """Protocol notes J.1.21, C.5."""
    error, data = link.open()
    assert link.client.reset(data) == rst(data) + rst(error)
    assert link.client.reset(data) == b""
    late = (said(data, "late"), fin(data), said(error, "late"), rst(error), rst(data))
    assert link.tell(*late) == []
    assert link.tell(link.server.syn_reply(data)) == []


def test_frames_of_a_stream_that_follow_each_other_are_one_event(link: Link) -> None:
    _, data = link.open()
    _, other = link.open()
    one, two = said(data, "1") + said(data, "2"), said(data, "4") + fin(data) + said(data, "late")
    assert link.tell(one + said(other, "3") + two) == [
        Received(data, [memoryview(b"1"), memoryview(b"2")]),
        Received(other, [memoryview(b"3")]),
        Received(data, [memoryview(b"4")]),
        RemoteFinished(data),
    ]


def test_a_reset_between_two_events_takes_effect_at_once(link: Link) -> None:
    error, data = link.open()
    _, other = link.open()
    frames = said(data, "1") + said(other, "3") + said(data, "2") + fin(data) + fin(error)
    events = []
    for event in link.client.receive(frames):
        events.append(event)
        link.client.reset(data)
    assert events == [Received(data, [memoryview(b"1")]), Received(other, [memoryview(b"3")])]


def test_frames_for_unknown_streams_are_ignored(link: Link) -> None:
    """Protocol notes J.1.21, B.5."""
    stray = (said(99, "x"), fin(99), rst(99), link.server.headers(99, {"a": "b"}))
    assert link.tell(*stray, spdy.settings({1: 2}), spdy.window_update(1, 5)) == []
    _, data = link.open()
    assert link.tell(link.server.headers(data, {"a": "b"}), spdy.window_update(data, 5)) == []


def test_a_stream_that_the_server_opens_is_refused(link: Link) -> None:
    assert link.tell(link.server.syn_stream(2, {"a": "b"})) == [
        Reply(spdy.rst_stream(2, spdy.RST_REFUSED_STREAM))
    ]
    link.open()


def test_the_servers_ping_is_echoed() -> None:
    """Protocol notes J.1.4 and J.1.22."""
    question = bytes.fromhex("80 03 00 06 00 00 00 04 00 00 00 02")
    assert list(ClientSession().receive(question)) == [Reply(question)]


def test_our_pings_have_odd_ids_and_only_they_are_answered(link: Link) -> None:
    """Protocol notes J.1.23, B.6."""
    assert [link.client.ping() for _ in range(3)] == [(i, spdy.ping(i)) for i in (1, 3, 5)]
    assert link.tell(spdy.ping(3), spdy.ping(7), spdy.ping(1)) == [Pong(3), Pong(1)]


def test_nothing_is_opened_after_goaway(link: Link) -> None:
    """Protocol notes J.1.24."""
    _, data = link.open()
    assert link.tell(spdy.goaway(0), spdy.goaway(0)) == [GoneAway()]
    assert list(link.client.data_ids) == [data]
    with pytest.raises(SessionLost):
        link.client.open(80)


def test_closing_resets_what_is_open_and_says_goodbye(link: Link) -> None:
    error, data = link.open()
    error2, data2 = link.open()
    link.tell(fin(error2))
    closing = rst(data) + rst(error) + rst(data2) + spdy.goaway(0)
    assert link.client.close() == closing
    assert not link.client.data_ids
    assert link.tell(fin(data), fin(error), spdy.goaway(0)) == []
    with pytest.raises(SessionLost):
        link.client.open(80)


def test_a_protocol_error_comes_out_of_receiving(link: Link) -> None:
    with pytest.raises(ProtocolError):
        link.tell(spdy.control_header(5, 0))


def test_ten_thousand_connections_leave_nothing_behind(link: Link) -> None:
    """Protocol notes J.1.17."""

    def connect() -> None:
        data, _ = link.client.open(80)
        error = data - 2
        replies = link.server.syn_reply(error) + link.server.syn_reply(data)
        link.tell(replies + said(data, "x") + fin(data) + fin(error))

    for _ in range(1000):
        connect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(9000):
            connect()
        # Other threads of the test's process allocate too; one object each would be far more.
        assert tracemalloc.get_traced_memory()[0] - before < 9000 * 4
    finally:
        tracemalloc.stop()


@st.composite
def scripts(draw: st.DrawFn) -> bytes:
    """Anything a server may say, in any order, about three connections and a stray stream."""
    server, out = spdy.Encoder(), []
    for kind in draw(st.lists(st.integers(0, 8), max_size=25)):
        stream_id = draw(st.sampled_from([1, 3, 5, 7, 9, 11, 98]))
        match kind:
            case 0 | 1:
                out.append(server.syn_reply(stream_id, fin=draw(st.integers(0, 9)) == 0))
            case 2:
                out.append(rst(stream_id))
            case 3:
                out.append(fin(stream_id))
            case 4:
                out.append(spdy.ping(draw(st.integers(1, 5))))
            case 5 if draw(st.integers(0, 4)) == 0:
                out.append(spdy.goaway(0))
            case _:
                payload, last = draw(st.binary(max_size=50)), draw(st.integers(0, 5)) == 0
                out.append(spdy.data_header(stream_id, len(payload), fin=last) + payload)
    return b"".join(out)


def played(script: bytes, sizes: list[int]) -> list[Event | tuple[int, bytes]]:
    """The events, with adjacent bytes joined."""
    client, log = ClientSession(), []
    for _ in range(3):
        client.open(80)
    for piece in pieces(script, sizes):
        for event in client.receive(piece):
            if not isinstance(event, Received):
                log.append(event)
                continue
            payload = b"".join(event.pieces)
            match log[-1:]:
                case [(event.stream_id, bytes(before))]:
                    log.pop()
                    payload = before + payload
            log.append((event.stream_id, payload))
    return log


@given(scripts(), cuts())
@settings(max_examples=200, deadline=None)
def test_any_split_gives_the_same_events(script: bytes, sizes: list[int]) -> None:
    """Protocol notes J.1.26."""
    assert played(script, sizes) == played(script, [len(script) or 1])


@given(scripts())
@settings(max_examples=200, deadline=None)
def test_whatever_a_server_says_a_connection_ends_once_and_then_is_silent(script: bytes) -> None:
    ended: set[int] = set()
    for event in played(script, [len(script) or 1]):
        stream_id = event[0] if isinstance(event, tuple) else getattr(event, "stream_id", None)
        assert stream_id not in ended
        if isinstance(event, Ended):
            assert event.clean == (event.reason is None)
            ended.add(event.stream_id)


@given(scripts(), st.sets(st.integers(0, 30), max_size=3))
@settings(max_examples=200, deadline=None)
def test_a_reset_at_any_event_silences_the_connection(script: bytes, turns: set[int]) -> None:
    client, silent = ClientSession(), set()
    for _ in range(3):
        client.open(80)
    for turn, event in enumerate(client.receive(script)):
        stream_id = getattr(event, "stream_id", None)
        assert stream_id not in silent
        if turn in turns and stream_id in client.data_ids:
            client.reset(stream_id)
            silent.add(stream_id)


@pytest.mark.parametrize("until", [Accepted, Received, RemoteFinished, ErrorText])
@pytest.mark.parametrize("order", ["data error", "error data"])
def test_a_reset_at_any_event_of_an_ending_is_the_last_of_it(
    link: Link, order: str, until: type[Event]
) -> None:
    data, _ = link.client.open(80)
    ends = {
        "data": spdy.data_header(data, 2, fin=True) + b"hi",
        "error": spdy.data_header(data - 2, 3, fin=True) + b"why",
    }
    script = link.server.syn_reply(data) + b"".join(ends[name] for name in order.split())
    events = []
    for event in link.client.receive(script):
        events.append(type(event))
        if type(event) is until:
            link.client.reset(data)
    assert events[-1] is until


@given(st.binary(max_size=200), cuts())
@settings(max_examples=100, deadline=None)
def test_rubbish_is_a_protocol_error_and_nothing_else(data: bytes, sizes: list[int]) -> None:
    try:
        played(data, sizes)
    except ProtocolError:
        return


@given(scripts(), st.lists(st.sampled_from(["open", "finish", "reset", "ping", "frame"])))
@settings(max_examples=100, deadline=None)
def test_only_frames_that_kubernetes_knows_are_ever_sent(script: bytes, acts: list[str]) -> None:
    """Protocol notes J.1.25: no SETTINGS, HEADERS or WINDOW_UPDATE, and FIN at most once."""
    client, out, finished = ClientSession(), bytearray(), set()
    for act in ["open", "open", *acts]:
        live = list(client.data_ids)
        match act:
            case "open":
                out += client.open(80)[1]
            case "ping":
                out += client.ping()[1]
            case "finish" if live:
                out += client.finish(live[0])
                finished.add(live[0])
            case "reset" if live:
                out += client.reset(live[-1])
            case "frame" if live and live[-1] not in finished:
                out += client.frame(live[-1], 3) + b"abc"
    try:
        events = list(client.receive(script))
    except ProtocolError:
        events = []
    out += b"".join(event.data for event in events if isinstance(event, Reply)) + client.close()
    allowed = (spdy.SynStream, spdy.Data, spdy.RstStream, spdy.Ping, spdy.GoAway)
    frames = spdy.Decoder().feed(out)
    assert all(isinstance(frame, allowed) for frame in frames)
    fins = [f.stream_id for f in frames if isinstance(f, spdy.Data) and f.fin]
    assert len(fins) == len(set(fins))
