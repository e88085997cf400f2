"""The SPDY side of the streaming server: protocol notes J.2 rows 7-12, 21-24, in frames."""

from __future__ import annotations

import asyncio
import struct

import pytest

from tests.sim.kubelet import kubelet
from tests.sim.podserver import pod_server
from tests.sim.spdyclient import SpdyClient, without_replies

CHUNK = bytes(32 * 1024)


async def test_syn_replies_are_empty_and_share_one_zlib_context() -> None:
    async with kubelet() as server, server.spdy() as client:
        for stream_id in (1, 5, 9):
            client.syn(stream_id, streamtype="error", port="80", requestid=str(stream_id))
            assert await client.next() == ("reply", stream_id)
        first, second, third = client.reply_blocks
    assert first[0] == 0x78
    assert first[1] & 0x20
    assert first[2:6] == b"\xe3\xc6\xa7\xc2"
    assert all(block.endswith(b"\0\0\xff\xff") for block in (first, second, third))
    assert max(len(second), len(third)) < 12, "no zlib header of their own"


@pytest.mark.parametrize(
    "headers",
    [
        {"streamtype": "data"},
        {"streamtype": "data", "port": "0"},
        {"streamtype": "data", "port": "70000"},
        {"streamtype": "data", "port": "http"},
        {"streamtype": "data", "port": "+80"},
        {"streamtype": "foo", "port": "80"},
        {"port": "80"},
    ],
)
async def test_a_stream_with_bad_headers_is_cancelled_and_the_session_lives(
    headers: dict[str, str],
) -> None:
    async with kubelet() as server, server.spdy() as client:
        client.syn(1, **headers)
        client.data(1, b"sent in hope")
        assert await client.next() == ("rst", 1, 5)
        assert await client.alive()


async def test_a_used_or_lower_stream_id_is_a_protocol_error_of_that_stream() -> None:
    async with kubelet() as server, server.spdy() as client:
        for stream_id in (7, 7, 5):
            client.syn(stream_id, streamtype="error", port="80", requestid=str(stream_id))
        frames = [await client.next() for _ in range(3)]
        assert frames == [("reply", 7), ("rst", 7, 1), ("rst", 5, 1)]
        client.syn(101, streamtype="error", port="80", requestid="skipped")
        assert await client.next() == ("reply", 101)


async def test_a_frame_of_unknown_type_closes_the_connection() -> None:
    async with kubelet() as server, server.spdy() as client:
        client.control(5, bytes(4))
        assert await client.next() == ("end",)


async def test_a_ping_with_flags_closes_the_connection() -> None:
    async with kubelet() as server, server.spdy() as client:
        client.ping(1, flags=1)
        assert await client.next() == ("end",)


async def test_an_upper_case_header_name_closes_the_session() -> None:
    async with kubelet() as server, server.spdy() as client:
        client.syn(1, streamType="data", port="80")
        assert (await client.until(("end",)))[-1] == ("end",)


async def test_a_stream_0_closes_the_session() -> None:
    async with kubelet() as server, server.spdy() as client:
        client.data(0, b"x")
        assert await client.next() == ("end",)


async def test_settings_and_window_updates_are_ignored() -> None:
    async with kubelet() as server, server.spdy() as client:
        client.control(4, struct.pack(">III", 1, 4, 100))
        client.control(9, struct.pack(">II", 0, 65536))
        client.ping(1)
        assert await client.next() == ("ping", 1)


async def test_a_ping_is_echoed_and_an_answer_nobody_waits_for_is_not() -> None:
    async with kubelet() as server, server.spdy() as client:
        client.ping(2)
        client.ping(1)
        assert await client.next() == ("ping", 1)
        assert await client.silent(0.1)


async def test_no_flow_control_stops_100_mib() -> None:
    total = 100 << 20
    async with kubelet() as server, server.spdy() as client:
        data = client.open(1, 9002, "0")
        client.data(data, f"{total}\n".encode())
        received, largest = 0, 0
        while received < total:
            frame = await client.next()
            if frame[:2] == ("data", data):
                received += len(frame[2])
                largest = max(largest, len(frame[2]))
    assert received == total
    assert largest <= 32768


async def test_frames_dribbled_one_byte_at_a_time_mean_the_same() -> None:
    async with kubelet() as server, server.spdy() as client:
        written: list[bytes] = []
        writer, client.writer = (
            client.writer,
            type("W", (), {"write": staticmethod(written.append)}),
        )
        client.open(1, 9000, "0")
        client.data(3, b"slow")
        for byte in b"".join(written):
            writer.write(bytes((byte,)))
            await writer.drain()
        assert (await client.until(("data", 3)))[-1] == ("data", 3, b"slow")


async def test_a_stream_that_the_client_reset_gets_no_fin() -> None:
    async with (
        kubelet(half_close_ms=100) as server,
        pod_server(server, 7000) as pod,
        server.spdy() as client,
    ):
        client.open(1, 7000, "0")
        connection = await pod.accepted()
        client.rst(3)
        await client.alive()
        connection.writer.write(b"late")
        frames = without_replies(await client.until(("fin", 1)))
    assert frames == [("data", 3, b"late"), ("fin", 1)]


