"""A daemon in a temporary folder, with its control API on a real socket; the cluster is dead."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from kfwd.api_model import EntryRequest, UpRequest
from kfwd.daemon.api.routes import ALL
from kfwd.daemon.api.server import Server
from kfwd.daemon.daemon import Daemon
from kfwd.daemon.lock import bind_control
from kfwd.daemon.logs import Logs
from kfwd.daemon.state import Saved, load
from kfwd.daemon.store import Store
from kfwd.model import EntryView, ForwardSpec, PortSpec
from kfwd.paths import Paths
from tests.daemon.records import DAEMON
from tests.until import until

KUBECONFIG = """
apiVersion: v1
kind: Config
current-context: {current}
clusters: [{{name: c, cluster: {{server: "http://127.0.0.1:1"}}}}]
users: [{{name: u, user: {{token: t}}}}]
contexts:
- {{name: dev, context: {{cluster: c, user: u, namespace: shop}}}}
- {{name: prod, context: {{cluster: c, user: u}}}}
"""


class Home:
    """The folders of a daemon and what lies in them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.paths = Paths(
            config=root / "config", state=root / "state", runtime=root / "run", log=root / "log"
        )
        self.paths.create()
        self.kubeconfig = str(root / "kubeconfig")
        self.use_context("dev")

    def use_context(self, current: str) -> None:
        Path(self.kubeconfig).write_text(KUBECONFIG.format(current=current))

    def profile(self, name: str, *ports: int | str, extra: str = "") -> Path:
        """Write a profile with a forward `web` on these ports (default: a free one)."""
        listed = ", ".join(f'"{port}:80"' for port in ports or ("",))
        path = self.paths.profiles / f"{name}.yaml"
        path.write_text(
            f"version: 1\n{extra}"
            f"forwards:\n- {{name: web, target: svc/web, address: 127.0.0.1, ports: [{listed}]}}\n"
        )
        return path

    def saved(self) -> Saved:
        saved, problem = load(self.paths.state_file)
        assert saved is not None, problem
        return saved


class Rig(Home):
    """A daemon that runs, and a client of its API."""

    daemon: Daemon
    http: aiohttp.ClientSession

    async def call(
        self, method: str, path: str, body: object = None, **headers: str
    ) -> tuple[int, Any]:
        """A request's status and its JSON answer."""
        data = None if body is None else msgspec.json.encode(body)
        async with self.http.request(
            method, f"http://kfwd{path}", data=data, headers=headers
        ) as answer:
            text = await answer.read()
            return answer.status, msgspec.json.decode(text) if text else None

    async def add(self, name: str, local: int = 0, **fields: Any) -> tuple[int, Any]:
        """Add an ad-hoc entry."""
        query = fields.pop("query", "")
        return await self.call("PUT", f"/v1/entries/-/{name}{query}", self.request(local, **fields))

    def request(self, local: int = 0, *, attached: bool = False, **spec: Any) -> EntryRequest:
        fields = {"name": "any", "target": "svc/web", "address": ("127.0.0.1",), **spec}
        ports = (PortSpec(local=local, remote="80"),)
        return EntryRequest(
            spec=ForwardSpec(**{"ports": ports, **fields}),
            kubeconfig=(self.kubeconfig,),
            attached=attached,
        )

    async def up(self, *names: str) -> tuple[int, Any]:
        body = {"kubeconfig": [self.kubeconfig], "profiles": names}
        return await self.call("POST", "/v1/up", body)

    async def bring_up(self, *names: str) -> None:
        """As `up`, past the API."""
        await self.daemon.profiles.up(UpRequest(kubeconfig=(self.kubeconfig,), profiles=names))

    async def put(self, name: str, local: int = 0, **fields: Any) -> str:
        """As `add`, past the API."""
        return await self.daemon.put(name, "replace", self.request(local, **fields))

    def view(self, id: str) -> EntryView:
        view = self.daemon.store.entry(id)
        assert view is not None, f"there is no {id}"
        return view

    def ids(self) -> list[str]:
        return [view.id for view in self.daemon.store.snapshot().entries]

    def port(self, id: str) -> int:
        """The local port that an entry listens on."""
        return int(self.view(id).ports[0].listen[0].rpartition(":")[2])

    async def profile_problem(self, name: str) -> str:
        """The code of the problem that a profile's file has, once it has one."""

        def found() -> str | None:
            shown = self.daemon.store.snapshot().profiles
            return next((p.problem.code for p in shown if p.name == name and p.problem), None)

        await until(found)
        return found() or ""


@asynccontextmanager
async def running(root: Path, saved: Saved | None = None) -> AsyncIterator[Rig]:
    """A daemon with its API for the length of a test."""
    rig = Rig(root)
    logs = Logs(None)
    rig.daemon = Daemon(
        rig.paths,
        saved or Saved(),
        store=Store(DAEMON, "6f1c"),
        ring=logs.ring,
        env={"KUBECONFIG": rig.kubeconfig},
    )
    server = Server(rig.daemon, ALL)
    control = bind_control(rig.paths.socket)
    await rig.daemon.start()
    await server.prepare()
    await server.start(control)
    connector = aiohttp.UnixConnector(str(rig.paths.socket))
    try:
        async with aiohttp.ClientSession(connector=connector) as rig.http:
            yield rig
    finally:
        rig.daemon.store.close()
        logs.ring.close()
        await server.close()
        control.close()
        assert await rig.daemon.close() == []
        logs.close()
        await asyncio.sleep(0)
