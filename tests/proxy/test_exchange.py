"""Requests passed on and answers brought back, as bytes on real sockets."""

from __future__ import annotations

import asyncio

import pytest

from kfwd.errors import LoginNeeded
from kfwd.proxy.decision import Transform
from kfwd.wire.http1 import Lines, ResponseHead
from tests.proxy.rig import Peer, Rig, get, ok
from tests.until import until


async def test_a_request_and_its_answer_pass(rig: Rig) -> None:
    client = await rig.client(get("/a?b=c", "X-One: 1"))
    server = await rig.backend()
    assert await server.head() == (
        b"GET /a?b=c HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nAuthorization: Bearer one\r\n"
        b"X-One: 1\r\n\r\n" % rig.behind
    )
    answer = ok(b"fine", "X-Two: 2")
    server.send(answer)
    assert b"".join(await client.answer()) == answer


async def test_a_length_that_is_said_twice_is_passed_on_once(rig: Rig) -> None:
    client = await rig.client(get())
    server = await rig.backend()
    await server.head()
    server.send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\ncontent-length: 4\r\n\r\nfine")
    assert (await client.answer())[0] == b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n"


async def test_a_length_that_a_sender_would_have_taken_away_stays(rig: Rig) -> None:
    names = b"Connection: Content-Length\r\nContent-Length: %d\r\n\r\n"
    hidden = get("/smuggled")
    client = await rig.client(
        b"POST / HTTP/1.1\r\nHost: localhost\r\n" + names % len(hidden) + hidden
    )
    server = await rig.backend()
    assert b"\r\nContent-Length: %d\r\n" % len(hidden) in await server.head()
    assert await server.exactly(len(hidden)) == hidden
    server.send(b"HTTP/1.1 200 OK\r\n" + names % 4 + b"fine")
    assert (await client.answer())[1] == b"fine"


async def test_connections_are_kept_on_both_sides(rig: Rig) -> None:
    client = await rig.client()
    server: Peer | None = None
    for number in range(3):
        client.send(get(f"/{number}"))
        server = server or await rig.backend()
        assert b"GET /%d " % number in await server.head()
        server.send(ok(b"%d" % number))
        assert (await client.answer())[1] == b"%d" % number
    assert rig.waiting == 0
    assert rig.server.counters.total == 1


async def test_requests_sent_ahead_are_answered_in_order(rig: Rig) -> None:
    client = await rig.client(get("/1") + get("/2") + get("/3", "Connection: close"))
    server = await rig.backend()
    for number in (b"1", b"2", b"3"):
        assert b"GET /" + number in await server.head()
        server.send(ok(number))
    text = await client.rest()
    assert [text.index(b"\r\n\r\n" + n) for n in (b"1", b"2", b"3")] == sorted(
        text.index(b"\r\n\r\n" + n) for n in (b"1", b"2", b"3")
    )


async def test_a_body_with_a_length_passes_both_ways(rig: Rig) -> None:
    client = await rig.client(
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhe"
    )
    server = await rig.backend()
    assert (await server.head()).count(b"Content-Length: 5\r\n") == 1
    client.send(b"llo" + get("/next"))
    assert await server.exactly(5) == b"hello"
    server.send(ok(b"x" * 1000))
    assert (await client.answer())[1] == b"x" * 1000
    assert b"GET /next" in await server.head()


async def test_a_chunked_body_passes_both_ways_with_its_trailers(rig: Rig) -> None:
    body = b"5;x=y\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n"
    client = await rig.client(
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + body
    )
    server = await rig.backend()
    assert b"\r\nTransfer-Encoding: chunked\r\n" in await server.head()
    assert await server.exactly(len(body)) == body
    server.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n" + body)
    assert b"\r\nTransfer-Encoding: chunked\r\n" in await client.head()
    assert await client.exactly(len(body)) == body


