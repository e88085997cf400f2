"""A kubeconfig that tests rewrite, and the contexts read from it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from kfwd.daemon.clusters import Clusters
from kfwd.daemon.shared_context import SharedContext
from kfwd.model import ContextRef, utcnow
from kfwd.tunnel.transports import Known
from tests.until import until

KUBECONFIG = """
apiVersion: v1
kind: Config
clusters: [{{name: c, cluster: {{server: "http://127.0.0.1:1"}}}}]
users: [{{name: u, user: {{token: t}}}}]
contexts: [{{name: dev, context: {{cluster: c, user: u, namespace: {namespace}}}}}]
"""

SPDY = Known(transport="spdy", since=utcnow())
WEBSOCKET = Known(transport="websocket", since=utcnow(), reason="spdy: 403 no")


class Home:
    def __init__(self, folder: Path) -> None:
        self.path = folder / "kubeconfig"
        self.ref = ContextRef(kubeconfig=(str(self.path),), name="dev")
        self.known: dict[str, Known] = {}
        self.env: dict[str, str] = {}
        self.changes = 0

    def write(self, namespace: str = "shop") -> None:
        self.path.write_text(KUBECONFIG.format(namespace=namespace))

    def changed(self) -> None:
        self.changes += 1


@asynccontextmanager
async def clusters(home: Home) -> AsyncIterator[Clusters]:
    made = Clusters(home.env, home.known, changed=home.changed, learned=lambda: None)
    try:
        yield made
    finally:
        assert await made.close() == []


async def known(context: SharedContext, namespace: str) -> None:
    await until(lambda: context.namespace == namespace)
