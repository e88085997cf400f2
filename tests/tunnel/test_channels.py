"""A connection over channels against a scripted pipe: its rules, in time that costs nothing."""

from __future__ import annotations

import asyncio

import pytest

from kfwd.errors import KfwdError
from kfwd.kube.pipe import Receiver, Unattached
from kfwd.tunnel import channels as module
from kfwd.tunnel.channels import Channel
from kfwd.tunnel.stream import End
from kfwd.wire import websocket
from kfwd.wire.channels import MAX_DATA
from tests.tunnel.test_session import Reader
from tests.wire.test_channels import CLOSED, binary, opened

PONG = b"\x8a\x00"

pytestmark = [pytest.mark.asyncio, pytest.mark.looptime]


class ScriptedPipe:
    """A pipe whose other end is the test."""

    def __init__(self) -> None:
        self.receiver: Receiver = Unattached()
        self.reading = False
        self.buffered = 0
        self.undelivered = False
        self.how = ""
        self.answers = True
        self._decoder = websocket.Decoder(masked=True)
        self._sent: list[websocket.Event] = []

    def outstanding(self) -> bool:
        return self.undelivered

    def attach(self, receiver: Receiver) -> None:
        self.receiver = receiver

    def write(self, data: bytes | bytearray | memoryview) -> None:
        for event in self._decoder.feed(data):
            if isinstance(event, websocket.Binary):
                event = websocket.Binary(bytes(event.payload), event.first, event.last)
            self._sent.append(event)
            if isinstance(event, websocket.Ping) and self.answers:
                asyncio.get_running_loop().call_soon(self._answer)

    def _answer(self) -> None:
        if self.reading:
            self.says(PONG)

    def write_frame(self, header: bytes, payload: memoryview) -> None:
        self.write(header + payload)

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def close(self) -> None:
        self.how = self.how or "closed"

    def abort(self) -> None:
        self.how = self.how or "aborted"

    async def closed(self) -> None:
        """Nobody waits for it here."""

    def says(self, data: bytes) -> None:
        """The server sends."""
        self.receiver.data_received(memoryview(data))

    def sent(self) -> list[websocket.Event]:
        """What the channel has sent since this was asked last."""
        sent, self._sent = self._sent, []
        return sent


class Keeper:
    """Owns a channel and notes what it says."""

    def __init__(self) -> None:
        self.over: list[KfwdError | None] = []
        self.yields = 0

    def channel_over(self, channel: Channel, error: KfwdError | None) -> None:
        self.over.append(error)

    def channel_yields(self, channel: Channel) -> None:
        self.yields += 1


class Rig:
    def __init__(self, rest: bytes = b"", first: bytes = b"") -> None:
        self.pipe, self.keeper, self.reader = ScriptedPipe(), Keeper(), Reader()
        self.channel = Channel(self.pipe, rest, 80, self.keeper)
        self.flow = self.channel.open(self.reader, first)

    def data(self) -> bytes:
        """What went up to the pod since this was asked last."""
        messages = [e.payload for e in self.pipe.sent() if isinstance(e, websocket.Binary)]
        assert all(bytes(each[:1]) == b"\x00" for each in messages)
        return b"".join(bytes(each[1:]) for each in messages)


async def started(rest: bytes = b"", first: bytes = b"") -> Rig:
    rig = Rig(rest, first)
    await asyncio.sleep(0)
    return rig


async def test_bytes_go_both_ways_and_1000_is_an_end() -> None:
    rig = await started(opened() + binary(b"\x00220 ready"), b"EHLO")
    assert (rig.reader.data, rig.data()) == (b"220 ready", b"EHLO")
    rig.flow.write(bytes(MAX_DATA + 1))
    assert len(rig.data()) == MAX_DATA + 1
    rig.pipe.says(binary(b"\x00bye") + CLOSED)
    assert rig.reader.data == b"220 readybye"
    assert (await rig.reader.ending()).how is End.CLEAN
    assert (rig.keeper.over, rig.pipe.how) == ([None], "closed")


