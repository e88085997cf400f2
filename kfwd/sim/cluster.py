"""A whole simulated cluster: store, controllers, nodes, and the servers in front of them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

from kfwd.sim import content, manifest, nodenet
from kfwd.sim.admin import Admin
from kfwd.sim.api import Api
from kfwd.sim.auth import ADMINS, AUTHENTICATED, Tokens, User, bootstrap_roles
from kfwd.sim.controllers.pods import is_active, is_ready
from kfwd.sim.controllers.run import Controllers
from kfwd.sim.faults import Faults
from kfwd.sim.kubeconfig import Access
from kfwd.sim.node import Node, PortMap
from kfwd.sim.nodenet import NodeNet
from kfwd.sim.portforward import PortForward
from kfwd.sim.proxy import Proxy
from kfwd.sim.server import Backend, Server
from kfwd.sim.sessions import Sessions
from kfwd.sim.store import Change, Store
from kfwd.sim.tls import Authority

ADMIN = "kubernetes-admin"
NARROW = "sim-narrow"
READY_S = 0.3
BOOT_S = 5.0
TURNS = 3
"""Turns of the loop in which every controller comes around to what was changed before."""


class Options(Struct, frozen=True, kw_only=True):
    """What `kfwd sim start` was asked for. Without `kubeconfig` a temporary file is used;
    `pod_logs` is the file that outlives the pods whose lines it is given."""

    host: str = "127.0.0.1"
    port: int = 0
    kubeconfig: Path | None = None
    manifest: Path | None = None
    faults: tuple[str, ...] = ()
    ready_s: float = READY_S
    node_net: str | None = None
    pod_logs: Path | None = None


class Cluster:
    """Everything between a kubeconfig and the bytes of a pod, in one event loop."""

    def __init__(self, options: Options) -> None:
        """Raises ValueError for a fault there is not, OSError when `pod_logs` cannot be written."""
        self._options = options
        self._files = contextlib.ExitStack()
        self.faults = Faults()
        for text in options.faults:
            self.faults.set_text(text)
        self.store = Store()
        self.tokens = Tokens()
        self._ports = PortMap()
        self.node = Node(self._ports, self._kept_lines(), lambda: self.faults.now.sandbox_ms / 1000)
        self.sessions = Sessions(self.faults)
        self._portforward = PortForward(self._ports, self.faults, self.sessions)
        self._proxy = Proxy(self.store, self._ports)
        self._net: NodeNet | None = None
        self._controllers: Controllers | None = None
        self._servers: list[Server] = []

    def _kept_lines(self) -> Callable[[str], object] | None:
        if self._options.pod_logs is None:
            return None
        return self._files.enter_context(self._options.pod_logs.open("a", buffering=1)).write

    async def start(self) -> Access:
        """Fill the cluster, wait until its pods are ready, and listen.

        Raises UsageError for a bad manifest or node net, OSError when the port cannot be had.
        """
        self._net = nodenet.claim(self._options.node_net)
        self._controllers = Controllers(
            self.store,
            self.node,
            self._ports,
            balancers=self._net.load_balancers,
            faults=self.faults,
            ready_s=0,
        )
        self._fill(self._net.nodes)
        await self._settled()
        self._controllers.kubelet.ready_s = self._options.ready_s
        return self._listen()

    def _fill(self, nodes: dict[str, str]) -> None:
        objects = content.demo()
        if self._options.manifest is not None:
            objects = manifest.read(self._options.manifest)
        if not any(obj["kind"] == "Node" for obj in objects):
            for name, address in nodes.items():
                self.store.create("nodes", content.node(name, address, self.store.now()))
        spaces = [
            {"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": name}}
            for name in content.NAMESPACES
        ]
        kinds = {obj["kind"] for obj in objects}
        classes = [obj for obj in content.classes() if obj["kind"] not in kinds]
        manifest.apply(self.store, [*spaces, *classes], "")
        for resource, obj in bootstrap_roles():
            self.store.create(resource, obj)
        manifest.apply(self.store, [*content.narrow_role(NARROW), *objects], content.DEMO)

    async def _settled(self) -> None:
        """Wait until every pod that can be ready is, so that the cluster is up when it answers."""
        changed = asyncio.Event()

        def heard(_: Change) -> None:
            changed.set()

        unsubscribe = self.store.subscribe(heard)
        try:
            async with asyncio.timeout(BOOT_S):
                while not self._is_settled():
                    changed.clear()
                    await changed.wait()
        except TimeoutError:
            # A manifest may hold pods that never become ready; the cluster answers all the same.
            pass
        finally:
            unsubscribe()
        await self._quiet()

    async def _quiet(self) -> None:
        """Let the controllers finish what they do without waiting for anything."""
        seen = -1
        while seen != self.store.version:
            seen = self.store.version
            for _ in range(TURNS):
                await asyncio.sleep(0)

    def _is_settled(self) -> bool:
        wanted = sum(
            obj["spec"]["replicas"]
            for resource in ("deployments", "statefulsets", "replicasets")
            for obj in self.store.objects(resource)
            if resource != "replicasets" or not obj["metadata"].get("ownerReferences")
        )
        pods = [pod for pod in self.store.objects("pods") if is_active(pod)]
        return len(pods) >= wanted and all(map(is_ready, pods)) and self._counted()

    def _counted(self) -> bool:
        return all(
            (obj.get("status") or {}).get("readyReplicas", 0) == obj["spec"]["replicas"]
            for resource in ("deployments", "statefulsets")
            for obj in self.store.objects(resource)
        )

    def _listen(self) -> Access:
        authority = Authority()
        tls = authority.server_context()
        api = Api(self.store, self.tokens, self.faults, self.node.log)
        backend = Backend(
            api=api,
            admin=Admin(self.store, self.tokens, self.faults, self.sessions),
            portforward=self._portforward,
            proxy=self._proxy,
            faults=self.faults,
        )
        self._servers = [Server(backend, tls, faulty=faulty) for faulty in (True, False)]
        host = self._options.host
        ports = [
            server.listen(host, port)
            for server, port in zip(self._servers, (self._options.port, 0), strict=True)
        ]
        groups = (ADMINS, AUTHENTICATED)
        return Access(
            url=f"https://{host}:{ports[0]}",
            admin_url=f"https://{host}:{ports[1]}",
            ca=authority.pem,
            admin_cert=authority.client(ADMIN, (ADMINS,)),
            admin_token=self.tokens.issue(User(ADMIN, groups)),
            narrow_token=self.tokens.issue(User(NARROW, (AUTHENTICATED,))),
        )

    async def close(self) -> None:
        """End watches, sessions and pods, in well under a second."""
        self.store.end_watches()
        await self._portforward.close()
        for server in self._servers:
            await server.close()
        await self._proxy.close()
        if self._controllers is not None:
            await self._controllers.close()
        await self.node.close()
        self._files.close()
        if self._net is not None:
            self._net.close()
