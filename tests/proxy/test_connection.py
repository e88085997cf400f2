"""The life of a client's connection: what is refused, what is answered here, and how it ends."""

from __future__ import annotations

import asyncio
import socket
import struct
from pathlib import Path

import pytest

from kfwd.front.local import HIGH_WATER
from kfwd.proxy import connection as module
from kfwd.proxy.decision import Answer, Part, page
from tests.proxy.rig import Rig, get, ok
from tests.until import until
from tests.wire.hostile import BODIES, HEADS


@pytest.mark.parametrize("name", HEADS)
async def test_nothing_of_a_hostile_head_gets_through(rig: Rig, name: str) -> None:
    data, status = HEADS[name]
    client = await rig.client(data + get("/smuggled"))
    answer = await client.rest()
    assert answer.startswith(b"HTTP/1.1 %d " % status)
    assert answer.count(b"HTTP/1.1 ") == 1
    assert b"\r\nConnection: close\r\n" in answer
    assert rig.waiting == 0


@pytest.mark.parametrize("name", BODIES)
async def test_nothing_follows_a_hostile_body(rig: Rig, name: str) -> None:
    head = b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    client = await rig.client(head + BODIES[name] + get("/smuggled"))
    answer = await client.rest()
    assert answer.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 431 "))
    assert answer.count(b"HTTP/1.1 ") == 1
    server = await rig.backend()
    assert b"smuggled" not in await server.rest()


async def test_answers_from_here_keep_the_connection(rig: Rig) -> None:
    rig.handler.decide_as = lambda request: page(200, request.target)
    client = await rig.client(get("/1") + get("/2") + get("/3", "Connection: close"))
    for number in (b"/1\n", b"/2\n", b"/3\n"):
        head, body = await client.answer()
        assert (b"Connection: close" in head) is (number == b"/3\n")
        assert b"\r\nDate: " in head
        assert body == number
    assert await client.rest() == b""


async def test_the_head_of_an_answer_is_sent_alone(rig: Rig) -> None:
    rig.handler.decide_as = lambda request: page(200, "hello")
    client = await rig.client(get(method="HEAD"))
    assert b"Content-Length: 6" in await client.head()
    client.send(get("/", "Connection: close"))
    assert (await client.rest()).endswith(b"\r\n\r\nhello\n")


