from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from kfwd.front.users import Users
from kfwd.proxy import server as module
from kfwd.proxy.decision import page
from kfwd.proxy.server import HttpServer
from tests.proxy.rig import PassAll, Rig, get, ok
from tests.until import until


async def test_requests_are_noted_without_what_is_secret(rig: Rig) -> None:
    client = await rig.client(
        b"POST /a/b?token=secret HTTP/1.1\r\nHost: a\r\nX-Key: secret\r\n"
        b"Content-Length: 6\r\n\r\nsecret"
    )
    server = await rig.backend()
    await server.head()
    server.send(b"HTTP/1.1 201 Made\r\nContent-Length: 3\r\n\r\nyes")
    await client.answer()
    await until(lambda: rig.log.seen)
    (seen,) = rig.log.seen
    assert (seen.method, seen.path, seen.status, seen.pod) == ("POST", "/a/b", 201, None)
    assert seen.bytes.received == len(b"HTTP/1.1 201 Made\r\nContent-Length: 3\r\n\r\nyes")
    assert 0 <= seen.duration_ms < 5000
    assert "secret" not in repr(seen)


async def test_what_is_answered_here_is_noted_too(rig: Rig) -> None:
    rig.handler.decide_as = lambda request: page(403, "no")
    await (await rig.client(get("/", "Connection: close"))).rest()
    assert [request.status for request in rig.log.seen] == [403]


async def test_connections_and_bytes_are_counted(rig: Rig) -> None:
    client = await rig.client(get())
    server = await rig.backend()
    await server.head()
    server.send(ok())
    head, body = await client.answer()
    counters = rig.server.counters
    assert (counters.open, counters.total) == (1, 1)
    assert (counters.sent, counters.received) == (len(get()), len(head + body))
    client.close()
    await until(lambda: counters.open == 0)


async def test_a_user_who_is_not_allowed_gets_a_sentence(rig: Rig) -> None:
    rig.server._users = Users(os.getuid() + 1)
    client = await rig.client(get())
    answer = await client.rest()
    assert answer.startswith(b"HTTP/1.1 403 ")
    assert b"this listener serves user" in answer
    assert b"(allow-users)" in answer
    assert rig.waiting == 0


async def test_too_many_connections_are_refused(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CONNECTIONS_MAX", 1)
    first = await rig.client(get())
    await rig.backend()
    second = await rig.client(get())
    assert (await second.rest()).startswith(b"HTTP/1.1 503 ")
    first.close()


async def test_a_unix_socket_is_for_its_owner_by_its_mode(rig: Rig, tmp_path: Path) -> None:
    server = HttpServer("unix", PassAll(rig.upstreams), users=Users(os.getuid() + 1))
    path = tmp_path / "http.sock"
    assert server.bind([f"unix:{path}"], 0) == (f"unix:{path}",)
    assert path.stat().st_mode & 0o777 == 0o600
    with socket.socket(socket.AF_UNIX) as client:
        client.setblocking(False)
        client.connect(str(path))
        client.send(get())
        backend = await rig.backend()
        assert b"GET / " in await backend.head()
    await until(lambda: not server.connections)
    assert await server.close() == []
    assert not path.exists()
