"""Every way to targets of the simulated cluster, each a real connection on loopback."""

from __future__ import annotations

from pathlib import Path

import pytest

from kfwd.api_model import RouteList
from kfwd.daemon.reach import find
from kfwd.errors import KfwdError, NotFound, UsageError
from kfwd.model import ContextRef, PortView
from tests.daemon.reach.rig import LOOPBACK, Rig, simulated
from tests.daemon.records import entry
from tests.standin import snapshot


async def found(rig: Rig, target: str) -> RouteList:
    return await find.routes(rig.context, target, None, limits=LOOPBACK)


def states(routes: RouteList) -> dict[str, set[str]]:
    """The states of each kind."""
    seen: dict[str, set[str]] = {}
    for route in routes.routes:
        seen.setdefault(route.kind, set()).add(route.state)
    return seen


async def test_the_service_that_has_all_of_them(tmp_path: Path) -> None:
    async with simulated(tmp_path) as rig:
        routes = await found(rig, "svc/web:http")
    assert routes.target == "svc/web"
    kinds = states(routes)
    for kind in ("port-forward", "api-proxy", "node-port", "load-balancer", "host-port"):
        assert kinds[kind] == {"works"}, kind
    assert kinds["cluster-ip"] == {"fails"}
    assert sum(route.kind == "node-port" for route in routes.routes) == 4
    assert sum(route.kind == "host-port" for route in routes.routes) == 3
    works = [route.state == "works" for route in routes.routes]
    assert works == sorted(works, reverse=True)
    assert routes.routes[0].kind == "load-balancer"


async def test_a_pod_on_its_nodes_network(tmp_path: Path) -> None:
    async with simulated(tmp_path) as rig:
        kinds = states(await found(rig, "deploy/edge:http"))
    assert kinds["host-network"] == {"works"}
    assert kinds["port-forward"] == {"works"}


async def test_the_service_that_is_far(tmp_path: Path) -> None:
    async with simulated(tmp_path) as rig:
        routes = await found(rig, "svc/far")
    kinds = states(routes)
    assert kinds["load-balancer"] == {"pending"}
    assert kinds["node-port"] == {"works", "fails"}
    (rule,) = [route for route in routes.routes if route.kind == "ingress"]
    assert rule.address == "http://far.example.com/foo"
    assert rule.state != "works"
    assert "no controller of class none has given it an address" in rule.note


async def test_a_target_is_read_with_its_port_or_without(tmp_path: Path) -> None:
    async with simulated(tmp_path) as rig:
        assert (await found(rig, "pod/solo:9000")).routes[0].address == "pod/solo:9000"
        with pytest.raises(NotFound):
            await found(rig, "svc/none")
        with pytest.raises(UsageError):
            await found(rig, "dog/rex")


async def test_a_context_that_does_not_open_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from kfwd.daemon.shared_context import SharedContext

    monkeypatch.setattr(find, "OPEN_S", 0.1)
    (tmp_path / "broken").write_text("nonsense: [")
    ref = ContextRef(kubeconfig=(str(tmp_path / "broken"),), name="x")
    context = SharedContext(ref, {}, known=None, learned=lambda known: None)
    with pytest.raises(KfwdError, match="broken"):
        await find.routes(context, "svc/web", None, limits=LOOPBACK)
    assert await context.close() == []


def test_gateways_of_the_context_are_known_by_where_they_listen() -> None:
    def gateway(id_: str, *listen: str, context: str = "dev"):  # type: ignore[no-untyped-def]  # an EntryView
        ports = (PortView(listen=listen, remote=None, port=None),)
        return entry(id_, kind="gateway", target=None, ports=ports, context=context)

    shown = snapshot(
        entry("dev/web"),
        gateway("dev/gateway", "127.0.0.1:8888", "[::1]:8888"),
        gateway("dev/hidden", "unix:/run/g"),
        gateway("prod/gateway", "127.0.0.1:9999", context="prod"),
    )
    assert find.gateways(shown, "dev") == ("127.0.0.1:8888",)