async def test_an_answer_until_the_end_becomes_chunks(rig: Rig) -> None:
    client = await rig.client(get())
    server = await rig.backend()
    server.send(b"HTTP/1.0 200 OK\r\n\r\nabc")
    assert b"Transfer-Encoding: chunked" in await client.head()
    assert await client.exactly(8) == b"3\r\nabc\r\n"
    server.close()
    assert await client.exactly(5) == b"0\r\n\r\n"


@pytest.mark.parametrize("chunked", [True, False])
async def test_an_old_client_gets_a_body_until_the_end(rig: Rig, chunked: bool) -> None:
    client = await rig.client(get(version="1.0"))
    server = await rig.backend()
    await server.head()
    if chunked:
        server.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")
    else:
        server.send(b"HTTP/1.1 200 OK\r\n\r\nabc")
        server.close()
    assert await client.rest() == b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nabc"


async def test_an_old_client_may_keep_its_connection(rig: Rig) -> None:
    client = await rig.client(get("/", "Connection: keep-alive", version="1.0"))
    server = await rig.backend()
    await server.head()
    server.send(ok())
    assert b"Connection: keep-alive" in (await client.answer())[0]
    client.send(get(version="1.0"))
    await server.head()
    server.send(ok())
    assert b"Connection: close" in (await client.answer())[0]
    assert await client.rest() == b""


@pytest.mark.parametrize(
    ("request_", "answer"),
    [
        (get(method="HEAD"), b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n"),
        (get(), b"HTTP/1.1 304 Not Modified\r\nContent-Length: 4\r\n\r\n"),
        (get(), b"HTTP/1.1 204 No Content\r\n\r\n"),
    ],
)
async def test_answers_without_a_body_end_with_their_head(
    rig: Rig, request_: bytes, answer: bytes
) -> None:
    client = await rig.client(request_)
    server = await rig.backend()
    await server.head()
    server.send(answer)
    assert await client.head() == answer
    client.send(get("/next"))
    assert b"GET /next" in await server.head()


async def test_interim_answers_pass(rig: Rig) -> None:
    client = await rig.client(
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"
    )
    server = await rig.backend()
    assert b"Expect: 100-continue" in await server.head()
    server.send(b"HTTP/1.1 100 Continue\r\n\r\n")
    assert await client.head() == b"HTTP/1.1 100 Continue\r\n\r\n"
    client.send(b"hi")
    assert await server.exactly(2) == b"hi"
    server.send(b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + ok())
    assert b"103 Early Hints" in await client.head()
    assert (await client.answer())[1] == b"fine"


async def test_after_a_switch_bytes_pass_both_ways(rig: Rig) -> None:
    client = await rig.client(get("/ws?a=1", "Connection: upgrade", "Upgrade: echo") + b"early")
    server = await rig.backend()
    head = await server.head()
    assert b"GET /ws?a=1" in head
    assert b"Connection: Upgrade\r\nUpgrade: echo\r\n" in head
    server.send(b"HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nhello")
    assert await client.head() == (
        b"HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n"
    )
    assert await client.exactly(5) == b"hello"
    assert await server.exactly(5) == b"early"
    client.send(b"GET / is no request here\r\n\r\n")
    assert await server.exactly(28) == b"GET / is no request here\r\n\r\n"
    server.close()
    assert await client.rest() == b""


async def test_a_switch_nobody_asked_for_is_no_answer(rig: Rig) -> None:
    client = await rig.client(get())
    server = await rig.backend()
    await server.head()
    server.send(b"HTTP/1.1 101 Switching\r\nUpgrade: echo\r\n\r\n")
    assert b"500" in (await client.answer())[0]


async def test_nothing_follows_an_upgrade_that_was_refused(rig: Rig) -> None:
    client = await rig.client(get("/", "Connection: upgrade", "Upgrade: echo") + get("/smuggled"))
    server = await rig.backend()
    await server.head()
    server.send(ok(b"no"))
    head, body = await client.answer()
    assert b"Connection: close" in head
    assert body == b"no"
    assert await client.rest() == b""
    assert rig.waiting == 0


async def test_a_strict_upgrade_is_done_or_refused(rig: Rig) -> None:
    rig.handler.more = {"strict_upgrade": True}
    client = await rig.client(get("/", "Connection: upgrade", "Upgrade: echo"))
    server = await rig.backend()
    await server.head()
    server.send(ok(b"no"))
    head, body = await client.answer()
    assert b" 500 " in head
    assert body == b"invalid upgrade response: status code 200\n"


async def test_a_cut_answer_is_no_end(rig: Rig) -> None:
    client = await rig.client(get())
    server = await rig.backend()
    await server.head()
    server.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc")
    assert b"200" in await client.head()
    assert await client.exactly(3) == b"abc"
    server.close()
    with pytest.raises(ConnectionResetError):
        await client.rest()
    assert rig.server.counters.failed == 1


async def test_a_cut_chunked_answer_is_no_end(rig: Rig) -> None:
    client = await rig.client(get())
    server = await rig.backend()
    server.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
    await client.head()
    server.close()
    with pytest.raises(ConnectionResetError):
        await client.rest()


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (b"", "ended before an answer came"),
        (b"HTTP/1.1 200", "ended before an answer came"),
        (b"SSH-2.0-x\r\n\r\n", "not an HTTP answer"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", "clear"),
        (b"HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n", "folded"),
        (b"\r\nHTTP/1.1 200 OK\nX: a\r\n\r\n", "bare line feed"),
    ],
)
async def test_an_answer_that_is_none_is_an_error(rig: Rig, answer: bytes, text: str) -> None:
    client = await rig.client(get(method="POST"))
    server = await rig.backend()
    await server.head()
    server.send(answer)
    server.close()
    head, body = await client.answer()
    assert b" 500 " in head
    assert text.encode() in body