async def test_an_end_that_came_with_the_answer_is_told_behind_the_bytes() -> None:
    rig = Rig(opened() + binary(b"\x01refused") + CLOSED)
    rig.pipe.receiver.pipe_lost(None)
    ending = await rig.reader.ending()
    assert (ending.how, ending.reason) == (End.TEXT, "refused")
    assert rig.keeper.over == [None]


async def test_a_text_whose_close_does_not_come_ends_after_two_seconds() -> None:
    rig = await started(opened() + binary(b"\x01it broke"))
    await asyncio.sleep(module.GRACE_S - 0.1)
    assert not rig.reader.ended.done()
    await asyncio.sleep(0.2)
    assert (await rig.reader.ending()).reason == "it broke"


@pytest.mark.parametrize("code", [1001, 1011])
async def test_any_other_close_is_a_cut(code: int) -> None:
    rig = await started(opened())
    rig.pipe.says(websocket.close_frame(code, "", None))
    assert (await rig.reader.ending()).how is End.CUT
    assert rig.keeper.over[0] is not None


async def test_a_lost_connection_is_a_cut() -> None:
    rig = await started(opened())
    rig.pipe.receiver.pipe_lost(OSError("reset"))
    ending = await rig.reader.ending()
    assert (ending.how, str(ending.reason)[-5:]) == (End.CUT, "reset")
    assert rig.pipe.how == "aborted"


async def test_the_protocol_broken_is_a_cut_with_the_code_told() -> None:
    rig = await started(opened())
    rig.pipe.sent()
    rig.pipe.says(b"\x82\x81abcdx")
    assert websocket.Close(1002, "") in rig.pipe.sent()
    assert (await rig.reader.ending()).how is End.CUT


async def test_after_the_local_end_the_pods_bytes_flow_until_it_ends() -> None:
    rig = await started(opened(), b"request")
    rig.flow.finish()
    rig.flow.finish()
    rig.flow.write(b"nothing any more")
    assert rig.data() == b"request"
    for _ in range(3):
        await asyncio.sleep(module.LINGER_S - 1)
        rig.pipe.says(binary(b"\x00."))
    rig.pipe.says(CLOSED)
    assert (await rig.reader.ending()).how is End.CLEAN
    assert rig.reader.data == b"..."


async def test_sixty_silent_seconds_after_the_local_end_it_is_given_up() -> None:
    rig = await started(opened())
    rig.flow.finish()
    await asyncio.sleep(59)  # PONGs are no sign of the pod
    assert not rig.reader.ended.done()
    await asyncio.sleep(1.1)
    assert (await rig.reader.ending()).how is End.LEFT
    assert (rig.keeper.over, rig.pipe.how) == ([None], "closed")


async def test_a_reader_that_does_not_read_is_not_a_silent_pod() -> None:
    rig = await started(opened())
    rig.flow.pause_reading()
    rig.flow.finish()
    await asyncio.sleep(2 * module.LINGER_S)
    assert not rig.reader.ended.done()
    rig.flow.resume_reading()
    await asyncio.sleep(module.LINGER_S - 1)
    assert not rig.reader.ended.done()
    await asyncio.sleep(2)
    assert rig.reader.ended.done()


async def test_its_place_may_be_given_away_a_second_after_the_local_end() -> None:
    rig = await started(opened())
    await asyncio.sleep(5)
    assert not rig.channel.may_yield
    rig.flow.finish()
    assert (rig.channel.may_yield, rig.keeper.yields) == (False, 0)
    await asyncio.sleep(1.1)
    assert (rig.channel.may_yield, rig.keeper.yields) == (True, 1)
    rig.pipe.says(binary(b"\x00x"))
    assert not rig.channel.may_yield
    rig.channel.give_place()
    assert (await rig.reader.ending()).how is End.LEFT


async def test_a_stalled_reader_stops_the_way_and_gets_the_rest_in_order() -> None:
    rig = await started(opened())
    rig.flow.pause_reading()
    assert not rig.pipe.reading
    rig.pipe.says(binary(b"\x00one ") + binary(b"\x00two"))  # had been read
    assert rig.reader.data == b""
    rig.flow.resume_reading()
    assert (rig.reader.data, rig.pipe.reading) == (b"one two", True)


