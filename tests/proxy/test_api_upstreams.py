from __future__ import annotations

import asyncio
from typing import Any

import pytest

from kfwd.errors import LoginNeeded, Unreachable
from kfwd.proxy import api_upstreams as module
from kfwd.proxy.api_upstreams import ApiUpstreams
from kfwd.proxy.upstream import Client
from tests.proxy.rig import Peer, Rig, get, ok
from tests.until import until

ASKER = Client("127.0.0.1:5", "127.0.0.1:80")


async def served(rig: Rig, *lines: str) -> tuple[Peer, Peer, bytes]:
    """A client whose request has been answered, the server, and the head that this got."""
    client = await rig.client(get("/", *lines))
    server = await rig.backend()
    head = await server.head()
    server.send(ok())
    await client.answer()
    return client, server, head


async def sent(rig: Rig, *lines: str) -> bytes:
    """The head that the server gets of a request with these headers."""
    _, server, head = await served(rig, *lines)
    server.close()
    return head


async def test_a_caller_s_own_login_goes_in_the_place_of_ours(rig: Rig) -> None:
    head = await sent(rig, "Authorization: Bearer theirs")
    assert head.count(b"Authorization") == 1
    assert b"Bearer theirs" in head


async def test_a_caller_s_impersonation_goes_in_the_place_of_ours(rig: Rig) -> None:
    credentials = rig.context.credentials
    credentials.current = credentials.credential(
        "one", **{"Impersonate-User": "ours", "Impersonate-Group": "all"}
    )
    assert b"Impersonate-User: ours\r\nImpersonate-Group: all\r\n" in await sent(rig)
    head = await sent(rig, "Impersonate-User: theirs")
    assert b"Bearer one" in head
    assert b"ours" not in head
    assert b"Impersonate-Group" not in head


async def test_the_path_of_the_server_s_address_is_put_before_if_wanted(rig: Rig) -> None:
    rig.context.move(f"http://127.0.0.1:{rig.behind}/k8s/x")
    assert b"GET / HTTP" in await sent(rig)
    rig.upstreams.append_path = True
    assert b"GET /k8s/x/ HTTP" in await sent(rig)


async def test_a_kept_connection_to_another_server_is_not_used(rig: Rig) -> None:
    client, server, _ = await served(rig)
    rig.context.move(f"http://localhost:{rig.behind}")
    client.send(get("/moved"))
    other = await rig.backend()
    assert b"Host: localhost:" in await other.head()
    assert await server.rest() == b""


async def test_the_same_request_goes_with_the_credentials_of_its_time(rig: Rig) -> None:
    client = await rig.client()
    server: Peer | None = None
    for token in (b"one", b"one", b"other", b"one"):
        rig.context.credentials.current = rig.context.credentials.credential(token.decode())
        client.send(get())
        server = server or await rig.backend()
        assert b"Authorization: Bearer %b\r\n" % token in await server.head()
        server.send(ok())
        await client.answer()


async def test_connections_at_rest_are_ended_after_a_while(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "IDLE_S", 0.01)
    client = await rig.client(get("/", "Connection: close"))
    server = await rig.backend()
    await server.head()
    server.send(ok())
    await client.rest()
    assert await server.rest() == b""


async def test_a_kept_connection_that_says_something_is_ended(rig: Rig) -> None:
    client = await rig.client(get("/", "Connection: close"))
    server = await rig.backend()
    await server.head()
    server.send(ok())
    await client.rest()
    await until(lambda: rig.upstreams._idle)
    server.send(b"HTTP/1.1 408 Request Timeout\r\n\r\n")
    await until(lambda: not rig.upstreams._idle)


async def test_a_kept_connection_that_ended_just_before_a_request_is_not_used(rig: Rig) -> None:
    client, server, _ = await served(rig)
    server.writer.write_eof()
    client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
    assert b"POST " in await (await rig.backend()).head()


async def test_no_more_are_kept_than_that(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "IDLE_MAX", 1)
    clients = [await rig.client(get()) for _ in range(2)]
    servers = [await rig.backend() for _ in range(2)]
    for server in servers:
        await server.head()
        server.send(ok())
    for client in clients:
        await client.answer()
    await until(lambda: len(rig.upstreams._idle) == 1)


def upstreams(rig: Rig, hold_s: float) -> ApiUpstreams:
    context: Any = rig.context
    return ApiUpstreams(context, hold_s=hold_s, append_path=False)


async def test_without_a_hold_a_server_that_is_away_is_an_error_at_once(rig: Rig) -> None:
    await rig.close_backend()
    with pytest.raises(Unreachable):
        await upstreams(rig, 0.0).connect(ASKER, fresh=False)
    assert isinstance(rig.context.reports[-1], Unreachable)


async def test_a_request_waits_for_the_login_and_goes_on_as_soon_as_it_is_there(rig: Rig) -> None:
    rig.context.credentials.failure = LoginNeeded("log in")
    waiting = upstreams(rig, 30.0)
    task = asyncio.ensure_future(waiting.connect(ASKER, fresh=False))  # noqa: TID251  # a test's own
    await until(lambda: rig.context.reports)
    rig.context.credentials.failure = None
    rig.context.changed()
    upstream = await task
    assert rig.context.reports[-1] is None
    upstream.abort()
    await waiting.close()


async def test_after_the_hold_it_is_said_why(rig: Rig) -> None:
    rig.context.credentials.failure = LoginNeeded("log in")
    with pytest.raises(LoginNeeded, match="log in"):
        await upstreams(rig, 0.05).connect(ASKER, fresh=False)
    assert len(rig.context.reports) > 1


async def test_nothing_is_kept_after_the_end(rig: Rig) -> None:
    upstream = await rig.upstreams.connect(ASKER, fresh=True)
    server = await rig.backend()
    await rig.upstreams.close()
    upstream.release(persistent=True)
    assert await server.rest() == b""
