"""The measurements, one after the other, on one daemon. Runs in the near namespace."""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from kfwd.tasks import TaskSet
from tests.frozen import outages
from tests.frozen.figures import Figure
from tests.frozen.kinds import KINDS, PIECE, Kind, begun, http, lived
from tests.frozen.netns import Path as Way
from tests.frozen.outages import Outage
from tests.frozen.world import POD, World, connections

NOTICED_S = 15.0
RESUMED_S = 2.0
"""For who asks in the last second of an outage. TCP makes who asked before wait longer."""

ROUNDS, APART_S = 8, 0.65
"""Connections of a kind begin so far apart, since the moment within a period of PINGs counts."""

SETTLED_S = 3.0
MOST_S = 45.0
POLL_S = 0.25
USUAL, SLOW = "40mbit", "400kbit"
UPLOADS, UPLOAD = 2, 500_000
"""So many of each kind take over 30 s at `SLOW`; a peer that is silent for 14 s is dead."""

ECHO = Kind(what="echo", port="echo", opening=b"x", answered=True)


async def run(way: Way, folder: Path) -> AsyncIterator[Figure]:
    """The figures as they come."""
    way.rate(USUAL)
    world = World(way, folder)
    await asyncio.to_thread(world.start)
    for figure in await noticed(way, world):
        yield figure
    for name, outage, times, longest_s in (
        ("a route came back", outages.route_lost, 5, 8.0),
        ("another address", outages.AnotherAddress(), 5, 8.0),
        ("a router far away dropped all", lambda: outages.dropped(way), 6, 22.0),
    ):
        for figure in await resumed(name, outage, times, longest_s):
            yield figure
    yield await slow(way)


async def noticed(way: Way, world: World) -> list[Figure]:
    """From the moment the path froze until each connection ended."""
    loop, tasks = asyncio.get_running_loop(), TaskSet("clients")
    ends: dict[str, list[asyncio.Task[float]]] = {kind.what: [] for kind in KINDS}
    for number in range(ROUNDS):
        for kind in KINDS:
            if number >= ROUNDS - kind.count:
                alive = tasks.spawn(lived(kind, await begun(kind)), kind.what)
                ends[kind.what].append(alive)
        await asyncio.sleep(APART_S)
    await asyncio.sleep(SETTLED_S)
    before = connections()
    way.freeze()
    frozen = loop.time()
    told, gone = await asyncio.gather(_unreachable(world), _ended(before))
    await asyncio.wait([end for each in ends.values() for end in each], timeout=NOTICED_S)
    found = [
        Figure(f"noticed: {what}", tuple(_after(frozen, each) for each in all_ends), NOTICED_S)
        for what, all_ends in ends.items()
    ]
    await tasks.close()
    way.thaw()
    if early := [figure.what for figure in found if min(figure.found) < 0]:
        raise RuntimeError(f"ended before anything was lost: {', '.join(early)}")
    found.append(Figure("noticed: kfwd status says so", (told - frozen,), NOTICED_S))
    found.append(Figure("noticed: kfwd's last connection ended", (gone - frozen,), NOTICED_S))
    await _answers()
    return found


def _after(frozen: float, end: asyncio.Task[float]) -> float:
    """Seconds until it ended; one that did not has no end."""
    return end.result() - frozen if end.done() else float("inf")


async def _unreachable(world: World) -> float:
    return await _since(lambda: world.context_state() != "ok")


async def _ended(before: set[str]) -> float:
    """When the last of these connections of the daemon to the server had ended."""
    return await _since(lambda: not connections() & before)


async def _since(condition: Callable[[], bool]) -> float:
    """From when on it holds, or when `MOST_S` were over; it is asked in a thread."""
    loop = asyncio.get_running_loop()
    end = loop.time() + MOST_S
    while loop.time() < end and not await asyncio.to_thread(condition):  # noqa: ASYNC110  # others have no event for it
        await asyncio.sleep(POLL_S)
    return loop.time()


async def slow(way: Way) -> Figure:
    """Uploads behind which every answer is late, and connections at rest beside them."""
    loop, tasks = asyncio.get_running_loop(), TaskSet("uploads")
    resting = [await begun(ECHO) for _ in range(UPLOADS)]
    way.rate(SLOW)
    started = loop.time()
    body, length = bytes(UPLOAD), f"Content-Length: {UPLOAD}"
    kinds = (
        Kind(what="upload", port="counted", opening=b"%d\n" % UPLOAD + body),
        Kind(what="API proxy", port="api", opening=http(f"POST {POD}/sha", length) + body),
    )
    uploads = [tasks.spawn(_uploaded(kind), kind.what) for kind in kinds for _ in range(UPLOADS)]
    lost = [0.0 if await upload else 1.0 for upload in uploads]
    took = loop.time() - started
    way.rate(USUAL)
    for sock in resting:
        with sock:
            await loop.sock_sendall(sock, b"x")
            lost.append(0.0 if await loop.sock_recv(sock, 1) else 1.0)
    return Figure(f"taken for dead during uploads of {took:.0f} s", tuple(lost), 0, "")


async def _uploaded(kind: Kind) -> bool:
    """Whether the whole arrived and the answer came back."""
    loop, answer = asyncio.get_running_loop(), b""
    expected = f"{UPLOAD} {hashlib.sha256(bytes(UPLOAD)).hexdigest()}".encode()
    try:
        async with asyncio.timeout(4 * MOST_S):
            with await begun(kind) as sock:
                while expected not in answer and (data := await loop.sock_recv(sock, PIECE)):
                    answer += data
    except (OSError, TimeoutError):
        return False
    return expected in answer


async def resumed(name: str, outage: Outage, times: int, longest_s: float) -> list[Figure]:
    """From the end of an outage to the next byte for who asked in its last second, and for who
    did when it began.
    """
    loop, tasks, chance = asyncio.get_running_loop(), TaskSet("askers"), random.Random(name)
    last, first = [], []
    for _ in range(times):
        with outage():
            early = tasks.spawn(_answers(), "early")
            await asyncio.sleep(chance.uniform(2.0, longest_s - 1.0))
            late = tasks.spawn(_answers(), "late")
            await asyncio.sleep(1.0)
        back = loop.time()
        last.append(await late - back)
        first.append(await early - back)
        await asyncio.sleep(SETTLED_S)
    return [
        Figure(f"resumed: {name}", tuple(last), RESUMED_S),
        Figure(f"resumed: {name}, asked when it began", tuple(first), NOTICED_S),
    ]


async def _answers() -> float:
    """When the first byte came back, however many connections that took."""
    loop = asyncio.get_running_loop()
    end = loop.time() + 2 * MOST_S
    while loop.time() < end:
        try:
            (await begun(ECHO)).close()
            break
        except (OSError, TimeoutError):
            await asyncio.sleep(0.02)
    return loop.time()