async def test_a_pod_that_does_not_read_holds_up_its_worker_then_the_session() -> None:
    async with kubelet() as server, pod_server(server, 7000) as pod, server.spdy() as client:
        client.open(1, 7000, "0")
        (await pod.accepted()).writer.transport.pause_reading()
        await fill_worker(client, 3)
        client.syn(6, streamtype="error", port="9000", requestid="other worker")
        assert ("reply", 6) in await client.until(("reply", 6))
        client.syn(8, streamtype="error", port="9000", requestid="same worker")
        client.syn(11, streamtype="error", port="9000", requestid="another worker")
        assert await client.until(("reply", 11)) == [("reply", 11)]
        await fill_queue(client, 3)
        client.ping(1)
        client.syn(16, streamtype="error", port="9000", requestid="behind the full queue")
        assert await client.silent(0.2)


async def test_a_worker_that_was_held_up_goes_on_when_the_pod_reads() -> None:
    async with kubelet() as server, pod_server(server, 7000) as pod, server.spdy() as client:
        client.open(1, 7000, "0")
        connection = await pod.accepted()
        connection.writer.transport.pause_reading()
        sent = await fill_worker(client, 3)
        sent += await fill_queue(client, 3)
        client.ping(1)
        assert await client.silent(0.1)
        connection.writer.transport.resume_reading()
        assert len(await connection.reader.readexactly(sent)) == sent
        assert (await client.until(("ping", 1)))[-1] == ("ping", 1)


async def test_a_worker_takes_one_frame_and_its_queue_fifty_before_the_session_stands() -> None:
    async with kubelet() as server, server.spdy() as client:
        data = client.open(1, 9999, "refused, so that nobody reads the stream")
        await client.until(("fin", 1))
        for _ in range(1 + 50):
            client.data(data, b"x")
        client.syn(6, streamtype="error", port="9000", requestid="while there is room")
        assert await client.next() == ("reply", 6)
        client.data(data, b"x")
        client.syn(11, streamtype="error", port="9000", requestid="too late")
        assert await client.silent(0.1)


async def test_more_headers_for_a_stream_hold_its_worker_until_the_stream_ends() -> None:
    async with kubelet(half_close_ms=50) as server, server.spdy() as client:
        client.open(1, 9000, "0")
        await client.until(("reply", 3))
        client.control(8, struct.pack(">I", 3) + client.block({"late": "yes"}))
        client.syn(8, streamtype="error", port="9000", requestid="same worker")
        assert await client.silent(0.2)


async def test_the_idle_limit_resets_streams_says_goaway_and_closes() -> None:
    async with kubelet(idle_s=0.15) as server, server.spdy() as client:
        client.syn(1, streamtype="error", port="80", requestid="0")
        assert [await client.next() for _ in range(4)] == [
            ("reply", 1),
            ("rst", 1, 5),
            ("goaway", 1, 0),
            ("end",),
        ]


async def test_a_ping_starts_the_idle_time_again() -> None:
    async with kubelet(idle_s=0.4) as server, server.spdy() as client:
        for ping_id in (1, 3, 5):
            await asyncio.sleep(0.2)
            client.ping(ping_id)
            assert await client.next() == ("ping", ping_id)
        assert await client.next() == ("goaway", 0, 0)


async def test_a_goaway_of_the_client_ends_the_session() -> None:
    async with kubelet() as server, server.spdy() as client:
        client.open(1, 9000, "0")
        await client.until(("reply", 3))
        client.control(7, bytes(8))
        assert (await client.until(("end",)))[-1] == ("end",)
        assert len(server.sessions) == 0


async def test_a_client_that_reads_nothing_gets_no_more_than_buffers_hold() -> None:
    async with kubelet() as server, server.spdy() as client:
        client.writer.transport.pause_reading()
        data = client.open(1, 9002, "0")
        client.data(data, b"1000000000\n")
        await asyncio.sleep(0.3)
        [session] = server.sessions._open
        assert session._link._transport.get_write_buffer_size() < 1 << 20


async def fill_worker(client: SpdyClient, stream_id: int) -> int:
    """Send until the pod's socket takes no more and its worker waits; returns the bytes sent."""
    sent = 0
    for ping_id in range(101, 2000, 2):
        client.data(stream_id, CHUNK * 8)
        sent += len(CHUNK) * 8
        if await stuck(client, ping_id):
            return sent
    raise AssertionError("nothing ever stuck")


async def stuck(client: SpdyClient, ping_id: int) -> bool:
    """Whether the worker of streams 3, 8, 13 ... waits: pings take turns over all five."""
    for turn in range(5):
        client.ping(ping_id + 2000 * turn)
    answered = 0
    while answered < 5:
        try:
            answered += (await client.next(0.2))[0] == "ping"
        except TimeoutError:
            return True
    return False


async def fill_queue(client: SpdyClient, stream_id: int) -> int:
    """Frames enough to fill a queue of 50 behind the one that waits."""
    for _ in range(60):
        client.data(stream_id, b"x")
    await client.writer.drain()
    return 60
