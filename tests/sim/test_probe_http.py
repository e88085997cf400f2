"""The probe's HTTP port."""

from __future__ import annotations

import asyncio
import hashlib
import io
from collections.abc import AsyncIterator

import aiohttp
import pytest

from kfwd.sim.pattern import sha256
from kfwd.sim.probe import Probe


@pytest.fixture
async def probe() -> AsyncIterator[Probe]:
    probe = Probe("web-0")
    await probe.start()
    yield probe
    await probe.kill()


@pytest.fixture
async def http(probe: Probe) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(f"http://127.0.0.1:{probe.ports[8080]}") as session:
        yield session
    await asyncio.sleep(0)


async def test_any_path_tells_pod_path_and_host(http: aiohttp.ClientSession) -> None:
    async with http.get("/a/b?c=1", headers={"Host": "shop"}) as answer:
        assert await answer.text() == "pod=web-0 path=/a/b?c=1 host=shop"
        assert answer.headers["X-Pod"] == "web-0"


async def test_bytes_have_a_length_and_the_known_hash(http: aiohttp.ClientSession) -> None:
    async with http.get("/bytes/300001") as answer:
        assert answer.headers["Content-Length"] == "300001"
        assert hashlib.sha256(await answer.read()).hexdigest() == sha256(300_001)


@pytest.mark.parametrize("path", ["/bytes/", "/bytes/x", "/slow?ms=x"])
async def test_a_number_that_is_none_is_400(http: aiohttp.ClientSession, path: str) -> None:
    async with http.get(path) as answer:
        assert answer.status == 400


async def test_sha_hashes_a_body_of_any_size(http: aiohttp.ClientSession) -> None:
    body = bytes(3 << 20)
    async with http.post("/sha", data=io.BytesIO(body)) as answer:
        assert await answer.text() == f"{len(body)} {hashlib.sha256(body).hexdigest()}\n"


async def test_sse_sends_events_until_the_pod_ends(
    http: aiohttp.ClientSession, probe: Probe
) -> None:
    async with http.get("/sse") as answer:
        assert answer.content_type == "text/event-stream"
        assert await answer.content.readline() == b"id: 0\n"
        await probe.drain()
        assert (await answer.read()).startswith(b"data: pod=web-0 n=0\n\n")


async def test_slow_waits_as_long_as_asked(http: aiohttp.ClientSession) -> None:
    loop = asyncio.get_running_loop()
    started = loop.time()
    async with http.get("/slow?ms=120") as answer:
        assert (await answer.text()).startswith("pod=web-0 path=/slow")
    assert loop.time() - started >= 0.12


async def test_headers_come_back_as_json(http: aiohttp.ClientSession) -> None:
    async with http.get("/headers", headers={"X-Own": "1"}) as answer:
        assert (await answer.json())["X-Own"] == "1"


async def test_redirect_leads_to_a_page_with_both_kinds_of_link(
    http: aiohttp.ClientSession,
) -> None:
    async with http.get("/redirect", allow_redirects=False) as answer:
        assert (answer.status, answer.headers["Location"]) == (302, "/html")
    async with http.get("/redirect") as answer:
        page = await answer.text()
    assert 'href="/headers"' in page
    assert 'href="redirect"' in page


async def test_websocket_echoes_text_and_bytes(http: aiohttp.ClientSession) -> None:
    async with http.ws_connect("/ws") as socket:
        await socket.send_str("a")
        assert await socket.receive_str() == "a"
        await socket.send_bytes(b"\0b")
        assert await socket.receive_bytes() == b"\0b"


async def test_a_plain_request_for_the_websocket_is_426(http: aiohttp.ClientSession) -> None:
    async with http.get("/ws") as answer:
        assert answer.status == 426


async def test_an_open_websocket_is_closed_as_going_away_when_the_pod_ends(
    http: aiohttp.ClientSession, probe: Probe
) -> None:
    async with http.ws_connect("/ws") as socket:
        message, _ = await asyncio.gather(socket.receive(), probe.drain())
        assert (message.type, message.data) == (aiohttp.WSMsgType.CLOSE, 1001)


async def test_each_request_is_a_line_of_the_log(probe: Probe, http: aiohttp.ClientSession) -> None:
    async with http.post("/a?b=c", data=b"x"):
        pass
    assert probe.log.lines()[-1].text == "POST /a?b=c from 127.0.0.1"
