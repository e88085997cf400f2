"""Each spec becomes an entry of its kind, with the sockets that were bound for it."""

from __future__ import annotations

import socket
from typing import Any

import pytest
from msgspec.structs import replace

from kfwd.daemon.factory import Factory
from kfwd.entries.forward import Forward
from kfwd.entries.gateway import Gateway
from kfwd.entries.proxy import Proxy
from kfwd.errors import KfwdError
from kfwd.kube.subscribers import Subscribers
from kfwd.model import GatewaySpec, PortSpec, ProxySpec
from kfwd.tunnel.pool import Pool
from tests.daemon.records import wanted


async def never(*args: Any) -> Any:
    raise KfwdError("nothing is dialled here")


class Context:
    """As much of a context as a constructor looks at."""

    name, namespace, fault, refused, current = "dev", "shop", None, None, None

    def __init__(self) -> None:
        self.pool = Pool("dev", never)  # type: ignore[arg-type]  # it dials nothing
        self.on_change = Subscribers().add


@pytest.mark.parametrize(
    ("spec", "kind"),
    [
        (wanted().spec, Forward),
        (ProxySpec(name="api", port=0), Proxy),
        (GatewaySpec(name="gateway", port=0), Gateway),
    ],
)
async def test_each_spec_becomes_an_entry_of_its_kind(spec: Any, kind: type) -> None:
    factory = Factory({}, lambda: None, None)
    context: Any = Context()
    entry = factory.make(replace(wanted(), spec=spec), context, lambda view: None)
    assert type(entry) is kind
    assert await entry.close() == []
    assert await context.pool.close() == []


async def test_an_entry_gets_the_sockets_that_were_bound_for_it() -> None:
    listening = socket.create_server(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    inherited = {"dev/web": {f"127.0.0.1:{port}": listening}}
    spec = replace(
        wanted().spec, address=("127.0.0.1",), ports=(PortSpec(local=port, remote="80"),)
    )
    context: Any = Context()
    factory = Factory({}, lambda: None, inherited)
    entry = factory.make(replace(wanted(), spec=spec), context, lambda view: None)
    entry.bind()
    assert entry.doors[0].sockets == (listening,)
    assert inherited == {"dev/web": {}}
    assert await entry.close() == []
    assert await context.pool.close() == []
