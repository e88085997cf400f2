"""The clients: six kinds, each a talk with the probe of which every byte is known beforehand."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import random
from collections.abc import Awaitable, Callable, Iterable, Mapping

from msgspec import Struct

from kfwd.tasks import TaskSet
from tests.chaos.ledger import HANG_S, Outcome, Result
from tests.chaos.streams import PROBE, Checker, WrongByte, coded
from tests.chaos.windows import Window, clear_s

READ = 64 * 1024
NUMBERS = 100_000
LOOK_S = 0.25
STALL_S = (2.0, 6.0)
LINE_MAX = 200


class Early(Exception):
    """An end of file before all had come."""


class Talk:
    """One connection. `request` names what a pod must be asked once at most.

    `progress` is the time of the last byte either way; while `patient` there need be none, and
    from `unsure` on the end may have come at any time without being seen.
    """

    def __init__(self, number: int, client: str, way: str, port: int, begin: float) -> None:
        self.number, self.client, self.way, self.port = number, client, way, port
        self.begin = self.progress = begin
        self.first_byte: float | None = None
        self.received = 0
        self.request = ""
        self.patient = False
        self.unsure: float | None = None
        self.hung = False
        self.reader: asyncio.StreamReader
        self.writer: asyncio.StreamWriter | None = None

    def now(self) -> float:
        return asyncio.get_running_loop().time()

    async def open(self) -> None:
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        self.progress = self.now()

    async def read(self) -> bytes:
        """What comes next; nothing at the end of file."""
        data = await self.reader.read(READ)
        if data:
            self.progress = self.now()
            self.first_byte = self.first_byte or self.progress
            self.received += len(data)
        return data

    async def send(self, data: bytes) -> None:
        assert self.writer is not None
        self.writer.write(data)
        await self.writer.drain()
        self.progress = self.now()

    async def read_all(self, checker: Checker) -> None:
        """Everything up to the end of file, checked as it comes."""
        while data := await self.read():
            checker.feed(data)
        if not checker.complete:
            raise Early(f"after {checker}")

    async def read_line(self) -> str:
        """A line that ends with the connection."""
        line = b""
        while data := await self.read():
            line += data
            if len(line) > LINE_MAX:
                raise WrongByte(f"more than a line: {line[:LINE_MAX]!r}")
        if not line.endswith(b"\n"):
            raise Early(f"after {line!r} of a line")
        return line.decode("latin-1")

    def unique(self, most: int) -> int:
        """A length up to `most` times `NUMBERS` that no other talk has."""
        return random.Random(self.number).randrange(most) * NUMBERS + self.number % NUMBERS


async def short(talk: Talk, rng: random.Random) -> None:
    """One HTTP request with its number in the path; the client ends when it has the answer."""
    path = f"/once/{talk.number}"
    await talk.send(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    talk.request = path
    answer = b""
    while not whole(answer):
        if not (data := await talk.read()):
            raise Early(f"after {answer[:LINE_MAX]!r} of an answer")
        answer += data
    head, _, body = answer.partition(b"\r\n\r\n")
    words = body.split()
    if not head.startswith(b"HTTP/1.1 200 ") or words[1:] != [f"path={path}".encode(), b"host=x"]:
        raise WrongByte(f"not the answer to {path}: {answer[:LINE_MAX]!r}")


def whole(answer: bytes) -> bool:
    """Whether an HTTP answer has all of its body."""
    head, blank, body = answer.partition(b"\r\n\r\n")
    length = head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0]
    return bool(blank) and len(body) >= int(length or 0)


async def long(talk: Talk, rng: random.Random) -> None:
    """Many turns of an echo over seconds; the client ends it."""
    stream = coded(f"long {talk.number}")
    total = rng.randint(20_000, 200_000)
    checker = Checker(stream, total)
    while not checker.complete:
        length = min(rng.randint(1, 8192), total - checker.position)
        end = checker.position + length
        await talk.send(stream.piece(checker.position, length))
        while checker.position < end:
            if not (data := await talk.read()):
                raise Early(f"after {checker}, of which {end - checker.position} were due")
            checker.feed(data)
        await asyncio.sleep(rng.uniform(0.0, 0.2))


async def upload(talk: Talk, rng: random.Random) -> None:
    """As many bytes as announced; the pod answers their hash."""
    total, stream = talk.unique(20), coded(f"upload {talk.number}")
    digest = hashlib.sha256()
    await talk.send(f"{total}\n".encode())
    talk.request = f"counted {total}"
    for offset in range(0, total, READ):
        data = stream.piece(offset, min(READ, total - offset))
        digest.update(data)
        await talk.send(data)
    line = await talk.read_line()
    if line != f"{total} {digest.hexdigest()}\n":
        raise WrongByte(f"{total} {digest.hexdigest()} was sent, the pod got {line}")
    talk.received += total


async def download(talk: Talk, rng: random.Random) -> None:
    """As many bytes as asked for."""
    total = talk.unique(40)
    await talk.send(f"{total}\n".encode())
    talk.request = f"source {total}"
    await talk.read_all(Checker(PROBE, total))


async def half_close(talk: Talk, rng: random.Random) -> None:
    """The end of file goes out before the answer is read."""
    stream, total = coded(f"half {talk.number}"), rng.randint(1, 8192)
    await talk.send(stream.piece(0, total))
    assert talk.writer is not None
    talk.writer.write_eof()
    await talk.read_all(Checker(stream, total))


async def stalled(talk: Talk, rng: random.Random) -> None:
    """A download whose client does not read for seconds."""
    total = talk.unique(60)
    await talk.send(f"{total}\n".encode())
    talk.request = f"source {total}"
    checker = Checker(PROBE, total)
    if first := await talk.read():
        checker.feed(first)
    talk.patient, talk.unsure = True, talk.now()
    await asyncio.sleep(rng.uniform(*STALL_S))
    talk.patient, talk.progress = False, talk.now()
    await talk.read_all(checker)


Client = Callable[[Talk, random.Random], Awaitable[None]]


class Role(Struct, frozen=True):
    """A kind of client: what it does, the listener it uses, and the pause between two talks."""

    talk: Client
    listener: str
    pause: tuple[float, float]


ROLES: dict[str, Role] = {
    "short": Role(short, "web", (0.02, 0.15)),
    "long": Role(long, "echo", (0.1, 0.5)),
    "upload": Role(upload, "counted", (0.3, 1.0)),
    "download": Role(download, "source", (0.3, 1.0)),
    "half-close": Role(half_close, "echo", (0.1, 0.5)),
    "stalled": Role(stalled, "source", (0.5, 1.5)),
}
EACH = 5


class Crowd:
    """`EACH` clients of each kind, half of them each way. `ports` are by way and listener."""

    def __init__(
        self, ports: Mapping[tuple[str, str], int], windows: Iterable[Window], seed: int
    ) -> None:
        self.outcomes: list[Outcome] = []
        self.answered: list[str] = []
        self._ports = ports
        self._windows = windows
        self._seed = seed
        self._numbers = itertools.count(1)
        self._talks: set[Talk] = set()
        self._stopping = asyncio.Event()
        self._tasks = TaskSet("crowd")
        self._clients: list[asyncio.Task[None]] = []
        self._ways = tuple(dict.fromkeys(way for way, _ in ports))

    def start(self) -> None:
        for turn in range(EACH):
            for place, name in enumerate(ROLES):
                way = self._ways[(turn + place) % len(self._ways)]
                client = self._client(name, way, random.Random(f"{self._seed} {name} {turn}"))
                self._clients.append(self._tasks.spawn(client, f"{name} {turn}"))
        self.look()

    def look(self) -> None:
        """From now on end talks that are silent though their way is free."""
        self._tasks.spawn(self._look(), "look")

    async def finish(self) -> None:
        """No new talks; returns when those under way have ended."""
        self._stopping.set()
        await asyncio.gather(*self._clients)
        await self._tasks.close()

    async def close(self) -> None:
        await self._tasks.close()

    async def _client(self, name: str, way: str, rng: random.Random) -> None:
        role = ROLES[name]
        while not self._stopping.is_set():
            await self.talk(name, way, rng)
            try:
                async with asyncio.timeout(rng.uniform(*role.pause)):
                    await self._stopping.wait()
            except TimeoutError:
                pass

    async def talk(self, name: str, way: str, rng: random.Random) -> None:
        """One connection of a kind of client, to its outcome."""
        role, now = ROLES[name], asyncio.get_running_loop().time()
        talk = Talk(next(self._numbers), name, way, self._ports[way, role.listener], now)
        self._talks.add(talk)
        try:
            result, detail = await self._result(talk, role, rng)
        finally:
            self._talks.discard(talk)
        if result is Result.DONE and talk.request:
            self.answered.append(talk.request)
        self.outcomes.append(
            Outcome(
                number=talk.number,
                client=name,
                way=way,
                port=talk.port,
                begin=talk.begin,
                alive=talk.progress if talk.unsure is None else talk.unsure,
                end=talk.now(),
                first_byte=talk.first_byte,
                received=talk.received,
                result=result,
                detail=detail,
            )
        )

    async def _result(self, talk: Talk, role: Role, rng: random.Random) -> tuple[Result, str]:
        try:
            await talk.open()
            await role.talk(talk, rng)
        except WrongByte as error:
            return Result.WRONG, str(error)
        except Early as error:
            return (Result.HUNG if talk.hung else Result.EARLY), str(error)
        except ConnectionRefusedError as error:
            return Result.REFUSED, str(error)
        except OSError as error:
            return (Result.HUNG if talk.hung else Result.RESET), str(error)
        finally:
            if talk.writer is not None:
                talk.writer.transport.abort() if talk.hung else talk.writer.close()
        return Result.DONE, ""

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(LOOK_S)
            now = asyncio.get_running_loop().time()
            for talk in self._talks:
                silent = clear_s(self._windows, talk.way, talk.progress, now)
                if silent > HANG_S and not talk.patient and not talk.hung and talk.writer:
                    talk.hung = True
                    talk.writer.transport.abort()
