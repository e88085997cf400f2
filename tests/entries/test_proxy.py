"""The life of a proxy without a target: what it shows, and that it outlives its server."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from kfwd.errors import Unreachable
from kfwd.model import ContextState, State
from tests.entries.proxy_rig import ProxyRig, proxied
from tests.proxy.rig import ok
from tests.until import until


@pytest.fixture
async def rig() -> AsyncIterator[ProxyRig]:
    async with proxied() as rig:
        yield rig


async def test_it_is_ready_once_the_api_server_answers(rig: ProxyRig) -> None:
    rig.run()
    await rig.state(State.STARTING)
    rig.ready()
    view = await rig.state(State.READY)
    assert (view.kind, view.id, view.target, view.via) == ("proxy", "dev/app", None, None)
    (port,) = view.ports
    assert (port.remote, port.port) == (None, None)
    assert port.listen == (f"127.0.0.1:{rig.kept['listen']}",)


async def test_requests_reach_the_api_server_and_are_counted(rig: ProxyRig) -> None:
    proxy = rig.run(requests=True)
    rig.ready()
    accepted: list[int] = []
    proxy.accepted.add(accepted.append)
    client = await rig.client(proxy, "/version")
    server = await rig.server()
    assert b"GET /version " in await server.head()
    (connection,) = proxy.connections()
    assert (connection.state, connection.pod) == ("open", None)
    server.send(ok())
    assert (await client.rest()).endswith(b"fine")
    assert proxy.requests is not None
    assert [each.path for each in proxy.requests.seen] == ["/version"]
    numbers = proxy.counters()
    assert (numbers.connections.total, accepted) == (1, [rig.kept["listen"]])
    assert min(numbers.bytes.received, numbers.bytes.sent) > 0


async def test_it_waits_while_the_context_is_away_and_so_do_requests(rig: ProxyRig) -> None:
    proxy = rig.run()
    client = await rig.client(proxy)
    rig.context.fail(Unreachable("no route"))
    view = await rig.state(State.WAITING, "unreachable")
    assert view.problem is not None
    assert view.problem.cause == "dev"
    rig.cluster.state = ContextState.OK
    rig.context.fail(None)
    rig.ready()
    await rig.state(State.READY)
    server = await rig.server()
    await server.head()
    server.send(ok(b"at last"))
    assert (await client.rest()).endswith(b"at last")


async def test_a_paused_proxy_listens_nowhere(rig: ProxyRig) -> None:
    proxy = rig.run(paused=True)
    await rig.state(State.PAUSED)
    assert proxy.view().ports[0].listen == ()


async def test_a_busy_port_is_waited_for(rig: ProxyRig, monkeypatch: pytest.MonkeyPatch) -> None:
    from kfwd.entries import proxy as module

    monkeypatch.setattr(module, "BIND_AGAIN_S", 0.01)
    first = rig.run()
    rig.ready()
    port = rig.kept["listen"]
    second = rig.run(port=port)
    await until(lambda: second.view().problem is not None)
    problem = second.view().problem
    assert problem is not None
    assert problem.code == "port-in-use"
    assert await first.close() == []
    await until(lambda: second.view().state is State.READY)


async def test_without_requests_to_be_kept_none_are(rig: ProxyRig) -> None:
    assert rig.run().requests is None
