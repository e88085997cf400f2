"""The life of a forward, by what it shows and what its applications see."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator

import pytest

from kfwd.entries import forward as forward_module
from kfwd.errors import ConfigError, Forbidden, LoginNeeded, Unreachable
from kfwd.model import PortSpec, State
from tests.entries.rig import Cluster, Context, Rig
from tests.front.test_direct import Server
from tests.resolve.builders import node, pod, workload
from tests.until import until


@contextlib.contextmanager
def taken_port() -> Iterator[int]:
    """A local port that somebody else listens on."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        yield other.getsockname()[1]


async def application(address: str) -> socket.socket:
    host, _, port = address.rpartition(":")
    sock = socket.socket()
    sock.setblocking(False)
    try:
        await asyncio.get_running_loop().sock_connect(sock, (host, int(port)))
    except OSError:
        sock.close()
        raise
    return sock


async def receive(sock: socket.socket, size: int) -> bytes:
    async with asyncio.timeout(5):
        return await asyncio.get_running_loop().sock_recv(sock, size)


async def test_it_listens_before_the_cluster_is_known_and_the_application_waits(rig: Rig) -> None:
    forward = rig.run(rig.make())
    (address,) = rig.views[-1].ports[0].listen
    app = await application(address)
    await until(lambda: forward.counters().connections.waiting == 1)
    rig.ready("web-1")
    peer = await rig.hub.next("web-1")
    peer.data(await peer.opened(), b"hello")
    assert await receive(app, 5) == b"hello"
    app.close()


async def test_it_is_ready_once_a_session_to_a_ready_endpoint_is_up(rig: Rig) -> None:
    rig.hub.gate = asyncio.Event()
    rig.run(rig.make())
    rig.ready("web-1", "web-2")
    await until(lambda: rig.hub.dials)
    await rig.state(State.STARTING)
    rig.hub.gate.set()
    view = await rig.state(State.READY)
    assert view.problem is None
    assert (view.id, view.kind, view.context, view.namespace) == (
        "dev/web",
        "forward",
        "dev",
        "shop",
    )
    assert (view.target, view.via, view.transport) == ("deploy/web", "tunnel", "spdy")
    assert [(each.pod, each.ready) for each in view.endpoints] == [
        ("web-1", True),
        ("web-2", True),
    ]
    assert (view.ports[0].remote, view.ports[0].port) == ("http", 8080)


async def test_it_asks_for_what_its_target_needs_and_lets_go_of_it(rig: Rig) -> None:
    rig.run(rig.make(namespace="other"))
    rig.ready("web-1")
    await rig.state(State.READY)
    used = rig.cluster.reflectors.used
    assert used == [("deployments", "other", "web"), ("pods", "other", None)]
    await rig.close()
    assert used == []


async def test_a_deleted_pod_is_left_for_the_next_one_and_the_listener_stays(rig: Rig) -> None:
    rig.run(rig.make())
    rig.ready("web-1")
    before = await rig.state(State.READY)
    rig.pods.set()
    view = await rig.problem("no-endpoints")
    assert view.state is State.WAITING
    assert view.endpoints == ()
    rig.pods.set(pod("web-2"))
    after = await rig.state(State.READY)
    assert after.endpoints[0].pod == "web-2"
    assert after.ports[0].listen == before.ports[0].listen


async def test_a_busy_port_is_waited_for(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forward_module, "BIND_AGAIN_S", 0.01)
    with taken_port() as port:
        rig.run(rig.make(PortSpec(local=port, remote="http")))
        rig.ready("web-1")
        view = await rig.problem("port-in-use")
        assert view.state is State.WAITING
        assert view.ports[0].listen == ()
        named = f"port {port} on 127.0.0.1 is in use by python"
        await until(lambda: named in f"{rig.views[-1].problem and rig.views[-1].problem.text}")
    view = await rig.state(State.READY)
    assert view.ports[0].listen == (f"127.0.0.1:{port}",)


