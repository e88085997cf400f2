"""Sessions are replaced before they are too old, without anybody noticing.

3 h 30 min are made short: the rule is the same, and its clock is the only thing that changes.
"""

from __future__ import annotations

import asyncio
from unittest.mock import patch

from kfwd.kube.connect import Server
from kfwd.kube.credentials import Credentials
from kfwd.kube.kubeconfig import Cluster, Context, User
from kfwd.model import ContextRef
from kfwd.tunnel import session as module
from kfwd.tunnel.dial import Dialer
from kfwd.tunnel.pod import PodRef
from kfwd.tunnel.pool import Pool
from kfwd.tunnel.session import Session
from kfwd.tunnel.stream import End, Ending, Sink, Stream
from tests.sim.kubelet import UID, Kubelet, kubelet
from tests.soak.figures import Figure

PORT = 7000
PATIENCE_S = 10.0
BETWEEN_S = 0.1
"""From the look at a session's age to the beginning of its stream: some time on a busy machine."""
WHERE = PodRef("demo", "web-0", UID)


class Answer:
    """A sink that waits for one answer and for the end behind it."""

    def __init__(self) -> None:
        self.data = b""
        self.ended: asyncio.Future[Ending] = asyncio.get_running_loop().create_future()

    def stream_data(self, *pieces: memoryview) -> None:
        self.data += b"".join(pieces)

    def stream_ended(self, ending: Ending) -> None:
        self.ended.set_result(ending)

    def pause_writing(self) -> None:
        """There is nothing more to write."""

    def resume_writing(self) -> None: ...


async def _greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"hello " + await reader.read(100))
    writer.close()


async def rotation(turns: int, age_s: float) -> list[Figure]:
    """Connections one by one until so many sessions, that may be `age_s` old, were used."""
    async with kubelet(half_close_ms=10) as node:
        pod = await asyncio.start_server(_greet, "127.0.0.1", 0)
        node.listen_in_pod(PORT, pod.sockets[0].getsockname()[1])
        try:
            return await _turned(node, turns, age_s)
        finally:
            pod.close()


async def _turned(node: Kubelet, turns: int, age_s: float) -> list[Figure]:
    loop = asyncio.get_running_loop()
    ages, seen, failed = list[float](), set[Session](), 0
    open_ = Session.open

    def noted(session: Session, port: int, sink: Sink, first: bytes | memoryview = b"") -> Stream:
        ages.append(loop.time() - session.opened_at)
        seen.add(session)
        return open_(session, port, sink, first)

    pool, credentials = _pool(node)
    sessions = pool.pod(WHERE)
    stop = sessions.watch(lambda: None)
    with patch.object(module, "AGE_S", age_s), patch.object(Session, "open", noted):
        end = loop.time() + 3 * turns * age_s + PATIENCE_S
        while len(seen) < turns and loop.time() < end:
            failed += not await _asked(pool)
    cuts = sessions.reconnects
    stop()
    await pool.close()
    await credentials.close()
    return [
        Figure(name=f"sessions that may be {age_s:g} s old", value=len(seen), least=turns),
        Figure(
            name="oldest that got a connection", value=max(ages), unit="s", most=age_s + BETWEEN_S
        ),
        Figure(name="connections that failed meanwhile", value=failed, most=0),
        Figure(name="sessions that were cut meanwhile", value=cuts, most=0),
    ]


async def _asked(pool: Pool) -> bool:
    answer, sessions = Answer(), pool.pod(WHERE)
    async with asyncio.timeout(10):
        if sessions.open_now(PORT, answer, lambda: b"you") is None:
            await sessions.request(PORT, answer, lambda: b"you").stream
        ending = await answer.ended
    return (answer.data, ending.how) == (b"hello you", End.CLEAN)


def _pool(node: Kubelet) -> tuple[Pool, Credentials]:
    context = Context(
        ref=ContextRef(kubeconfig=("/k",), name="soak"),
        cluster=Cluster(name="c", server=f"http://127.0.0.1:{node.port}"),
        user=User(name="u"),
    )
    credentials = Credentials(context, {})
    dialer = Dialer(Server(context, credentials, {}), credentials, aside=lambda work: None)
    return Pool("soak", dialer), credentials
