"""A proxy with a target: through a tunnel, through the API server, and from one to the other."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from kfwd.errors import Forbidden, Unreachable
from kfwd.model import State
from tests.entries.proxy_rig import ProxyRig, proxied
from tests.proxy.rig import ok
from tests.until import until

FORBIDDEN = Forbidden("no tunnels for you", code="portforward-forbidden")
LONG = "/api/v1/namespaces/shop/pods/solo:8080/proxy"


@pytest.fixture
async def rig() -> AsyncIterator[ProxyRig]:
    async with proxied() as rig:
        yield rig


async def test_through_a_tunnel_requests_reach_the_pod(rig: ProxyRig) -> None:
    proxy = rig.run(target="pod/solo:http")
    rig.ready("solo")
    view = await rig.state(State.READY)
    assert (view.via, view.transport, view.target) == ("tunnel", "spdy", "pod/solo:http")
    assert [(each.pod, each.ready) for each in view.endpoints] == [("solo", True)]
    session = await rig.hub.next("solo")
    client = await rig.client(proxy, "/a")
    stream = await session.opened()
    assert (await session.received(stream, 7)).startswith(b"GET /a ")
    session.data(stream, ok(b"from the pod", "Connection: close"))
    session.end(stream)
    assert (await client.rest()).endswith(b"from the pod")


async def test_through_the_api_server_nobody_dials(rig: ProxyRig) -> None:
    proxy = rig.run(target="pod/solo:http", via="api-proxy")
    rig.ready("solo")
    view = await rig.state(State.READY, "api-proxy-limits")
    assert view.problem is not None
    assert (view.via, view.problem.severity) == ("api-proxy", "info")
    assert [each.pod for each in view.endpoints] == ["solo"]
    client = await rig.client(proxy, "/a")
    server = await rig.server()
    assert f"GET {LONG}/a HTTP/1.1".encode() in await server.head()
    server.send(f"HTTP/1.1 302 Found\r\nLocation: {LONG}/b\r\nContent-Length: 0\r\n\r\n".encode())
    assert b"\r\nLocation: /b\r\n" in await client.rest()
    assert rig.hub.dials == 0


async def test_where_tunnels_are_forbidden_the_api_server_is_the_way_until_they_are_not(
    rig: ProxyRig,
) -> None:
    rig.hub.refuse = FORBIDDEN
    proxy = rig.run(target="pod/solo:http")
    client = await rig.client(proxy, "/a")
    rig.ready("solo")
    view = await rig.state(State.READY, "api-proxy-limits")
    assert view.problem is not None
    assert (view.via, view.problem.severity) == ("api-proxy", "warning")
    server = await rig.server()
    assert LONG.encode() in await server.head()
    server.send(ok())
    assert (await client.rest()).endswith(b"fine")
    rig.hub.refuse = None
    await rig.hub.next("solo")
    view = await rig.state(State.READY)
    assert view.via == "tunnel"


async def test_only_a_tunnel_means_only_a_tunnel(rig: ProxyRig) -> None:
    rig.hub.refuse = FORBIDDEN
    rig.run(target="pod/solo:http", via="tunnel")
    rig.ready("solo")
    view = await rig.state(State.FAILED, "portforward-forbidden")
    assert view.via == "tunnel"


@pytest.mark.parametrize("via", ["auto", "api-proxy"])
async def test_requests_wait_for_a_pod(rig: ProxyRig, via: str) -> None:
    proxy = rig.run(target="pod/solo:http", via=via)
    rig.ready()
    await rig.state(State.WAITING, "not-found")
    client = await rig.client(proxy)
    await until(lambda: proxy.counters().connections.waiting == 1)
    rig.ready("solo")
    if via == "auto":
        session = await rig.hub.next("solo")
        stream = await session.opened()
        session.data(stream, ok(b"fine", "Connection: close"))
        session.end(stream)
    else:
        server = await rig.server()
        await server.head()
        server.send(ok())
    assert (await client.rest()).endswith(b"fine")
    assert proxy.counters().connections.waiting == 0


async def test_after_the_hold_the_reason_is_said(rig: ProxyRig) -> None:
    proxy = rig.run(target="pod/solo:http", via="api-proxy", hold_s=0.0)
    rig.ready()
    await rig.state(State.WAITING, "not-found")
    answer = await (await rig.client(proxy)).rest()
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b"held for 0 s: " in answer
    assert b"solo" in answer


async def test_a_target_without_a_port_needs_a_person(rig: ProxyRig) -> None:
    rig.run(target="pod/solo")
    view = await rig.state(State.FAILED, "no-port")
    assert view.problem is not None
    assert view.problem.hint == "write it behind, as in svc/web:80"


async def test_a_port_that_the_pod_does_not_have_needs_a_person(rig: ProxyRig) -> None:
    rig.run(target="pod/solo:nope")
    rig.ready("solo")
    await rig.state(State.FAILED, "no-such-port")


async def test_an_unreachable_server_is_the_context_s_problem(rig: ProxyRig) -> None:
    rig.run(target="pod/solo:http", via="api-proxy")
    rig.ready("solo")
    await rig.state(State.READY, "api-proxy-limits")
    rig.context.fail(Unreachable("away"))
    view = await rig.state(State.DEGRADED, "unreachable")
    assert view.problem is not None
    assert view.problem.cause == "dev"