async def test_a_busy_port_beside_one_that_serves_is_degraded(rig: Rig) -> None:
    with taken_port() as port:
        rig.run(rig.make(PortSpec(local=port, remote="http"), PortSpec(local=0, remote="8080")))
        rig.ready("web-1")
        view = await rig.state(State.DEGRADED)
        assert view.problem is not None
        assert view.problem.code == "port-in-use"
        assert [bool(each.listen) for each in view.ports] == [False, True]


async def test_a_free_port_is_the_same_one_next_time(rig: Rig) -> None:
    rig.run(rig.make())
    (address,) = rig.views[-1].ports[0].listen
    await rig.close()
    assert list(rig.kept) == ["http"]
    rig.run(rig.make())
    assert rig.views[-1].ports[0].listen == (address,)


async def test_a_free_port_that_stays_taken_is_given_up_for_another(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forward_module, "BIND_AGAIN_S", 0.01)
    with taken_port() as port:
        rig.kept["http"] = port
        rig.run(rig.make())
        assert rig.views[-1].ports[0].listen == ()
        await until(lambda: rig.views[-1].ports[0].listen)
    assert rig.kept["http"] != port


async def test_a_dead_context_is_the_cause_and_an_open_session_still_serves(rig: Rig) -> None:
    rig.run(rig.make())
    rig.context.fail(Unreachable("the API server does not answer"))
    view = await rig.problem("unreachable")
    assert view.state is State.WAITING
    assert view.problem is not None
    assert view.problem.cause == "dev"
    rig.context.fail(None)
    rig.ready("web-1")
    await rig.state(State.READY)
    rig.context.fail(LoginNeeded("the token has expired"))
    assert (await rig.problem("login-needed")).state is State.DEGRADED


async def test_a_login_that_is_missing_is_waited_for(rig: Rig) -> None:
    rig.run(rig.make())
    rig.context.fail(LoginNeeded("the token has expired"))
    assert (await rig.problem("login-needed")).state is State.WAITING


async def test_what_needs_a_person_is_failed(rig: Rig) -> None:
    rig.run(rig.make())
    rig.context.fail(ConfigError("no such context", code="unknown-context"))
    assert (await rig.problem("unknown-context")).state is State.FAILED


async def test_a_target_that_nobody_understands_is_failed_and_binds(rig: Rig) -> None:
    rig.run(rig.make(target="dog/rex"))
    view = await rig.problem("unknown-kind")
    assert view.state is State.FAILED
    assert view.ports[0].listen


async def test_rules_that_deny_portforward_are_failed_until_they_allow_it(rig: Rig) -> None:
    rig.hub.refuse = Forbidden("pods/portforward is forbidden", code="portforward-forbidden")
    rig.run(rig.make())
    rig.ready("web-1")
    assert (await rig.problem("portforward-forbidden")).state is State.FAILED
    rig.hub.refuse = None
    assert (await rig.state(State.READY)).problem is None


async def test_objects_that_may_not_be_read_are_the_problem(rig: Rig) -> None:
    rig.run(rig.make(target="pod/web-1"))
    rig.context.open(rig.cluster)
    rig.pods.fail(Forbidden("pods is forbidden"))
    view = await rig.problem("forbidden")
    assert view.state is State.FAILED


async def test_objects_that_are_polled_are_a_warning_only(rig: Rig) -> None:
    rig.run(rig.make())
    rig.ready("web-1")
    rig.pods.set(pod("web-1"), problem=Forbidden("watching pods is forbidden"))
    view = await rig.problem("forbidden")
    assert view.state is State.READY
    assert view.problem is not None
    assert view.problem.severity == "warning"


async def test_another_cluster_behind_the_same_context_is_followed(rig: Rig) -> None:
    rig.run(rig.make())
    rig.ready("web-1")
    await rig.state(State.READY)
    old, rig.cluster = rig.cluster, Cluster()
    rig.ready("web-9")
    rig.context.open(rig.cluster)
    await until(lambda: [each.pod for each in rig.views[-1].endpoints] == ["web-9"])
    assert old.reflectors.used == []