async def kept(rig: Rig) -> tuple[Peer, Peer]:
    """A client and a server whose connections have served a request already."""
    client = await rig.client(get())
    server = await rig.backend()
    await server.head()
    server.send(ok())
    await client.answer()
    return client, server


async def test_a_safe_request_is_made_again_when_a_kept_connection_was_closed(rig: Rig) -> None:
    client, server = await kept(rig)
    client.send(get("/again"))
    await server.head()
    server.close()
    fresh = await rig.backend()
    assert b"GET /again" in await fresh.head()
    fresh.send(ok(b"yes"))
    assert (await client.answer())[1] == b"yes"


@pytest.mark.parametrize(
    "request_",
    [
        get("/", "Content-Length: 0", method="POST"),
        get("/", method="DELETE"),
        b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi",
    ],
)
async def test_what_may_have_been_done_is_never_sent_again(rig: Rig, request_: bytes) -> None:
    client, server = await kept(rig)
    client.send(request_)
    await server.head()
    server.close()
    head, body = await client.answer()
    assert b" 500 " in head
    assert b"ended before an answer came" in body
    assert rig.waiting == 0


async def test_a_request_is_made_again_with_a_new_login(rig: Rig) -> None:
    client = await rig.client(get(method="POST"))
    server = await rig.backend()
    assert b"Bearer one" in await server.head()
    rig.context.credentials.next = rig.context.credentials.credential("second")
    server.send(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nno")
    fresh = await rig.backend()
    assert b"Bearer second" in await fresh.head()
    fresh.send(ok(b"yes"))
    assert (await client.answer())[1] == b"yes"


async def test_a_login_that_stays_refused_is_refused_to_the_client(rig: Rig) -> None:
    client = await rig.client(get())
    for _ in range(2):
        server = await rig.backend()
        await server.head()
        server.send(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nno")
    assert b"401 Unauthorized" in (await client.answer())[0]
    assert rig.waiting == 0


async def test_a_client_that_leaves_ends_its_request(rig: Rig) -> None:
    client = await rig.client(get())
    server = await rig.backend()
    await server.head()
    client.close()
    assert await server.rest() == b""
    await until(lambda: not rig.server.connections)
    assert [request.status for request in rig.log.seen] == [0]


async def test_a_server_that_says_too_much_is_not_used_again(rig: Rig) -> None:
    client = await rig.client(get())
    server = await rig.backend()
    await server.head()
    server.send(ok() + b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison")
    assert (await client.answer())[1] == b"fine"
    client.send(get("/next"))
    fresh = await rig.backend()
    assert b"GET /next" in await fresh.head()


@pytest.mark.parametrize("reset", [False, True])
async def test_nothing_is_asked_for_a_client_that_went_while_it_waited(
    rig: Rig, reset: bool
) -> None:
    rig.upstreams._hold_s = 30.0
    rig.context.credentials.failure = LoginNeeded("log in")
    client = await rig.client(get(method="DELETE"))
    await until(lambda: rig.context.reports)
    (connection,) = rig.server.connections
    if reset:
        client.writer.transport.abort()
    else:
        client.close()
    await until(lambda: connection._ended)
    rig.context.credentials.failure = None
    rig.context.changed()
    assert await (await rig.backend()).rest() == b""
    await until(lambda: not rig.server.connections)


async def test_an_early_answer_ends_the_clients_connection(rig: Rig) -> None:
    client = await rig.client(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nabc")
    server = await rig.backend()
    await server.head()
    server.send(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
    head = await client.head()
    assert b" 413 " in head
    assert b"\r\nConnection: close\r\n" in head
    assert await client.rest() == b""
    assert await server.exactly(3) == b"abc"
    assert await server.rest() == b""


async def test_a_body_that_is_none_is_refused_and_goes_no_further(rig: Rig) -> None:
    client = await rig.client(
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n"
    )
    server = await rig.backend()
    await server.head()
    head, body = await client.answer()
    assert b"400 Bad Request" in head
    assert b"chunk size" in body
    with pytest.raises((asyncio.IncompleteReadError, ConnectionResetError)):
        await server.exactly(1)


class Shout:
    """A transform that a test can see."""

    def feed(self, data: memoryview) -> bytes:
        return bytes(data).upper()

    def end(self) -> bytes:
        return b"!"


def shouting(head: ResponseHead, lines: Lines) -> tuple[Lines, Transform | None]:
    return (*lines, ("X-Loud", "yes")), Shout()


@pytest.mark.parametrize("version", ["1.0", "1.1"])
async def test_a_body_can_be_changed_on_its_way(rig: Rig, version: str) -> None:
    rig.handler.more = {"answered": shouting}
    client = await rig.client(get("/", "Connection: close", version=version))
    server = await rig.backend()
    await server.head()
    server.send(ok(b"hello"))
    head, _, body = (await client.rest()).partition(b"\r\n\r\n")
    assert b"X-Loud: yes" in head
    assert b"Content-Length" not in head
    chunks = b"5\r\nHELLO\r\n1\r\n!\r\n0\r\n\r\n"
    assert body == (chunks if version == "1.1" else b"HELLO!")


async def test_a_client_that_does_not_read_stops_the_server(rig: Rig) -> None:
    size = 64 * 1024 * 1024
    client = await rig.client(get("/", "Connection: close"))
    server = await rig.backend()
    await server.head()
    server.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
    piece = b"x" * 65536
    for _ in range(size // len(piece)):
        server.send(piece)
    connection = next(iter(rig.server.connections))
    await until(lambda: connection._local.buffered > 0)
    for _ in range(1000):
        await asyncio.sleep(0)
    assert connection._local.buffered < 4 * 1024 * 1024
    head = await client.head()
    assert b"Connection: close" in head
    received = 0
    while data := await client.reader.read(1 << 20):
        received += len(data)
    assert received == size


async def test_a_server_that_does_not_read_stops_the_client(rig: Rig) -> None:
    size = 32 * 1024 * 1024
    client = await rig.client(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % size)
    server = await rig.backend()
    await server.head()
    client.send(b"x" * size)
    connection = next(iter(rig.server.connections))
    await until(lambda: not connection._local._reading)
    assert rig.server.counters.sent < 24 * 1024 * 1024
    assert len(await server.exactly(size)) == size
    server.send(ok())
    assert (await client.answer())[1] == b"fine"
