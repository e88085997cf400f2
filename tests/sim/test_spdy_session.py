"""Pairs of streams and what their ends look like: protocol notes J.2 rows 13-20 and L.2-L.6."""

from __future__ import annotations

import asyncio
import re

import pytest

from tests.sim.kubelet import POD, UID, kubelet
from tests.sim.podserver import pod_server
from tests.sim.spdyclient import SpdyClient, text_of, without_replies

SHORT = 50
"""The half-close cut of these tests, in milliseconds."""


async def test_the_pod_is_dialled_when_both_streams_are_there_at_the_data_streams_port() -> None:
    async with kubelet() as server, pod_server(server, 7000) as pod, server.spdy() as client:
        client.syn(1, streamtype="error", port="9000", requestid="0")
        assert await client.next() == ("reply", 1)
        assert await client.silent(0.05)
        assert not pod.connections
        client.syn(3, streamtype="data", port="7000", requestid="0")
        await pod.accepted()


async def test_the_data_stream_may_come_first() -> None:
    async with kubelet() as server, server.spdy() as client:
        client.syn(1, streamtype="data", port="9000", requestid="0")
        client.data(1, b"hi")
        client.syn(3, streamtype="error", port="9000", requestid="0")
        assert (await client.until(("data", 1)))[-1] == ("data", 1, b"hi")


async def test_data_sent_right_behind_the_stream_reaches_the_pod() -> None:
    async with kubelet() as server, server.spdy() as client:
        data = client.open(1, 9000, "0")
        client.data(data, b"early ")
        client.data(data, b"bird")
        frames = await client.until(("data", data))
        while text_of(frames, data) != b"early bird":
            frames.append(await client.next())


async def test_half_a_pair_is_given_up_with_a_text_and_its_stream_stays() -> None:
    async with kubelet(pair_timeout_s=0.1) as server, server.spdy() as client:
        client.syn(1, streamtype="error", port="80", requestid="7")
        frames = await client.until(("data", 1))
        assert re.fullmatch(
            rb"\(conn=0xc\w{9}, request=7\) timed out waiting for streams", text_of(frames, 1)
        )
        assert await client.silent(0.1)


async def test_without_request_ids_the_data_stream_belongs_to_the_id_before_it() -> None:
    async with kubelet() as server, server.spdy() as client:
        data = client.open(1, 9000)
        client.data(data, b"old client")
        assert (await client.until(("data", data)))[-1] == ("data", data, b"old client")


@pytest.mark.parametrize("kind", ["data", "error"])
async def test_a_second_stream_of_a_kind_is_told_so_on_the_error_stream(kind: str) -> None:
    async with kubelet() as server, server.spdy() as client:
        client.open(1, 9000, "0")
        client.syn(5, streamtype=kind, port="9000", requestid="0")
        frames = await client.until(("data", 1))
        assert ("reply", 5) in frames
        expected = f"error processing stream for request 0: {kind} stream already assigned"
        assert text_of(frames, 1).decode() == expected


async def test_a_request_id_may_be_used_again_once_its_pair_is_complete() -> None:
    async with kubelet() as server, server.spdy() as client:
        first = client.open(1, 9000, "0")
        await client.until(("reply", first))
        second = client.open(5, 9000, "0")
        client.data(second, b"again")
        assert (await client.until(("data", second)))[-1] == ("data", second, b"again")


async def test_a_pod_that_closes_ends_the_data_stream_then_the_error_stream() -> None:
    async with kubelet(half_close_ms=SHORT) as server, server.spdy() as client:
        data = client.open(1, 9002, "0")
        client.data(data, b"3\n")
        frames = without_replies(await client.until(("fin", 1)))
    assert [frame[:2] for frame in frames] == [("data", data), ("fin", data), ("fin", 1)]


async def test_after_a_half_close_the_pod_sees_no_end_of_file_and_has_its_time() -> None:
    async with (
        kubelet(half_close_ms=200) as server,
        pod_server(server, 7000) as pod,
        server.spdy() as client,
    ):
        data = client.open(1, 7000, "0")
        client.data(data, b"request", fin=True)
        connection = await pod.accepted()
        assert await connection.reader.readexactly(7) == b"request"
        connection.writer.write(b"first")
        assert (await client.until(("data", data)))[-1] == ("data", data, b"first")
        loop = asyncio.get_running_loop()
        started = loop.time()
        assert await connection.reader.read(1) == b"", "only the socket's end, no half-close"
        assert loop.time() - started > 0.1
        assert [await client.next(), await client.next()] == [("fin", data), ("fin", 1)]


async def test_the_time_after_a_half_close_is_one_second_by_default() -> None:
    async with kubelet() as server, server.spdy() as client:
        data = client.open(1, 9000, "0")
        client.data(data, fin=True)
        await client.until(("reply", data))
        started = asyncio.get_running_loop().time()
        assert await client.until(("fin", 1)) == [("fin", data), ("fin", 1)]
        assert 0.9 < asyncio.get_running_loop().time() - started < 1.5


