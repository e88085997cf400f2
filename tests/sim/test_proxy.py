"""Plain requests through the proxy subresources, over real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import hashlib
import io
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from kfwd.sim.pattern import blocks, sha256
from tests.sim.proxyworld import BASE, POD, WEB, World, proxied

MIB = 1024 * 1024


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with proxied(tmp_path) as found:
        yield found


async def failure(world: World, path: str, **options: Any) -> tuple[int, str, str]:
    """(code, reason, message) of a Status."""
    async with world.http.get(path, **options) as answer:
        status = await answer.json()
        assert answer.status == status["code"]
    return status["code"], status.get("reason", ""), status["message"]


@pytest.mark.parametrize(
    "base", [WEB, POD, f"{BASE}/services/web:80/proxy", f"{BASE}/pods/p/proxy"]
)
async def test_a_request_arrives_with_its_query_and_host(world: World, base: str) -> None:
    async with world.http.get(f"{base}/a/b?c=1&d=%20", headers={"Host": "shop"}) as answer:
        assert await answer.text() == "pod=p path=/a/b?c=1&d=%20 host=shop"
        assert answer.headers["X-Pod"] == "p"


async def test_what_the_pod_is_told_about_the_client(world: World) -> None:
    own = {"X-Forwarded-For": "10.0.0.1", "Cookie": "a=b", "Origin": "http://x", "x-own-id": "1"}
    found = await world.headers(headers=own)
    assert found["X-Forwarded-For"] == "10.0.0.1, 127.0.0.1"
    assert found["X-Forwarded-Uri"] == f"{WEB}/headers"
    assert (found["Cookie"], found["Origin"], found["X-Own-Id"]) == ("a=b", "http://x", "1")
    assert not {"Authorization", "X-Forwarded-Host", "X-Forwarded-Proto"} & found.keys()


async def test_methods_and_bodies_arrive_whole(world: World) -> None:
    body = b"".join(blocks(3 * MIB))
    expected = f"{3 * MIB} {sha256(3 * MIB)}\n"
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        async with world.http.request(method, f"{WEB}/sha", data=io.BytesIO(body)) as answer:
            assert await answer.text() == expected

    async def chunks() -> AsyncIterator[bytes]:
        for block in blocks(3 * MIB):
            yield block

    async with world.http.post(f"{WEB}/sha", data=chunks()) as answer:
        assert await answer.text() == expected
    async with world.http.post(f"{WEB}/sha", data=io.BytesIO(body), expect100=True) as answer:
        assert await answer.text() == expected


async def test_a_head_has_headers_and_no_body(world: World) -> None:
    async with world.http.head(f"{WEB}/bytes/1000") as answer:
        assert answer.headers["Content-Length"] == "1000"
        assert await answer.read() == b""


async def test_a_large_answer_keeps_its_length_and_its_bytes(world: World) -> None:
    digest = hashlib.sha256()
    async with world.http.get(f"{WEB}/bytes/{20 * MIB}") as answer:
        assert answer.headers["Content-Length"] == str(20 * MIB)
        async for chunk in answer.content.iter_any():
            digest.update(chunk)
    assert digest.hexdigest() == sha256(20 * MIB)


async def test_events_come_as_they_are_sent(world: World) -> None:
    async with world.http.get(f"{WEB}/sse") as answer:
        assert answer.headers["Content-Type"] == "text/event-stream"
        assert await answer.content.readline() == b"id: 0\n"


async def test_without_the_slash_at_the_end_a_get_is_sent_there(world: World) -> None:
    for method in ("GET", "HEAD"):
        async with world.http.request(method, f"{WEB}?a=b", allow_redirects=False) as answer:
            assert (answer.status, answer.headers["Location"]) == (301, f"{WEB}/?a=b")
    async with world.http.post(WEB, data=b"x") as answer:
        assert (await answer.text()).startswith("pod=p path=/ ")


async def test_locations_and_links_get_the_long_path(world: World) -> None:
    async with world.http.get(f"{WEB}/redirect", allow_redirects=False) as answer:
        assert (answer.status, answer.headers["Location"]) == (302, f"{WEB}/html")
    async with world.http.get(f"{WEB}/html") as answer:
        page = await answer.text()
    assert f'<a href="{WEB}/headers">' in page
    assert '<a href="redirect">' in page


async def test_a_compressed_page_is_rewritten_and_compressed_again(world: World) -> None:
    body = gzip.compress(b'<a href="/x">')
    await world.answering(
        b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Encoding: gzip\r\n"
        b"Access-Control-Allow-Origin: *\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
    )
    async with world.http.get(f"{WEB}/") as answer:
        assert await answer.text() == f'<a href="{WEB}/x">'
        assert "Access-Control-Allow-Origin" not in answer.headers


async def test_what_cannot_be_reached_is_unavailable(world: World) -> None:
    [pod] = world.cluster.store.objects("pods")
    address = pod["status"]["podIP"]
    code, reason, message = await failure(world, f"{BASE}/pods/p:9999/proxy/")
    assert (code, reason) == (503, "ServiceUnavailable")
    refused = f"dial tcp {address}:9999: connect: connection refused"
    assert message == f"error trying to reach service: {refused}"
    reset = await failure(world, f"{BASE}/pods/p:9005/proxy/")
    assert "connection reset by peer" in reset[2]
    unknown = await failure(world, f"{BASE}/pods/p:metrics/proxy/")
    assert unknown[2] == "error trying to reach service: dial tcp: lookup tcp/metrics: unknown port"
    tls = await failure(world, f"{BASE}/pods/https:p:8080/proxy/")
    assert tls[2].endswith("tls: first record does not look like a TLS handshake")
    echoed = await failure(world, f"{BASE}/pods/p:9000/proxy/")
    assert "malformed HTTP response" in echoed[2]


async def test_a_back_end_that_closes_without_an_answer_is_an_end_of_file(world: World) -> None:
    await world.answering(b"")
    assert (await failure(world, f"{WEB}/"))[2] == "error trying to reach service: EOF"


async def test_an_answer_that_breaks_off_is_cut_off(world: World) -> None:
    await world.answering(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
    async with world.http.get(f"{WEB}/") as answer:
        assert await answer.content.readexactly(5) == b"hello"
        with pytest.raises(aiohttp.ClientPayloadError):
            await answer.content.read()


async def test_a_client_that_leaves_frees_its_pod(world: World) -> None:
    left = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbegun")
        await reader.read()
        left.set()
        writer.close()

    await world.instead(serve)
    answer = await world.http.get(f"{WEB}/")
    assert await answer.content.readexactly(5) == b"begun"
    answer.close()
    async with asyncio.timeout(5):
        await left.wait()


async def test_the_verb_of_the_method_is_needed_on_the_subresource(world: World) -> None:
    world.cluster.faults.merge(b'{"forbid": ["create services/proxy"]}')
    async with world.http.get(f"{WEB}/") as answer:
        assert answer.status == 200
    async with world.http.post(f"{WEB}/", data=b"x") as answer:
        message = (await answer.json())["message"]
    assert answer.status == 403
    assert 'cannot create resource "services/proxy" in API group ""' in message
    assert (await failure(world, f"{WEB}/", headers={"Authorization": "Bearer no"}))[0] == 401


async def test_other_methods_and_ids_are_refused(world: World) -> None:
    async with world.http.request("PURGE", f"{WEB}/") as answer:
        assert answer.status == 405
    assert (await failure(world, f"{BASE}/services/a:b:c:d/proxy/"))[:2] == (400, "BadRequest")


async def test_a_node_is_its_kubelet(world: World) -> None:
    async with world.http.get("/api/v1/nodes/node-1/proxy/healthz") as answer:
        assert await answer.text() == "ok"
    async with world.http.get("/api/v1/nodes/node-1/proxy/pods") as answer:
        pods = json.loads(await answer.text())["items"]
    assert [pod["metadata"]["name"] for pod in pods] == ["p"]
    async with world.http.get("/api/v1/nodes/node-1/proxy/metrics") as answer:
        assert answer.status == 404


async def test_overload_does_not_concern_proxied_requests(world: World) -> None:
    world.cluster.faults.merge(b'{"too_many_requests": 1}')
    async with world.http.get(f"{WEB}/") as answer:
        assert answer.status == 200


async def test_a_client_that_does_not_read_holds_its_pod_back(world: World) -> None:
    sent = 0
    too_much = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
        with contextlib.suppress(OSError):
            for block in blocks(200 * MIB):
                writer.write(block)
                await writer.drain()
                sent += len(block)
                if sent > 100 * MIB:
                    too_much.set()
        writer.close()

    await world.instead(serve)
    answer = await world.http.get(f"{WEB}/")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.5):
            await too_much.wait()
    assert sent > 0
    answer.close()
