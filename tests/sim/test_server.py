"""The API over real TLS connections."""

from __future__ import annotations

import asyncio
import io
import json
import ssl
from collections.abc import AsyncIterator
from functools import cache
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from yarl import URL

from kfwd.sim.admin import Admin
from kfwd.sim.api import Api
from kfwd.sim.auth import ADMINS, AUTHENTICATED, Tokens, User
from kfwd.sim.exchange import Answer
from kfwd.sim.faults import Faults
from kfwd.sim.node import PortMap
from kfwd.sim.podlog import PodLog
from kfwd.sim.portforward import PortForward
from kfwd.sim.proxy import Proxy
from kfwd.sim.server import Backend, Server, raw_answer
from kfwd.sim.sessions import Sessions
from kfwd.sim.tls import Authority
from tests.sim.builders import ADMIN, create, filled, pod

PODS = "/api/v1/namespaces/demo/pods"


@cache
def authority() -> Authority:
    return Authority()


class Served:
    """A server over a store, and an HTTP client with an admin's token."""

    def __init__(self) -> None:
        self.store, self.tokens, self.faults = filled(), Tokens(), Faults()
        self.logs: dict[str, PodLog] = {}
        sessions = Sessions(self.faults)
        ports = PortMap()
        self.proxy = Proxy(self.store, ports)
        backend = Backend(
            api=Api(self.store, self.tokens, self.faults, self.logs.get),
            admin=Admin(self.store, self.tokens, self.faults, sessions),
            portforward=PortForward(ports, self.faults, sessions),
            proxy=self.proxy,
            faults=self.faults,
        )
        self.server = Server(backend, authority().server_context(), faulty=True)
        self.spare = Server(backend, authority().server_context(), faulty=False)
        self.url = f"https://127.0.0.1:{self.server.listen('127.0.0.1', 0)}"
        self.spare_url = f"https://127.0.0.1:{self.spare.listen('127.0.0.1', 0)}"
        self.token = self.tokens.issue(ADMIN)
        headers = {"Authorization": f"Bearer {self.token}"}
        self.tls = ssl.create_default_context(cadata=authority().pem.decode())
        self.dials = 0
        tracing = aiohttp.TraceConfig()
        tracing.on_connection_create_end.append(self._dialled)
        connector = aiohttp.TCPConnector(ssl=self.tls)
        self.http = aiohttp.ClientSession(
            connector=connector, headers=headers, trace_configs=[tracing]
        )

    async def _dialled(self, *_: object) -> None:
        self.dials += 1

    async def get(self, path: str, **options: Any) -> Any:
        async with self.http.get(self.url + path, **options) as response:
            return await response.json()

    async def close(self) -> None:
        await self.http.close()
        await self.server.close()
        await self.spare.close()
        await self.proxy.close()


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    found = Served()
    yield found
    await found.close()


async def test_requests_follow_each_other_on_one_connection(served: Served) -> None:
    create(served.store, pod("a"))
    assert (await served.get("/version"))["major"] == "1"
    assert [p["metadata"]["name"] for p in (await served.get(PODS))["items"]] == ["a"]
    async with served.http.post(served.url + PODS, json=pod("b")) as response:
        assert response.status == 201
    async with served.http.delete(f"{served.url}{PODS}/missing") as response:
        assert response.status == 404
        assert (await response.json())["reason"] == "NotFound"
    assert served.dials == 1


async def test_a_client_certificate_is_who_one_is(served: Served, tmp_path: Path) -> None:
    pair = authority().client("ann", (ADMINS,))
    (tmp_path / "both.pem").write_bytes(pair.cert + pair.key)
    context = ssl.create_default_context(cadata=authority().pem.decode())
    context.load_cert_chain(tmp_path / "both.pem")
    connector = aiohttp.TCPConnector(ssl=context)
    path = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
    async with (
        aiohttp.ClientSession(connector=connector) as http,
        http.post(served.url + path, json={}) as response,
    ):
        status = (await response.json())["status"]
    assert status["userInfo"] == {"username": "ann", "groups": [ADMINS, AUTHENTICATED]}