async def test_paused_it_listens_nowhere_and_asks_nothing(rig: Rig) -> None:
    forward = rig.run(rig.make(paused=True))
    rig.ready("web-1")
    view = await rig.state(State.PAUSED)
    assert view.ports[0].listen == ()
    assert rig.cluster.reflectors.used == []
    assert forward.connections() == ()


async def test_its_end_frees_the_port_and_resets_connections(rig: Rig) -> None:
    rig.run(rig.make())
    (address,) = rig.views[-1].ports[0].listen
    app = await application(address)
    await rig.close()
    with pytest.raises(ConnectionResetError):
        await receive(app, 1)
    with pytest.raises(ConnectionRefusedError):
        await application(address)
    app.close()


async def test_connections_are_spread_as_asked_for(rig: Rig) -> None:
    forward = rig.run(rig.make(spread="round-robin"))
    rig.ready("web-1", "web-2")
    one, two = await rig.hub.next("web-1"), await rig.hub.next("web-2")
    (address,) = (await rig.state(State.READY)).ports[0].listen
    apps = [await application(address) for _ in range(2)]
    for peer in (one, two):
        await peer.opened()
    assert [(e.pod, e.open) for e in forward.view().endpoints] == [("web-1", 1), ("web-2", 1)]
    for app in apps:
        app.close()


async def test_connections_and_counters_say_who_is_connected_where(rig: Rig) -> None:
    forward = rig.run(rig.make())
    told: list[int] = []
    forward.accepted.add(told.append)
    rig.ready("web-1")
    view = await rig.state(State.READY)
    (address,) = view.ports[0].listen
    app = await application(address)
    peer = await rig.hub.next("web-1")
    peer.data(await peer.opened(), b"hello")
    assert await receive(app, 5) == b"hello"
    (shown,) = forward.connections()
    host, port = app.getsockname()
    assert (shown.client, shown.listen) == (f"{host}:{port}", address)
    assert (shown.pod, shown.port, shown.state, shown.bytes.received) == ("web-1", 8080, "open", 5)
    numbers = forward.counters()
    assert (numbers.connections.open, numbers.connections.total) == (1, 1)
    assert (numbers.bytes.received, numbers.endpoints[0].open) == (5, 1)
    assert told == [int(address.rpartition(":")[2])]
    app.close()


async def test_many_changes_in_one_turn_are_shown_once(rig: Rig) -> None:
    rig.run(rig.make())
    rig.ready("web-1")
    await rig.state(State.READY)
    await asyncio.sleep(0)
    before = len(rig.views)
    for number in range(10):
        rig.context.fail(Unreachable(f"no answer {number}"))
    await rig.problem("unreachable")
    assert len(rig.views) == before + 1


async def test_a_problem_that_goes_on_keeps_its_time_and_the_state_its_own(rig: Rig) -> None:
    rig.run(rig.make())
    rig.context.fail(Unreachable("no answer"))
    first = await rig.problem("unreachable")
    shown = len(rig.views)
    rig.context.fail(Unreachable("no answer"))
    await until(lambda: len(rig.views) > shown)
    assert rig.views[-1].problem is first.problem
    assert rig.views[-1].since == first.since


async def test_direct_goes_to_the_node_and_follows_it_to_another_address(rig: Rig) -> None:
    """The node's address changes: new connections go there, with the same host port."""
    one = Server()
    two = Server(one.port, host="127.0.0.2")
    try:
        ports = [{"name": "http", "containerPort": 8080, "hostPort": one.port}]
        rig.pods.set(pod("web-1", ports=ports))
        nodes = rig.cluster.reflectors["nodes"]
        nodes.set(node("node-1", "127.0.0.1"))
        rig.context.open(rig.cluster)
        rig.run(rig.make(target="pod/web-1", via="direct"))
        view = await rig.state(State.READY)
        assert (view.via, view.transport, view.problem) == ("direct", None, None)
        (shown,) = view.endpoints
        assert (shown.pod, shown.address) == ("web-1", f"127.0.0.1:{one.port}")
        first = await application(view.ports[0].listen[0])
        first.send(b"one")
        await one.take(b"one")
        nodes.set(node("node-1", "127.0.0.2"))
        await until(lambda: rig.views[-1].endpoints[0].address == f"127.0.0.2:{one.port}")
        second = await application(view.ports[0].listen[0])
        second.send(b"two")
        await two.take(b"two")
        assert rig.hub.dials == 0
        first.close()
        second.close()
    finally:
        one.close()
        two.close()