async def test_a_pod_that_resets_is_told_after_its_bytes_and_its_time() -> None:
    async with kubelet(half_close_ms=SHORT) as server, server.spdy() as client:
        data = client.open(1, 9005, "0")
        frames = without_replies(await client.until(("fin", 1)))
    assert [frame[:2] for frame in frames] == [
        ("data", data),
        ("fin", data),
        ("data", 1),
        ("fin", 1),
    ]
    assert text_of(frames, data) == b"hello\n"
    assert re.fullmatch(
        rb"error forwarding port 9005 to pod [0-9a-f]{64}, uid : failed to execute portforward in"
        rb' network namespace "/var/run/netns/cni-[0-9a-f-]{36}": read tcp4 127\.0\.0\.1:\d+'
        rb"->127\.0\.0\.1:9005: read: connection reset by peer",
        text_of(frames, 1),
    )


@pytest.mark.parametrize(
    ("order", "kinds"),
    [
        ("containerd16", [("fin", 3), ("data", 1), ("fin", 1)]),
        ("crio", [("fin", 3), ("data", 1), ("rst", 1)]),
        ("main", [("data", 1), ("rst", 3), ("rst", 1)]),
    ],
)
async def test_a_refused_port_is_told_in_the_order_of_the_servers_generation(
    order: str, kinds: list[tuple[str, int]]
) -> None:
    async with kubelet(error_order=order) as server, server.spdy() as client:
        client.open(1, 9999, "0")
        frames = without_replies(await client.until(kinds[-1]))
        assert [frame[:2] for frame in frames] == kinds
        assert b"error forwarding port 9999 to pod " in text_of(frames, 1)
        assert b"connection refused" in text_of(frames, 1)


async def test_data_for_a_refused_port_wedges_its_worker_for_good_and_no_other() -> None:
    async with kubelet() as server, server.spdy() as client:
        data = client.open(1, 9999, "0")
        client.data(data, b"GET / HTTP/1.1\r\n\r\n")
        await client.until(("fin", 1))
        client.rst(data)
        assert not await answered(client, 5, 13)
        assert await answered(client, 17, 19)


async def test_a_refused_port_without_early_data_leaves_the_session_healthy() -> None:
    async with kubelet() as server, server.spdy() as client:
        client.open(1, 9999, "0")
        await client.until(("fin", 1))
        assert await answered(client, 5, 13)


async def test_data_for_a_pod_that_has_closed_is_lost_once_and_then_wedges_the_worker() -> None:
    async with kubelet(half_close_ms=SHORT) as server, server.spdy() as client:
        data = client.open(1, 9002, "0")
        client.data(data, b"1\n")
        await client.until(("fin", 1))
        client.data(data, b"taken by the copy that is left")
        assert await answered(client, 5, 13)
        client.data(data, b"taken by nobody")
        assert not await answered(client, 15, 23)


@pytest.mark.parametrize("order", ["crio", "main"])
async def test_servers_that_reset_the_streams_are_not_wedged(order: str) -> None:
    async with kubelet(error_order=order) as server, server.spdy() as client:
        data = client.open(1, 9999, "0")
        client.data(data, b"early")
        await client.until(("rst", 1))
        assert await answered(client, 5, 13)


async def test_wedging_can_be_turned_off() -> None:
    async with kubelet(wedge=False) as server, server.spdy() as client:
        data = client.open(1, 9999, "0")
        client.data(data, b"early")
        await client.until(("fin", 1))
        assert await answered(client, 5, 13)


async def test_a_deleted_pod_ends_its_streams_without_text_and_the_session_stays() -> None:
    async with kubelet(half_close_ms=SHORT) as server, server.spdy() as client:
        data = client.open(1, 9000, "0")
        client.data(data, b"x")
        await client.until(("data", data))
        await server.node.stop_pod(POD, 0)
        assert await client.until(("fin", 1)) == [("fin", data), ("fin", 1)]
        client.open(5, 9000, "1")
        frames = without_replies(await client.until(("fin", 7)))
        assert [frame[:2] for frame in frames] == [("data", 5), ("fin", 5), ("fin", 7)]
        assert text_of(frames, 5).endswith(b" is closed")
        assert b': network namespace for sandbox "' in text_of(frames, 5)
        assert await client.alive()
    assert not server.ports.has_sandbox(UID)


async def test_a_session_that_ends_closes_its_connections_to_the_pod() -> None:
    async with kubelet() as server, pod_server(server, 7000) as pod:
        async with server.spdy() as client:
            client.open(1, 7000, "0")
            connection = await pod.accepted()
        assert await connection.reader.read() == b""


async def test_losing_the_node_ends_the_connection_without_a_word() -> None:
    async with kubelet() as server, server.spdy() as client:
        client.open(1, 9000, "0")
        await client.until(("reply", 3))
        assert server.sessions.cut("backend") == 1
        assert await client.next() == ("end",)


async def answered(client: SpdyClient, error_id: int, data_id: int) -> bool:
    """Whether a new connection on these stream ids echoes a byte."""
    client.syn(error_id, streamtype="error", port="9000", requestid=f"r{error_id}")
    client.syn(data_id, streamtype="data", port="9000", requestid=f"r{error_id}")
    client.data(data_id, b"?")
    try:
        return bool(await client.until(("data", data_id), timeout=0.3))
    except TimeoutError:
        return False