async def event(response: aiohttp.ClientResponse) -> dict[str, Any]:
    async with asyncio.timeout(5):
        line = await response.content.readline()
    found: dict[str, Any] = json.loads(line)
    return found


async def test_a_watch_streams_changes_as_they_happen(served: Served) -> None:
    target = f"{served.url}{PODS}?watch=1&resourceVersion={served.store.version}"
    async with served.http.get(target) as response:
        assert response.headers["Transfer-Encoding"] == "chunked"
        create(served.store, pod("a"))
        assert (await event(response))["type"] == "ADDED"
        served.store.delete("pods", "demo", "a")
        assert (await event(response))["type"] == "DELETED"


async def test_a_watch_ends_with_a_bookmark_when_its_time_is_up(served: Served) -> None:
    target = f"{served.url}{PODS}?watch=1&allowWatchBookmarks=true&timeoutSeconds=1"
    async with served.http.get(target) as response:
        found = await event(response)
        assert found["type"] == "BOOKMARK"
        assert found["object"]["metadata"]["resourceVersion"] == str(served.store.version)
        assert await response.content.read() == b""


async def test_a_compacted_watch_ends_with_an_error_event(served: Served) -> None:
    target = f"{served.url}{PODS}?watch=1&resourceVersion={served.store.version}"
    async with served.http.get(target) as response:
        served.store.compact()
        found = await event(response)
        assert (found["type"], found["object"]["code"]) == ("ERROR", 410)
        assert await response.content.read() == b""
    served.faults.merge(b'{"watch_gone": true}')
    async with served.http.get(f"{served.url}{PODS}?watch=1") as response:
        assert (await event(response))["type"] == "ERROR"


async def test_a_client_that_leaves_ends_its_watch(served: Served) -> None:
    target = f"{served.url}{PODS}?watch=1"
    async with served.http.get(target):
        assert served.store.watching("pods") == 1
    async with asyncio.timeout(5):
        while served.store.watching("pods"):  # noqa: ASYNC110 - nothing tells of a watch's end
            await asyncio.sleep(0.01)


async def test_a_frozen_server_answers_when_it_thaws(served: Served) -> None:
    await served.get("/version")
    served.faults.merge(b'{"freeze": "all"}')
    task = asyncio.get_running_loop().create_task(served.get("/version"))
    done, _ = await asyncio.wait([task], timeout=0.1)
    assert not done
    headers = {"Authorization": f"Bearer {served.token}"}
    async with served.http.patch(
        f"{served.spare_url}/sim/faults", data=b'{"freeze": ""}', headers=headers
    ) as response:
        assert response.status == 200
    assert (await task)["major"] == "1"


async def test_expired_tokens_can_be_made_valid_again_at_the_spare_port(served: Served) -> None:
    faults = f"{served.spare_url}/sim/faults"
    async with served.http.patch(faults, json={"token_expired": True}) as response:
        assert response.status == 200
    assert (await served.get(PODS))["code"] == 401
    async with served.http.patch(faults, json={"token_expired": False}) as response:
        assert response.status == 200
    assert (await served.get(PODS))["items"] == []


async def test_a_body_without_an_end_is_refused(served: Served) -> None:
    body = io.BytesIO(bytes(17 * 1024 * 1024))
    async with served.http.post(served.url + PODS, data=body) as response:
        assert response.status == 413


async def ask(served: Served, request: str) -> bytes:
    """The raw answer to a request on a connection of its own."""
    port = int(served.url.rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=served.tls)
    writer.write(request.replace("\n", "\r\n").encode())
    async with asyncio.timeout(5):
        answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