async def test_direct_without_an_address_that_answers_is_ready_by_tunnel_with_a_warning(
    rig: Rig,
) -> None:
    refusing = Server()
    refusing.close()
    ports = [{"name": "http", "containerPort": 8080, "hostPort": refusing.port}]
    rig.pods.set(pod("web-1", ports=ports, hostIP="127.0.0.1"), pod("web-2"))
    rig.cluster.reflectors["nodes"].fail(Forbidden("nodes is forbidden"))
    rig.context.open(rig.cluster)
    rig.run(rig.make(target="pod/web-1", via="direct"))
    view = await rig.state(State.READY)
    assert view.via == "tunnel"
    assert view.problem is not None
    assert (view.problem.code, view.problem.severity) == ("direct-unreachable", "warning")
    assert "connection refused" in view.problem.text
    rig.run(rig.make(PortSpec(local=0, remote="8080"), target="pod/web-2", via="direct"))
    assert (await rig.problem("no-direct-address")).via == "tunnel"


async def test_direct_serves_where_port_forward_is_forbidden(rig: Rig) -> None:
    server = Server()
    rig.hub.refuse = Forbidden("pods/portforward is forbidden")
    try:
        ports = [{"name": "http", "containerPort": 8080, "hostPort": server.port}]
        rig.pods.set(pod("web-1", ports=ports, hostIP="127.0.0.1"))
        rig.cluster.reflectors["nodes"].set()
        rig.context.open(rig.cluster)
        rig.run(rig.make(target="pod/web-1", via="direct"))
        view = await rig.state(State.READY)
        assert (view.via, view.problem) == ("direct", None)
    finally:
        server.close()


async def test_in_another_context_it_keeps_its_port_and_serves_what_is_there(rig: Rig) -> None:
    forward = rig.run(rig.make())
    rig.ready("web-1")
    before = await rig.state(State.READY)
    old = await application(before.ports[0].listen[0])
    peer = await rig.hub.next("web-1")
    peer.data(await peer.opened(), b"old")
    assert await receive(old, 3) == b"old"
    other = Context(rig.context.pool)
    other.name = "prod"
    cluster = Cluster()
    left = forward.move(other, end=False)  # type: ignore[arg-type]  # a stand-in
    assert len(left) == 1
    waits = await application(before.ports[0].listen[0])
    await until(lambda: forward.counters().connections.waiting == 1)
    cluster.reflectors["deployments"].set(workload("web", selector={"matchLabels": {"app": "web"}}))
    cluster.reflectors["pods"].set(pod("web-2"))
    other.open(cluster)
    new = await rig.hub.next("web-2")
    new.data(await new.opened(), b"new")
    assert await receive(waits, 3) == b"new"
    after = await rig.state(State.READY)
    assert (after.context, after.ports[0].listen) == ("prod", before.ports[0].listen)
    assert rig.cluster.reflectors.used == []
    old.close()
    waits.close()


async def test_a_move_ends_connections_where_that_is_asked(rig: Rig) -> None:
    forward = rig.run(rig.make())
    rig.ready("web-1")
    view = await rig.state(State.READY)
    app = await application(view.ports[0].listen[0])
    peer = await rig.hub.next("web-1")
    peer.data(await peer.opened(), b"x")
    assert await receive(app, 1) == b"x"
    forward.move(Context(rig.context.pool), end=True)  # type: ignore[arg-type]  # a stand-in
    with pytest.raises(ConnectionResetError):
        await receive(app, 1)
    app.close()