async def test_an_unread_body_ends_the_connection(rig: Rig) -> None:
    rig.handler.decide_as = lambda request: page(403, "no")
    client = await rig.client(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 50\r\n\r\nabc")
    head, _ = await client.answer()
    assert b"Connection: close" in head
    assert await client.rest() == b""


async def test_an_expectation_nobody_knows_is_refused(rig: Rig) -> None:
    client = await rig.client(get("/", "Expect: tea"))
    assert b" 417 " in await client.rest()


async def test_a_file_is_sent_as_its_reader_takes_it(rig: Rig, tmp_path: Path) -> None:
    size = 8 * 1024 * 1024
    path = tmp_path / "file"
    path.write_bytes(b"0123456789" * (size // 10))
    rig.handler.decide_as = lambda request: Answer(200, (), Part(path, 5, size - 100))
    client = await rig.client(get("/", "Connection: close"))
    head = await client.head()
    assert f"Content-Length: {size - 100}".encode() in head
    body = await client.rest()
    assert len(body) == size - 100
    assert body.startswith(b"5678901234")


async def test_a_client_that_begins_a_request_must_go_on(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "HEAD_S", 0.01)
    client = await rig.client(b"GET / HT")
    assert b" 408 " in await client.rest()


async def test_a_request_takes_no_longer_for_coming_byte_by_byte(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "HEAD_S", 0.05)
    client = await rig.client(b"GET /")
    answer = asyncio.ensure_future(client.rest())  # noqa: TID251  # a test's own
    for _ in range(500):
        client.send(b"x")
        if (await asyncio.wait([answer], timeout=0.01))[0]:
            break
    assert b" 408 " in await answer


async def test_a_client_without_requests_is_let_go(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "IDLE_S", 0.01)
    client = await rig.client()
    assert await client.rest() == b""


async def test_a_client_that_ends_between_requests_has_done_nothing_wrong(rig: Rig) -> None:
    client = await rig.client()
    client.writer.write_eof()
    assert await client.rest() == b""
    await until(lambda: not rig.server.connections)


async def test_requests_far_ahead_wait_in_the_socket(rig: Rig) -> None:
    client = await rig.client(get("/first"))
    server = await rig.backend()
    await server.head()
    client.send(get("/ahead") * 20_000)
    connection = next(iter(rig.server.connections))
    await until(lambda: not connection._local._reading)
    assert len(connection._ahead) < 4 * module.AHEAD_MAX
    server.send(ok())
    assert (await client.answer())[1] == b"fine"
    assert b"/ahead" in await server.head()


async def test_answers_that_nobody_takes_are_not_made(rig: Rig) -> None:
    rig.handler.decide_as = lambda request: page(200, "x" * 10_000)
    client = await rig.client(get() * 2_000)
    connection = next(iter(rig.server.connections))
    await until(lambda: connection._full)
    assert connection._local.buffered < 2 * HIGH_WATER
    for _ in range(2_000):
        assert len((await client.answer())[1]) == 10_001


async def test_a_client_that_goes_while_it_has_answers_to_take_is_forgotten(rig: Rig) -> None:
    rig.handler.decide_as = lambda request: page(200, "x" * 10_000)
    client = await rig.client(get() * 2_000)
    connection = next(iter(rig.server.connections))
    await until(lambda: connection._full)
    client.writer.transport.abort()
    await until(lambda: not rig.server.connections)


async def test_others_have_their_turn_between_requests_sent_ahead(rig: Rig) -> None:
    turns: list[int] = []
    asked: list[str] = []
    loop = asyncio.get_running_loop()

    def turn() -> None:
        turns.append(len(asked))
        if len(asked) < 100:
            loop.call_soon(turn)

    rig.handler.decide_as = lambda request: asked.append(request.target) or page(404, "no")
    client = await rig.client(get() * 100)
    loop.call_soon(turn)
    for _ in range(100):
        await client.answer()
    assert set(range(1, 100)) <= set(turns)


@pytest.mark.parametrize("step", ["pause", "leave"])
async def test_whose_request_is_served_while_another_process_takes_over_is_told(
    rig: Rig, step: str
) -> None:
    client = await rig.client(get())
    server = await rig.backend()
    await server.head()
    getattr(rig.server, step)()
    server.send(ok())
    assert b"\r\nConnection: close\r\n" in (await client.answer())[0]
    assert await client.rest() == b""


async def test_whom_this_process_answers_while_another_takes_over_is_told(rig: Rig) -> None:
    rig.handler.decide_as = lambda request: rig.server.leave() or page(200, "fine")
    client = await rig.client(get())
    assert b"\r\nConnection: close\r\n" in (await client.answer())[0]
    assert await client.rest() == b""


async def test_closing_the_server_resets_who_is_connected(rig: Rig) -> None:
    client = await rig.client(get())
    server = await rig.backend()
    await server.head()
    assert await rig.server.close() == []
    with pytest.raises(ConnectionResetError):
        await client.rest()


async def test_a_client_that_resets_is_forgotten(rig: Rig) -> None:
    client = await rig.client(get())
    server = await rig.backend()
    await server.head()
    sock: socket.socket = client.writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()
    assert await server.rest() == b""
    await until(lambda: not rig.server.connections)


@pytest.mark.parametrize("lasting", [True, False])
async def test_what_lasts_is_decided_once_for_requests_that_are_the_same(
    rig: Rig, lasting: bool
) -> None:
    asked: list[str] = []
    rig.handler.decide_as = lambda request: asked.append(request.target)
    rig.handler.more = {"lasting": lasting}
    post = b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n"
    client = await rig.client(post + b"1" + post + b"2" + post)
    server = await rig.backend()
    for body in (b"1", b"2", b"3"):
        head = await server.head()
        assert head.startswith(b"POST /a ")
        if body == b"3":
            client.send(b"3" + post[:20])
        assert await server.exactly(1) == body
        server.send(ok(body))
        assert (await client.answer())[1] == body
    client.send(post[20:] + b"4" + get("/b"))
    assert (await server.head(), await server.exactly(1)) == (head, b"4")
    server.send(ok())
    assert (await server.head()).startswith(b"GET /b ")
    assert asked == (["/a", "/b"] if lasting else ["/a"] * 4 + ["/b"])


async def test_a_long_head_is_not_remembered(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KNOWN_MAX", len(get("/a")))
    asked: list[str] = []
    rig.handler.decide_as = lambda request: asked.append(request.target)
    rig.handler.more = {"lasting": True}
    client = await rig.client(get("/a") * 2 + get("/ab") * 2)
    server = await rig.backend()
    for _ in range(4):
        await server.head()
        server.send(ok())
        await client.answer()
    assert asked == ["/a", "/ab", "/ab"]
