"""Records for tests of the daemon, with only what a test cares about spelled out."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from kfwd.model import (
    Bytes,
    Connections,
    ContextRef,
    DaemonView,
    EndpointView,
    EntryCounters,
    EntryView,
    ForwardSpec,
    PortSpec,
    PortView,
    Problem,
    State,
    Wanted,
)

THEN = datetime(2026, 1, 1, 12, tzinfo=UTC)
CONTEXT = ContextRef(kubeconfig=("/kube/config",), name="dev")
DAEMON = DaemonView(pid=1, version="0", started=THEN, socket="/run/kfwd.sock")


def forward(name: str = "web", local: int = 8080, target: str = "svc/web") -> ForwardSpec:
    return ForwardSpec(name=name, target=target, ports=(PortSpec(local=local, remote="http"),))


def wanted(
    name: str = "web", *, profile: str = "dev", context: ContextRef = CONTEXT, **spec: Any
) -> Wanted:
    return Wanted(profile=profile, spec=forward(name, **spec), context=context)


def problem(text: str = "something is wrong", **fields: Any) -> Problem:
    return Problem(**{"code": "odd", "severity": "error", "text": text, "since": THEN, **fields})


def entry(id: str = "dev/web", **fields: Any) -> EntryView:
    profile, name = id.split("/")
    plain: dict[str, Any] = {
        "id": id,
        "kind": "forward",
        "name": name,
        "profile": profile,
        "context": "dev",
        "namespace": "shop",
        "target": "svc/web",
        "ports": (PortView(listen=("127.0.0.1:8080",), remote="http", port=8080),),
        "state": State.READY,
        "problem": None,
        "via": "tunnel",
        "transport": "spdy",
        "endpoints": (EndpointView(pod="web-1", address=None, ready=True, open=0),),
        "connections": Connections(),
        "bytes": Bytes(),
        "reconnects": 0,
        "since": THEN,
    }
    return EntryView(**{**plain, **fields})


def counters(id: str = "dev/web", *, total: int = 0, received: int = 0) -> EntryCounters:
    return EntryCounters(
        id=id,
        connections=Connections(total=total),
        bytes=Bytes(received=received),
        endpoints=entry(id).endpoints,
    )
