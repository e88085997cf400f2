"""`pods/portforward` behind the API server's checks: the kubelet and its streaming server."""

from __future__ import annotations

import asyncio
from email.utils import formatdate
from http import HTTPStatus
from typing import cast

from kfwd.sim.channels import ChannelSession
from kfwd.sim.faults import Faults, Transport
from kfwd.sim.link import Link
from kfwd.sim.node import Pod, PortMap
from kfwd.sim.runtime import Runtime
from kfwd.sim.sessions import Sessions
from kfwd.sim.spdy_session import SpdySession
from kfwd.sim.tunnel import Tunnel
from kfwd.sim.upgrade import Answer, Upgrade, UpgradeRequest, negotiate, text, transport_of

Session = SpdySession | ChannelSession


class PortForward:
    """Serves every port-forward request of the cluster."""

    def __init__(self, ports: PortMap, faults: Faults, sessions: Sessions) -> None:
        self._ports = ports
        self._faults = faults
        self._sessions = sessions

    async def serve(
        self,
        request: UpgradeRequest,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        pod: Pod,
    ) -> None:
        """Answer a request for a pod that exists; returns when its connection is closed.

        The streams must not be used afterwards, nor what `reader` has buffered: like the API
        server, this loses bytes that come before the 101 (protocol notes A.3).
        """
        transport = cast("asyncio.Transport", writer.transport)
        result = await self._answer(request)
        if result is None or reader.at_eof():
            transport.abort()
        elif isinstance(result, Upgrade):
            await self._run(result, transport, pod)
        else:
            transport.write(_encoded(result))
            transport.close()

    async def _answer(self, request: UpgradeRequest) -> Upgrade | Answer | None:
        """What to answer under the faults there are; None is to hang up."""
        faults = self._faults
        kind: Transport = transport_of(request, faults.now.tunnel)
        await faults.until(lambda: not faults.freezes_sessions)
        await asyncio.sleep(faults.delays_upgrade(kind))
        if faults.drops(kind):
            return None
        if refused := faults.refuses_upgrade(kind):
            return text(refused, HTTPStatus(refused).phrase)
        return negotiate(request, faults.now.tunnel)

    async def _run(self, upgrade: Upgrade, transport: asyncio.Transport, pod: Pod) -> None:
        link = Link(transport)
        session = self._session(upgrade, link, pod)
        self._sessions.add(session)
        try:
            link.write(_encoded(upgrade.answer))
            if isinstance(session, ChannelSession):
                session.begin()
            await session.run()
        finally:
            self._sessions.discard(session)
            transport.abort()

    def _session(self, upgrade: Upgrade, link: Link, pod: Pod) -> Session:
        settings = self._faults.now
        runtime = Runtime(self._ports, settings, pod["metadata"]["uid"])
        if upgrade.transport == "channels":
            channels = ChannelSession(link, runtime, upgrade.ports, upgrade.base64)
            link.start(channels)
            return channels
        if upgrade.transport == "spdy":
            session = SpdySession(link, link, runtime, settings)
            link.start(session.server)
            return session
        tunnel = Tunnel(link)
        session = SpdySession(link, tunnel, runtime, settings)
        tunnel.receiver = session.server
        link.start(tunnel)
        return session

    async def close(self) -> None:
        """End every session."""
        self._sessions.cut()


def _encoded(answer: Answer) -> bytes:
    return answer.encode(formatdate(usegmt=True))
