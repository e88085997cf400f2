"""The life of a gateway: what it shows, and what it serves, over real sockets and sessions."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from kfwd.entries import backends
from kfwd.errors import NotFound, Unreachable
from kfwd.model import State
from tests.entries.gateway_rig import GatewayRig, gatewayed
from tests.proxy.rig import ok
from tests.tunnel.peer import Peer as Session
from tests.until import until

WEB = "web.shop.localhost"


@pytest.fixture
async def rig() -> AsyncIterator[GatewayRig]:
    async with gatewayed() as rig:
        yield rig


async def asked(session: Session, start: bytes, stream: int | None = None) -> int:
    """The stream on which a request came that starts like this."""
    stream = stream or await session.opened()
    assert (await session.received(stream, len(start))).startswith(start)
    return stream


async def test_a_gateway_is_ready_once_it_knows_the_cluster_and_dials_nobody(
    rig: GatewayRig,
) -> None:
    rig.run()
    rig.ready("web-1")
    view = await rig.state(State.READY)
    assert (view.kind, view.id, view.target) == ("gateway", "dev/gateway", None)
    assert view.ports[0].remote is None
    assert view.ports[0].listen
    assert rig.hub.dials == 0


async def test_a_request_opens_a_tunnel_and_the_next_ones_use_it(rig: GatewayRig) -> None:
    gateway = rig.run()
    rig.ready("web-1")
    client = await rig.client(gateway, "/1", WEB)
    session = await rig.hub.next("web-1")
    stream = await asked(session, b"GET /1 ")
    session.data(stream, ok())
    head, body = await client.answer()
    assert head.startswith(b"HTTP/1.1 200 ")
    assert body == b"fine"
    client.send(f"GET /2 HTTP/1.1\r\nHost: {WEB}\r\n\r\n".encode())
    session.data(await asked(session, b"GET /2 ", stream), ok(b"two"))
    assert (await client.answer())[1] == b"two"
    view = gateway.view()
    assert (view.via, view.transport) == ("tunnel", "spdy")
    assert [each.pod for each in view.endpoints] == ["web-1"]


async def test_a_request_before_the_cluster_is_known_waits_for_it(rig: GatewayRig) -> None:
    gateway = rig.run()
    client = await rig.client(gateway, "/", "localhost")
    rig.ready("web-1")
    head, body = await client.answer()
    assert head.startswith(b"HTTP/1.1 200 ")
    assert b"web.shop.localhost" in body


async def test_requests_follow_the_pods(rig: GatewayRig) -> None:
    gateway = rig.run()
    rig.ready("web-1")
    client = await rig.client(gateway, "/1", WEB)
    session = await rig.hub.next("web-1")
    session.data(await asked(session, b"GET /1 "), ok())
    await client.answer()
    rig.pods("web-2")
    other = await rig.hub.next("web-2")
    client.send(f"GET /2 HTTP/1.1\r\nHost: {WEB}\r\n\r\n".encode())
    other.data(await asked(other, b"GET /2 "), ok(b"two"))
    assert (await client.answer())[1] == b"two"


async def test_a_service_without_pods_is_a_503_at_once(rig: GatewayRig) -> None:
    gateway = rig.run()
    rig.ready()
    client = await rig.client(gateway, "/", WEB)
    head, body = await client.answer()
    assert head.startswith(b"HTTP/1.1 503 ")
    assert b"has no pods" in body


async def test_what_nobody_uses_is_closed(rig: GatewayRig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backends, "IDLE_S", 0.0)
    monkeypatch.setattr("kfwd.entries.gateway.IDLE_S", 0.2)
    monkeypatch.setattr("kfwd.proxy.kept_upstreams.KEPT_S", 0.01)
    gateway = rig.run()
    rig.ready("web-1")
    client = await rig.client(gateway, "/1", WEB)
    session = await rig.hub.next("web-1")
    stream = await asked(session, b"GET /1 ")
    session.data(stream, ok())
    await client.answer()
    session.end(stream)
    await until(lambda: rig.views[-1].endpoints == () and len(rig.context.pool) == 0)
    assert rig.views[-1].state is State.READY


async def test_what_cannot_be_listed_is_a_problem_and_the_rest_is_served(rig: GatewayRig) -> None:
    gateway = rig.run()
    rig.cluster.reflectors.empty("ingresses")
    rig.forbid("ingresses")
    rig.forbid("ingresses", namespace="shop")
    rig.ready("web-1")
    rig.forbid("ingresses")
    rig.cluster.reflectors.of("ingresses").synced = False
    view = await rig.state(State.DEGRADED)
    assert view.problem is not None
    assert view.problem.code == "not-readable"
    assert view.problem.severity == "warning"
    client = await rig.client(gateway, "/", "localhost")
    assert b"ingresses cannot be read" in (await client.answer())[1]


async def test_a_cluster_without_the_gateway_api_has_no_problem(rig: GatewayRig) -> None:
    rig.run()
    optional = ("httproutes", "gateways", "referencegrants")
    rig.cluster.reflectors.empty(*optional)
    for kind in optional:
        rig.cluster.reflectors.of(kind).fail(NotFound("the server has no such resource"))
    rig.open()
    assert (await rig.state(State.READY)).problem is None


async def test_a_context_that_is_away_is_shown_and_what_is_known_stays(rig: GatewayRig) -> None:
    gateway = rig.run()
    rig.ready("web-1")
    await rig.state(State.READY)
    rig.context.fail(Unreachable("the API server does not answer"))
    view = await rig.state(State.DEGRADED)
    assert view.problem is not None
    assert view.problem.cause == "dev"
    client = await rig.client(gateway, "/", "localhost")
    assert b"the API server does not answer" in (await client.answer())[1]


async def test_a_paused_gateway_listens_nowhere(rig: GatewayRig) -> None:
    rig.run(paused=True)
    view = await rig.state(State.PAUSED)
    assert view.ports[0].listen == ()