async def test_a_port_forward_is_refused_by_the_api_server_in_its_order(served: Served) -> None:
    """Checks 4 and 5 of protocol notes J.2."""
    create(served.store, pod("waiting"))
    create(served.store, pod("placed", nodeName="node-1"))
    bob = served.tokens.issue(User("bob", (AUTHENTICATED,)))

    def request(name: str, token: str) -> str:
        auth = f"Authorization: Bearer {token}\n" if token else ""
        upgrade = "Connection: Upgrade\nUpgrade: SPDY/3.1\n"
        return f"POST {PODS}/{name}/portforward HTTP/1.1\nHost: x\n{auth}{upgrade}\n"

    for name, token, status, message in (
        ("placed", "", 401, "Unauthorized"),
        ("placed", bob, 403, 'pods \\"placed\\" is forbidden: User \\"bob\\" cannot create'),
        ("x", served.token, 404, 'pods \\"x\\" not found'),
        ("waiting", served.token, 400, "pod waiting does not have a host assigned"),
    ):
        answer = (await ask(served, request(name, token))).decode()
        assert answer.startswith(f"HTTP/1.1 {status} ")
        assert message in answer
    plain = (
        f"GET {PODS}/placed/portforward HTTP/1.1\nHost: x\nAuthorization: Bearer {served.token}\n\n"
    )
    answer = (await ask(served, plain)).decode()
    assert answer.startswith("HTTP/1.1 400 ")
    assert "Upgrade request required" in answer


async def test_a_port_forward_may_follow_other_requests_on_its_connection(served: Served) -> None:
    create(served.store, pod("placed", nodeName="node-1"))
    common = f"Host: x\nAuthorization: Bearer {served.token}\n"
    upgrade = "Connection: Upgrade\nUpgrade: SPDY/3.1\nX-Stream-Protocol-Version: other\n"
    port = int(served.url.rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=served.tls)
    writer.write(f"GET /version HTTP/1.1\n{common}\n".replace("\n", "\r\n").encode())
    async with asyncio.timeout(5):
        while not (await reader.readline()).startswith(b'{"major"'):
            pass
        request = f"POST {PODS}/placed/portforward HTTP/1.1\n{common}{upgrade}\n"
        writer.write(request.replace("\n", "\r\n").encode())
        answer = await reader.read()
    assert answer.startswith(b"HTTP/1.1 403 ")
    assert b"unable to negotiate protocol" in answer
    writer.close()
    await writer.wait_closed()


def test_a_raw_answer_is_whole_and_the_last_of_its_connection() -> None:
    answer = raw_answer(Answer(body=b"{}", code=404, headers={"X-A": "b"}))
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.split(b"\r\n") == [
        b"HTTP/1.1 404 Not Found",
        b"X-A: b",
        b"Content-Type: application/json",
        b"Content-Length: 2",
        b"Connection: close",
    ]
    assert body == b"{}"


async def test_a_followed_log_streams_lines_until_its_pod_ends(served: Served) -> None:
    made = create(served.store, pod("a", nodeName="node-1"))
    served.store.update("pods", "demo", "a", lambda o: o["status"].update(phase="Running"))
    log = served.logs[made["metadata"]["uid"]] = PodLog()
    log.write("first")
    async with served.http.get(f"{served.url}{PODS}/a/log?follow=true") as response:
        assert response.content_type == "text/plain"
        assert await response.content.readline() == b"first\n"
        log.write("second")
        assert await response.content.readline() == b"second\n"
        log.end()
        assert await response.content.read() == b""


async def test_a_client_that_waits_with_its_body_is_told_to_send_it(served: Served) -> None:
    async with served.http.post(served.url + PODS, json=pod("c"), expect100=True) as response:
        assert response.status == 201


async def test_a_path_that_cannot_be_decoded_is_a_bad_request(served: Served) -> None:
    url = URL(f"{served.url}/api/v1/namespaces/demo/pods/%zz?a=%zz", encoded=True)
    async with served.http.get(url) as response:
        assert (response.status, await response.text()) == (400, "400 Bad Request")
    url = URL(f"{served.url}/version?a=%zz", encoded=True)
    async with served.http.get(url) as response:
        assert response.status == 200


async def test_no_request_is_too_many_at_the_spare_port(served: Served) -> None:
    served.faults.merge(b'{"too_many_requests": 1}')
    headers = {"Authorization": f"Bearer {served.token}"}
    async with served.http.get(served.spare_url + PODS, headers=headers) as response:
        assert response.status == 200
    assert served.faults.now.too_many_requests == 1
