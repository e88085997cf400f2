"""Records: the JSON that others build on (design section 7)."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from kfwd.model import (
    AnyEvent,
    Bytes,
    Connections,
    EndpointView,
    EntryChanged,
    EntryView,
    ForwardSpec,
    GatewaySpec,
    Heartbeat,
    PortView,
    Problem,
    ProxySpec,
    State,
)

ENTRY = EntryView(
    id="dev/web",
    kind="forward",
    name="web",
    profile="dev",
    context="dev",
    namespace="shop",
    target="svc/web",
    ports=(PortView(listen=("127.0.0.1:8080", "[::1]:8080"), remote="http", port=8080),),
    state=State.READY,
    problem=None,
    via="tunnel",
    transport="spdy",
    endpoints=(EndpointView(pod="web-7f-x2", address=None, ready=True, open=1),),
    connections=Connections(open=1, total=812),
    bytes=Bytes(received=1048576, sent=2048),
    reconnects=3,
    since=datetime(2026, 1, 1, 12, tzinfo=UTC),
)


def test_an_entry_has_the_documented_shape() -> None:
    assert msgspec.json.decode(msgspec.json.encode(ENTRY)) == {
        "id": "dev/web",
        "kind": "forward",
        "name": "web",
        "profile": "dev",
        "context": "dev",
        "namespace": "shop",
        "target": "svc/web",
        "ports": [{"listen": ["127.0.0.1:8080", "[::1]:8080"], "remote": "http", "port": 8080}],
        "state": "ready",
        "problem": None,
        "via": "tunnel",
        "transport": "spdy",
        "endpoints": [{"pod": "web-7f-x2", "address": None, "ready": True, "open": 1}],
        "connections": {"open": 1, "waiting": 0, "total": 812, "failed": 0},
        "bytes": {"in": 1048576, "out": 2048},
        "reconnects": 3,
        "since": "2026-01-01T12:00:00Z",
    }


def test_a_problem_has_the_documented_keys() -> None:
    problem = Problem(code="x", severity="error", text="t")
    assert list(msgspec.to_builtins(problem)) == [
        "code",
        "severity",
        "text",
        "hint",
        "since",
        "cause",
    ]


def test_events_survive_the_wire() -> None:
    for event in (EntryChanged(seq=7, entry=ENTRY), Heartbeat(seq=8)):
        assert msgspec.json.decode(msgspec.json.encode(event), type=AnyEvent) == event


def test_everything_listens_on_loopback_unless_told() -> None:
    for spec in (
        ForwardSpec(name="a", target="svc/a", ports=()),
        ProxySpec(name="a"),
        GatewaySpec(),
    ):
        assert set(spec.address) <= {"localhost", "127.0.0.1"}
