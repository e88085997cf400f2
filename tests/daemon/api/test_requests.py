"""The requests that an entry has served."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import msgspec

from kfwd.api_model import EntryRequest
from kfwd.daemon.api import snapshot
from kfwd.model import ProxySpec
from tests.daemon.rig import Rig
from tests.until import until


async def proxy(rig: Rig, **spec: Any) -> int:
    """Add a proxy; the port it listens on."""
    wanted = ProxySpec(name="api", port=0, hold_s=0.0, **spec)
    request = EntryRequest(spec=wanted, kubeconfig=(rig.kubeconfig,))
    status, answer = await rig.call("PUT", "/v1/entries/-/api", request)
    assert (status, answer) == (200, {"id": "-/api"})
    return rig.port("-/api")


async def ask(port: int, path: str) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: evil.com\r\nConnection: close\r\n\r\n".encode())
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


async def lines(stream: aiohttp.StreamReader, count: int) -> list[Any]:
    found = []
    while len(found) < count:
        async with asyncio.timeout(5):
            line = await stream.readline()
        if line.strip():
            found.append(msgspec.json.decode(line))
    return found


async def test_they_are_listed_and_followed(rig: Rig, monkeypatch: Any) -> None:
    monkeypatch.setattr(snapshot, "HEARTBEAT_S", 0.01)
    port = await proxy(rig, requests=True)
    assert (await ask(port, "/1?token=secret")).startswith(b"HTTP/1.1 403 ")
    entry = rig.daemon.entry("-/api")
    await until(lambda: entry.requests.seen)  # type: ignore[attr-defined]  # a proxy has them
    async with rig.http.get("http://kfwd/v1/entries/-/api/requests") as answer:
        (seen,) = [msgspec.json.decode(line) for line in (await answer.read()).splitlines()]
    assert (seen["method"], seen["path"], seen["status"]) == ("GET", "/1", 403)
    async with rig.http.get("http://kfwd/v1/entries/-/api/requests?follow=1") as answer:
        assert [each["path"] for each in await lines(answer.content, 1)] == ["/1"]
        await ask(port, "/2")
        assert [each["path"] for each in await lines(answer.content, 1)] == ["/2"]
        answer.close()


async def test_an_entry_that_keeps_none_says_how_to(rig: Rig) -> None:
    await proxy(rig)
    status, body = await rig.call("GET", "/v1/entries/-/api/requests")
    assert status == 400
    assert body["error"]["code"] == "requests-not-kept"
    assert (await rig.call("GET", "/v1/entries/-/none/requests"))[0] == 404