async def test_an_end_is_told_behind_what_is_kept_for_a_stalled_reader() -> None:
    rig = await started(opened())
    rig.flow.pause_reading()
    rig.pipe.says(binary(b"\x00last words") + CLOSED)
    assert (rig.reader.data, (await rig.reader.ending()).how) == (b"last words", End.CLEAN)


async def test_a_reader_that_stalls_again_loses_nothing_at_the_end() -> None:
    rig = await started(opened())
    rig.flow.pause_reading()
    take = rig.reader.stream_data

    def take_and_stall(*pieces: memoryview) -> None:
        take(*pieces)
        rig.flow.pause_reading()

    rig.reader.stream_data = take_and_stall  # type: ignore[method-assign]
    rig.pipe.says(binary(b"\x00last ") + binary(b"\x00words") + CLOSED)
    assert (rig.reader.data, (await rig.reader.ending()).how) == (b"last words", End.CLEAN)


async def test_the_way_up_says_when_it_is_full() -> None:
    rig = await started(opened())
    rig.pipe.receiver.pause_writing()
    assert rig.reader.full
    rig.pipe.receiver.resume_writing()
    assert not rig.reader.full


async def test_a_reset_is_heard_by_nobody_but_the_owner() -> None:
    rig = await started(opened())
    rig.flow.reset()
    rig.pipe.says(binary(b"\x00late"))
    assert (rig.reader.data, rig.reader.ended.done()) == (b"", False)
    assert (rig.keeper.over, rig.pipe.how) == ([None], "closed")
    assert websocket.Close(1000, "") in rig.pipe.sent()


async def test_it_asks_every_five_seconds_and_is_dead_within_fourteen() -> None:
    rig = await started(opened())
    rig.pipe.says(binary(b"\x00x"))
    await asyncio.sleep(5.1)
    assert rig.pipe.sent() == [websocket.Ping(b"")]
    rig.pipe.answers = False
    await asyncio.sleep(13.9)
    assert rig.reader.ended.done()
    assert (await rig.reader.ending()).reason == "the server answers no more"
    assert rig.keeper.over[0] is not None


@pytest.mark.parametrize("stuck", ["unanswered bytes", "buffered", "undelivered", "reader"])
async def test_held_back_it_is_never_declared_dead(stuck: str) -> None:
    rig = await started(opened())
    rig.pipe.answers = False
    if stuck == "unanswered bytes":
        rig.flow.write(b"taken by nobody")
    elif stuck == "buffered":
        rig.pipe.buffered = 1
    elif stuck == "undelivered":
        rig.pipe.undelivered = True
    else:
        rig.flow.pause_reading()
    await asyncio.sleep(300)
    assert not rig.reader.ended.done()


async def test_a_ping_is_answered_and_who_does_not_read_the_answers_is_left() -> None:
    rig = await started(opened())
    rig.pipe.sent()
    ping = websocket.control_frame(websocket.PING, b"are you", None)
    rig.pipe.says(ping)
    assert rig.pipe.sent() == [websocket.Pong(b"are you")]
    rig.pipe.buffered = module.REPLIES_MAX + 1
    rig.pipe.says(ping)
    assert (await rig.reader.ending()).how is End.CUT


async def test_an_idle_connection_resets_the_servers_clock_every_hour() -> None:
    rig = await started(opened())
    empty = 0
    for _ in range(3):
        await asyncio.sleep(3600)
        empty += sum(isinstance(event, websocket.Binary) for event in rig.pipe.sent())
    assert 2 <= empty <= 3


async def test_closing_tells_the_sink_of_a_cut() -> None:
    rig = await started(opened())
    rig.channel.close()
    assert (await rig.reader.ending()).how is End.CUT
    assert rig.keeper.over == [None]


async def test_when_the_way_changed_it_asks_at_once() -> None:
    rig = await started(opened())
    await asyncio.sleep(1)
    rig.pipe.sent()
    rig.channel.doubt()
    assert rig.pipe.sent() == [websocket.Ping(b"")]
