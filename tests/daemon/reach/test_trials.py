"""Trials: what each kind of route needs to work, and what is said where it does not."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from kfwd.api_model import RouteView
from kfwd.daemon.reach import trials as module
from kfwd.daemon.reach.limits import Limits
from kfwd.daemon.reach.trials import Trials
from kfwd.errors import Unreachable
from kfwd.kube.dial import Resolver
from kfwd.resolve.route import ApiProxy, Candidate, Http, PortForward, Tcp
from tests.daemon.reach.rig import LOOPBACK, Rig, simulated
from tests.daemon.reach.test_dial import answering, serving

NOBODY: Any = SimpleNamespace(api=None)
"""The context and the cluster of trials that need none."""


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    async with simulated(tmp_path) as rig:
        yield rig


def alone() -> Trials:
    """Trials of addresses, for which no cluster is needed."""
    return Trials(NOBODY, NOBODY, LOOPBACK)


async def tried(trial: Any, rig: Rig | None = None, kind: Any = "node-port") -> RouteView:
    trials = alone()
    if rig is not None:
        trials = Trials(rig.context, await rig.context.cluster(), LOOPBACK)
    return await trials.view(Candidate(kind=kind, address="there", trial=trial, note="known"))


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


async def test_a_connection_that_comes_about_works_and_says_what_it_costs() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        view = await tried(Tcp(host="127.0.0.1", port=server.getsockname()[1]))
    assert (view.state, view.layer) == ("works", 4)
    assert view.latency_ms is not None
    assert view.note == "known; lasts as long as the node"


async def test_a_connection_that_is_refused_fails_with_the_reason_first() -> None:
    view = await tried(Tcp(host="127.0.0.1", port=closed_port()))
    assert (view.state, view.latency_ms) == ("fails", None)
    assert view.note.startswith("refused: ")


async def test_silence_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TRY_S", 0.1)

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with serving(silent) as port:
        page = Http(tls=False, host="127.0.0.1", port=port, authority="a.b", path="/")
        view = await tried(page, kind="ingress")
    assert (view.state, view.note) == ("fails", "no answer within 0.1 s; known")


async def test_what_was_not_allowed_to_be_tried_is_unknown() -> None:
    view = await tried(Tcp(host="8.8.8.8", port=80))
    assert view.state == "unknown"
    assert "8.8.8.8 is not tried" in view.note


async def test_what_needs_no_trial_stays_as_it_is() -> None:
    pending = Candidate(kind="load-balancer", address="<pending>", state="pending", note="none yet")
    view = await alone().view(pending)
    assert (view.state, view.note) == ("pending", "none yet")


@pytest.mark.parametrize(
    ("answer", "state", "says"),
    [
        (b"200 OK", "works", "known"),
        (b"302 Found", "works", "known"),
        (b"401 Unauthorized", "works", "known"),
        (b"404 Not Found", "unknown", "no controller serves this rule"),
        (b"503 Service Unavailable", "fails", "answers 503 Service Unavailable"),
        (b"500 Oops", "unknown", "answers 500"),
    ],
)
async def test_what_a_rule_answers_tells_whether_it_is_served(
    answer: bytes, state: str, says: str
) -> None:
    async with serving(answering(b"HTTP/1.1 " + answer + b"\r\n\r\n")) as port:
        page = Http(tls=False, host="127.0.0.1", port=port, authority="a.b", path="/")
        view = await tried(page, kind="ingress")
    assert view.state == state
    assert says in view.note


async def test_without_dns_it_is_said_where_the_controller_answers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    known = Resolver.addresses

    async def addresses(self: Resolver, host: str, port: int) -> Any:
        if host == "foo.localhost.invalid":
            raise Unreachable("unknown", code="dns-failed")
        return await known(self, host, port)

    monkeypatch.setattr(Resolver, "addresses", addresses)
    host = "foo.localhost.invalid"
    trials = Trials(NOBODY, NOBODY, Limits())
    async with serving(answering(b"HTTP/1.1 200 OK\r\n\r\n")) as port:
        found = Http(tls=False, host=host, port=port, authority=host, path="/", at=("127.0.0.1",))
        view = await trials.view(Candidate(kind="ingress", address="x", trial=found))
    lost = Http(
        tls=False, host=host, port=closed_port(), authority=host, path="/", at=("127.0.0.1",)
    )
    refused = await trials.view(Candidate(kind="ingress", address="x", trial=lost))
    nowhere = Http(tls=False, host=host, port=80, authority=host, path="/")
    alone_ = await trials.view(Candidate(kind="ingress", address="x", trial=nowhere))
    assert {view.state, refused.state, alone_.state} == {"fails"}
    no_dns = f"no DNS: the name {host} is not known here"
    assert view.note == f"{no_dns}; it answers at 127.0.0.1 to the Host header {host}"
    assert refused.note.startswith(f"{no_dns}; its controller at 127.0.0.1: refused")
    assert alone_.note == no_dns


async def test_tls_that_nobody_trusts_is_said(rig: Rig) -> None:
    server = (await rig.context.cluster()).server
    host, port = server.host, server.port
    secure = Http(tls=True, host=host, port=port, authority="a.b", path="/")
    view = await tried(secure, rig, "ingress")
    assert view.state == "fails"
    assert "nobody whom this machine trusts" in view.note


async def test_a_port_forward_works_or_says_that_nothing_listens(rig: Rig) -> None:
    view = await tried(PortForward(namespace="demo", pod="solo", port=8080), rig, "port-forward")
    assert (view.state, view.note) == (
        "works",
        "known; through the API server to one pod at a time",
    )
    assert view.latency_ms is not None
    view = await tried(PortForward(namespace="demo", pod="solo", port=8081), rig, "port-forward")
    assert (view.state, view.note) == ("fails", "nothing listens on port 8081; known")
    view = await tried(PortForward(namespace="demo", pod="gone", port=80), rig, "port-forward")
    assert view.state == "fails"
    assert 'pods "gone" not found' in view.note


def proxied(id_: str, web: bool = True) -> ApiProxy:
    path = f"/api/v1/namespaces/demo/services/{id_}/proxy/"
    return ApiProxy(resource="services", namespace="demo", id=id_, path=path, web=web)


async def test_the_api_proxy_works_or_says_what_the_api_server_says(rig: Rig) -> None:
    view = await tried(proxied("web:80"), rig, "api-proxy")
    assert (view.state, view.layer) == ("works", 7)
    view = await tried(proxied("empty:80"), rig, "api-proxy")
    assert view.state == "fails"
    assert 'no endpoints available for service "empty' in view.note
    view = await tried(proxied("web:9000", web=False), rig, "api-proxy")
    assert view.state == "unknown"
    assert "not asked" in view.note


async def test_what_rbac_forbids_is_named_without_trying(tmp_path: Path) -> None:
    async with simulated(tmp_path, context="sim-narrow") as rig:
        view = await tried(proxied("web:80"), rig, "api-proxy")
        assert view.state == "fails"
        assert view.note.startswith("not allowed: get services/proxy in namespace demo (RBAC)")
        forward = PortForward(namespace="demo", pod="solo", port=8080)
        assert (await tried(forward, rig, "port-forward")).state == "works"
        elsewhere = PortForward(namespace="kube-system", pod="x", port=80)
        view = await tried(elsewhere, rig, "port-forward")
        assert view.note.startswith(
            "not allowed: create pods/portforward in namespace kube-system (RBAC)"
        )
