"""Mixed traffic through the whole data path: front, pool, dialer and a simulated kubelet.

Every byte and every ending is checked against what rules 12 and 13 of design section 4 allow: what
arrives is a beginning of what was sent, an end-of-file comes only behind all of it, and no process
ever gets the bytes of one connection twice.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import struct
from collections import Counter
from collections.abc import AsyncIterator
from enum import IntEnum

import pytest
from msgspec import Struct

from kfwd.front.forwarder import Front
from kfwd.front.replay import Budget
from kfwd.kube.connect import Server
from kfwd.kube.credentials import Credentials
from kfwd.kube.kubeconfig import Cluster, Context, User
from kfwd.model import ContextRef, Problem
from kfwd.resolve.endpoints import Endpoint
from kfwd.tunnel.dial import Dialer
from kfwd.tunnel.pod import FREE_MAX
from kfwd.tunnel.pool import Pool
from tests.sim.kubelet import POD, UID, Kubelet, kubelet
from tests.until import until

OPEN_PORT, CLOSED_PORT, DEAF_PORT = 7000, 7001, 7002
HEADER = struct.Struct(">IBII")
RESET = struct.pack("ii", 1, 0)
BLOCK = 1000
STALL_BYTES = 3_000_000


class Kind(IntEnum):
    SHORT = 1  # ask, answer, the pod ends
    LONG = 2  # many small turns, the application ends
    DOWNLOAD = 3
    UPLOAD = 4
    HALF_CLOSE = 5  # the application's end-of-file comes before the answer
    STALLED = 6  # nothing is read until all others have ended
    ABORTED = 7  # the pod's process resets in the middle


class Plan(Struct, frozen=True):
    """One connection: what it sends, what it is sent, told apart by its number."""

    number: int
    kind: Kind
    up: int
    down: int

    @property
    def upload(self) -> bytes:
        return random.Random(f"up {self.number}").randbytes(self.up)

    @property
    def download(self) -> bytes:
        return random.Random(f"down {self.number}").randbytes(self.down)


class Outcome(Struct):
    """What the application saw."""

    plan: Plan
    data: bytes
    reset: bool


def plan(number: int, kind: Kind, rng: random.Random) -> Plan:
    turns = BLOCK * rng.randint(3, 12)
    up, down = {
        Kind.SHORT: (rng.randint(0, 2000), rng.randint(0, 2000)),
        Kind.LONG: (turns, turns),
        Kind.DOWNLOAD: (10, rng.randint(50_000, 900_000)),
        Kind.UPLOAD: (rng.randint(50_000, 900_000), 32),
        Kind.HALF_CLOSE: (rng.randint(1, 20_000), rng.randint(1, 2000)),
        Kind.STALLED: (10, STALL_BYTES),
        Kind.ABORTED: (10, rng.randint(100_000, 400_000)),
    }[kind]
    return Plan(number, kind, up, down)


class Process:
    """The pod's process. It notes which connections it got, and that their bytes are right."""

    def __init__(self) -> None:
        self.seen: Counter[int] = Counter()
        self.wrong: list[Plan] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            number, kind, up, down = HEADER.unpack(await reader.readexactly(HEADER.size))
            plan = Plan(number, Kind(kind), up, down)
            self.seen[number] += 1
            await (self._turns if plan.kind is Kind.LONG else self._answer)(plan, reader, writer)
        writer.close()

    async def _answer(
        self, plan: Plan, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._check(plan, plan.upload, await reader.readexactly(plan.up))
        if plan.kind is Kind.ABORTED:
            writer.write(plan.download[: plan.down // 2])
            await writer.drain()
            sock = writer.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            writer.transport.abort()
        else:
            writer.write(plan.download)
            await writer.drain()

    async def _turns(
        self, plan: Plan, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        for at in range(0, plan.up, BLOCK):
            block = await reader.readexactly(BLOCK)
            self._check(plan, plan.upload[at : at + BLOCK], block)
            writer.write(plan.download[at : at + BLOCK])
        await reader.read()

    def _check(self, plan: Plan, wanted: bytes, got: bytes) -> None:
        if wanted != got:
            self.wrong.append(plan)


class Rig:
    """A front on the whole way to a pod."""

    def __init__(
        self,
        node: Kubelet,
        front: Front,
        pool: Pool,
        process: Process,
        problems: list[Problem | None],
    ) -> None:
        self.node, self.front, self.pool, self.process = node, front, pool, process
        self.problems = problems
        self.address = ("127.0.0.1", int(front.addresses[0].rpartition(":")[2]))
        self.quiet = asyncio.Event()  # only stalled readers are left

    def aim(self, port: int) -> None:
        endpoint = Endpoint(namespace="demo", pod="web-0", uid=UID, port=port, ready=True)
        self.front.serve((endpoint,))

    async def connection(self, plan: Plan) -> Outcome:
        """One application's life."""
        loop = asyncio.get_running_loop()
        with socket.socket() as sock:
            sock.setblocking(False)
            if plan.kind is Kind.STALLED:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
            await loop.sock_connect(sock, self.address)
            header = HEADER.pack(plan.number, plan.kind, plan.up, plan.down)
            outcome = Outcome(plan, b"", False)
            try:
                async with asyncio.timeout(20):
                    await self._talk(sock, outcome, header + plan.upload)
            except ConnectionError:
                outcome.reset = True
            return outcome

    async def _talk(self, sock: socket.socket, outcome: Outcome, upload: bytes) -> None:
        loop, plan = asyncio.get_running_loop(), outcome.plan
        if plan.kind is Kind.LONG:
            for at in range(HEADER.size, len(upload), BLOCK):
                start = 0 if at == HEADER.size else at
                await loop.sock_sendall(sock, upload[start : at + BLOCK])
                await self._receive(sock, outcome, len(outcome.data) + BLOCK)
            sock.shutdown(socket.SHUT_WR)
        else:
            await loop.sock_sendall(sock, upload)
        if plan.kind is Kind.HALF_CLOSE:
            sock.shutdown(socket.SHUT_WR)
        if plan.kind is Kind.STALLED:
            await self.quiet.wait()
        await self._receive(sock, outcome, plan.down + 1)

    async def _receive(self, sock: socket.socket, outcome: Outcome, size: int) -> None:
        """Up to `size` bytes in all, fewer at the end."""
        loop = asyncio.get_running_loop()
        while len(outcome.data) < size:
            piece = await loop.sock_recv(sock, size - len(outcome.data))
            if not piece:
                return
            outcome.data += piece

    async def run(self, plans: list[Plan]) -> list[Outcome]:
        """All at once; stalled readers go on when the others have ended."""
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self.connection(plan)) for plan in plans]
            rest = [t for t, p in zip(tasks, plans, strict=True) if p.kind is not Kind.STALLED]
            await asyncio.wait(rest)
            self.quiet.set()
        return [task.result() for task in tasks]


CASES = [("spdy", "containerd16"), ("websocket", "crio"), ("spdy", "main")]


@pytest.fixture(params=CASES, ids=lambda case: "-".join(case))
async def rig(request: pytest.FixtureRequest) -> AsyncIterator[Rig]:
    transport, order = request.param
    process = Process()
    async with kubelet(error_order=order, half_close_ms=400) as node:
        listening = await asyncio.start_server(process.serve, "127.0.0.1", 0, limit=1 << 20)
        node.listen_in_pod(OPEN_PORT, listening.sockets[0].getsockname()[1])
        context = Context(
            ref=ContextRef(kubeconfig=("/k",), name="test"),
            cluster=Cluster(name="c", server=f"http://127.0.0.1:{node.port}"),
            user=User(name="u"),
        )
        credentials = Credentials(context, {})
        server = Server(context, credentials, {})
        dialer = Dialer(server, credentials, aside=lambda work: None, allowed=(transport,))
        pool = Pool("test", dialer)
        problems: list[Problem | None] = []
        front = Front(
            "dev/web",
            pool,
            budget=Budget(),
            hold_s=20.0,
            on_change=lambda: problems.append(front.problem),
            look_again=lambda: None,
        )
        front.bind(["127.0.0.1"], 0)
        yield Rig(node, front, pool, process, problems)
        assert await front.close() == []
        assert await pool.close() == []
        await credentials.close()
        listening.close()


async def at_rest(rig: Rig) -> None:
    """Nothing is open, waits or is counted, and no more is kept than may be."""
    counters = rig.front.counters
    await until(lambda: not counters.open)
    assert counters.waiting == 0
    assert rig.front.budget.take(Budget()._left)
    rig.front.budget.give(Budget()._left)
    await until(lambda: len(rig.pool) <= FREE_MAX)
    sessions = [each for pod in rig.pool._pods.values() for each in pod._sessions]
    assert not any(session.occupied for session in sessions)


def complete(outcome: Outcome) -> bool:
    return outcome.data == outcome.plan.download and not outcome.reset


def allowed(outcome: Outcome) -> bool:
    """A beginning of what was sent, and an end-of-file only behind all of it."""
    begins = outcome.plan.download.startswith(outcome.data)
    return begins and (outcome.reset or complete(outcome))


async def test_mixed_traffic_arrives_whole_and_once(rig: Rig) -> None:
    rng = random.Random(20_260_101)
    rig.aim(OPEN_PORT)
    kinds = [kind for kind in Kind for _ in range(2 if kind is Kind.STALLED else 6)]
    rng.shuffle(kinds)
    outcomes = await rig.run([plan(i, kind, rng) for i, kind in enumerate(kinds)])
    for outcome in outcomes:
        if outcome.plan.kind is Kind.ABORTED:
            assert allowed(outcome), outcome.plan
            assert outcome.reset, outcome.plan
        else:
            assert complete(outcome), outcome.plan
    assert set(rig.process.seen.values()) == {1}
    assert len(rig.process.seen) == len(kinds)
    assert not rig.process.wrong
    await at_rest(rig)
    assert rig.front.counters.received == sum(len(each.data) for each in outcomes)
    assert rig.front.counters.total == len(kinds)


async def test_a_port_that_refuses_in_the_middle_of_traffic_hurts_only_its_own(rig: Rig) -> None:
    rng = random.Random(7)
    rig.aim(OPEN_PORT)
    kinds = [Kind.LONG, Kind.DOWNLOAD, Kind.UPLOAD, Kind.HALF_CLOSE] * 2
    async with asyncio.TaskGroup() as group:
        good = group.create_task(rig.run([plan(i, kind, rng) for i, kind in enumerate(kinds)]))
        await until(lambda: len(rig.process.seen) == len(kinds))
        rig.aim(CLOSED_PORT)
        bad = group.create_task(rig.run([plan(100 + i, Kind.SHORT, rng) for i in range(8)]))
    assert all(complete(outcome) for outcome in good.result())
    assert all(outcome.reset and not outcome.data for outcome in bad.result())
    assert set(rig.process.seen) == set(range(len(kinds)))
    assert {problem.code for problem in rig.problems if problem} == {"port-refused"}
    await at_rest(rig)


async def test_an_upload_that_stalls_at_the_pod_is_reset_when_its_process_is_killed(
    rig: Rig,
) -> None:
    loop = asyncio.get_running_loop()

    async def upload(sock: socket.socket) -> None:
        with pytest.raises(ConnectionError):  # noqa: PT012  # whichever of them it is
            while True:
                await loop.sock_sendall(sock, bytes(1 << 20))

    with socket.create_server(("127.0.0.1", 0)) as listening, socket.socket() as app:
        listening.setblocking(False)
        app.setblocking(False)
        rig.node.listen_in_pod(DEAF_PORT, listening.getsockname()[1])
        rig.aim(DEAF_PORT)
        await loop.sock_connect(app, rig.address)
        async with asyncio.timeout(10), asyncio.TaskGroup() as group:
            process, _ = await loop.sock_accept(listening)
            with process:  # it ends with bytes that it has not read
                group.create_task(upload(app))
                await until(lambda: rig.front.connections[0]._way_full)
    await at_rest(rig)


async def test_sessions_cut_in_the_middle_never_look_like_an_end(rig: Rig) -> None:
    rng = random.Random(11)
    rig.aim(OPEN_PORT)
    kinds = [kind for kind in Kind if kind is not Kind.SHORT] * 3
    running = [plan(i, kind, rng) for i, kind in enumerate(kinds)]
    async with asyncio.TaskGroup() as group:
        cut = group.create_task(rig.run(running))
        await until(lambda: len(rig.process.seen) > len(kinds) // 2)
        rig.node.sessions.cut()
    assert all(allowed(outcome) for outcome in cut.result())
    assert any(outcome.reset for outcome in cut.result())
    assert max(rig.process.seen.values()) == 1
    assert not rig.process.wrong
    after = await rig.run([plan(100 + i, Kind.SHORT, rng) for i in range(8)])
    assert all(complete(outcome) for outcome in after)
    await at_rest(rig)


async def test_a_pod_that_stops_in_the_middle_gets_no_connection_and_no_byte_twice(
    rig: Rig,
) -> None:
    """The runtime tells no cut from an end when a pod is deleted (L.6), so only bytes count."""
    rng = random.Random(13)
    rig.aim(OPEN_PORT)
    kinds = [Kind.LONG, Kind.DOWNLOAD, Kind.UPLOAD, Kind.STALLED] * 2
    running = [plan(i, kind, rng) for i, kind in enumerate(kinds)]
    async with asyncio.TaskGroup() as group:
        cut = group.create_task(rig.run(running))
        await until(lambda: len(rig.process.seen) == len(kinds))
        rig.front.hold_s = 0.3
        await rig.node.node.stop_pod(POD, 0)
        late = group.create_task(rig.run([plan(100 + i, Kind.SHORT, rng) for i in range(6)]))
    for outcome in cut.result():
        assert outcome.plan.download.startswith(outcome.data)
    assert all(outcome.reset and not outcome.data for outcome in late.result())
    assert max(rig.process.seen) < 100
    assert max(rig.process.seen.values()) == 1
    assert not rig.process.wrong
    await at_rest(rig)
