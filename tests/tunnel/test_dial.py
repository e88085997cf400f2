"""Transports by evidence (design section 4, rule 8), against a server scripted answer by answer."""

from __future__ import annotations

import asyncio
import itertools
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from multidict import CIMultiDict, CIMultiDictProxy

from kfwd.errors import Forbidden, KfwdError, LoginNeeded, NotFound, Unreachable, UpgradeFailed
from kfwd.kube.credentials import Credential, Credentials
from kfwd.tasks import TaskSet
from kfwd.tunnel import dial as dial_module
from kfwd.tunnel.dial import Dialer, explain
from kfwd.tunnel.transports import DAY, HOUR, Known
from kfwd.wire.websocket import accept_key
from tests.kube.test_upgrade import GOOD, api_server
from tests.until import until
from tests.wire.test_channels import opened

Script = Callable[[str], bytes]
NOW = datetime(2026, 1, 1, tzinfo=UTC)
WEBSOCKET = Known(transport="websocket", since=NOW, again=NOW, reason="spdy: 403 no")


def websocket_101(head: str, protocol: str = "SPDY/3.1+portforward.k8s.io") -> bytes:
    key = re.search(r"Sec-WebSocket-Key: (\S+)", head)
    assert key is not None
    return (
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Accept: {accept_key(key[1])}\r\n"
        f"Sec-WebSocket-Protocol: {protocol}\r\n\r\n"
    ).encode()


def refusal(status: int, words: str = "no") -> bytes:
    return f"HTTP/1.1 {status} No\r\nContent-Length: {len(words)}\r\n\r\n{words}".encode()


class Scripted:
    """What the server says to each kind of request, and what it was asked."""

    def __init__(self, post: Script, get: Script) -> None:
        self.post, self.get = post, get
        self.asked: list[str] = []
        self.under_way = self.most = 0
        self.gate: asyncio.Event | None = None

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        method = head.split(" ")[0]
        self.asked.append(method)
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        if self.gate is not None:
            await self.gate.wait()
        self.under_way -= 1
        answer = (self.post if method == "POST" else self.get)(head)
        writer.write(answer)
        await writer.drain()
        if b" 101 " in answer[:20]:
            await reader.read()


@asynccontextmanager
async def dialer(script: Scripted, **settings: object) -> AsyncIterator[Dialer]:
    tasks = TaskSet("dialer")
    async with api_server(script.handle) as server:
        yield Dialer(
            server,
            server.credentials,
            aside=lambda work: tasks.spawn(work, "better"),
            **settings,  # type: ignore[arg-type]
        )
        assert await tasks.close() == []


def good(head: str) -> bytes:
    return GOOD


def no(status: int) -> Script:
    return lambda head: refusal(status)


async def transport_of(dialing: Dialer, port: int | None = None) -> str:
    dialled = await dialing.dial("ns", "p", port)
    assert dialled is not None
    dialled.pipe.abort()
    return dialled.transport


async def test_spdy_is_tried_first_and_remembered() -> None:
    learned: list[Known] = []
    script = Scripted(good, websocket_101)
    async with dialer(script, learned=learned.append) as dialing:
        assert dialing.transport is None
        assert await transport_of(dialing) == "spdy"
        assert dialing.transport == "spdy"
    assert (script.asked, [each.transport for each in learned]) == (["POST"], ["spdy"])


@pytest.mark.parametrize("status", [400, 403, 405, 500, 502])
async def test_a_refusal_of_spdy_tries_the_tunnel(status: int) -> None:
    script = Scripted(no(status), websocket_101)
    async with dialer(script) as dialing:
        assert await transport_of(dialing) == "websocket"
        assert await transport_of(dialing) == "websocket"
    assert script.asked == ["POST", "GET", "GET"]


async def test_end_of_file_and_silence_try_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    script = Scripted(lambda head: b"", websocket_101)
    async with dialer(script) as dialing:
        assert await transport_of(dialing) == "websocket"


async def test_a_101_without_the_protocol_is_no_success() -> None:
    bare = GOOD.replace(b"X-Stream-Protocol-Version: portforward.k8s.io\r\n", b"")
    script = Scripted(lambda head: bare, lambda head: websocket_101(head, "other.k8s.io"))
    async with dialer(script) as dialing:
        with pytest.raises(UpgradeFailed):
            await dialing.dial("ns", "p")
        assert dialing.transport is None


def old_node(head: str) -> bytes:
    """A node that knows only channels (protocol notes A.4, D.1, E.2)."""
    if "?ports=" not in head:
        return refusal(400, 'query parameter "port" is required')
    if "v4.channel.k8s.io" not in head:
        return refusal(403)
    return websocket_101(head, "v4.channel.k8s.io") + opened(8080)


async def test_channels_are_tried_last_and_only_for_a_port_that_is_wanted() -> None:
    learned: list[Known] = []
    script = Scripted(no(405), old_node)
    async with dialer(script, learned=learned.append) as dialing:
        dialled = await dialing.dial("ns", "p", 8080)
        assert dialled is not None
        dialled.pipe.abort()
        assert (dialled.transport, dialled.rest) == ("channels", opened(8080))
        assert await transport_of(dialing, 8080) == "channels"
    assert script.asked == ["POST", "GET", "GET", "GET"]
    (known,) = learned
    assert (known.transport, known.reason[:11]) == ("channels", "spdy: 405 n")
    assert "websocket: 400 query parameter" in known.reason


async def test_without_a_port_channels_are_only_asked_for() -> None:
    script = Scripted(no(405), old_node)
    async with dialer(script) as dialing:
        assert await dialing.dial("ns", "p") is None
        assert dialing.transport == "channels"


@pytest.mark.parametrize(
    "answer", [no(400), no(403), lambda head: websocket_101(head, "v4.channel.k8s.io")]
)
async def test_any_other_answer_to_that_proves_nothing(answer: Script) -> None:
    script = Scripted(no(405), answer)
    async with dialer(script, allowed=("channels",)) as dialing:
        with pytest.raises(KfwdError):
            await dialing.dial("ns", "p")
        assert dialing.transport is None


@pytest.mark.parametrize(("status", "kind"), [(404, NotFound), (429, UpgradeFailed)])
async def test_some_answers_are_final(status: int, kind: type[KfwdError]) -> None:
    script = Scripted(no(status), websocket_101)
    async with dialer(script) as dialing:
        with pytest.raises(kind):
            await dialing.dial("ns", "p")
    assert script.asked == ["POST"]


async def test_a_401_without_another_login_is_told_as_requests_tell_it() -> None:
    script = Scripted(no(401), websocket_101)
    async with dialer(script) as dialing:
        with pytest.raises(LoginNeeded, match='not accept the login of context "test"') as caught:
            await dialing.dial("ns", "p")
    assert script.asked == ["POST"]
    assert "kubeconfig" in (caught.value.hint or "")


async def test_a_401_is_tried_once_more_with_a_fresh_login(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    script = Scripted(no(401), websocket_101)
    async with dialer(script) as dialing:
        given = itertools.count(1)

        async def fresh(_: Credentials) -> Credential:
            headers = CIMultiDictProxy(CIMultiDict[str]())
            return Credential(headers=headers, tag=next(given))

        monkeypatch.setattr(Credentials, "get", fresh)
        with pytest.raises(LoginNeeded):
            await dialing.dial("ns", "p")
    assert script.asked == ["POST", "POST"]


@pytest.mark.looptime
async def test_the_time_that_a_login_plugin_takes_after_a_401_is_not_the_dials() -> None:
    asked = 0

    class Slow:
        async def get(self) -> str:
            nonlocal asked
            asked += 1
            if asked == 2:
                await asyncio.sleep(4 * dial_module.DIAL_S)
            return "fresh"

    server: Any = None
    dialing = Dialer(server, Slow(), aside=lambda work: None)  # type: ignore[arg-type]
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(dial_module.DIAL_S) as limit:
        await dialing._unhurried(limit)
        assert await dialing._unhurried(limit) == "fresh"
        assert limit.when() == loop.time() + dial_module.DIAL_S
    assert loop.time() >= 4 * dial_module.DIAL_S


async def test_a_server_that_is_not_there_changes_nothing() -> None:
    script = Scripted(good, websocket_101)
    async with dialer(script, known=WEBSOCKET) as dialing:
        pass
    with pytest.raises(Unreachable):
        await dialing.dial("ns", "p")
    assert dialing.transport == "websocket"
    assert script.asked == []


async def test_sixteen_dials_are_in_flight_and_no_more() -> None:
    script = Scripted(good, websocket_101)
    script.gate = asyncio.Event()
    async with dialer(script) as dialing, asyncio.TaskGroup() as group:
        dials = [group.create_task(transport_of(dialing)) for _ in range(20)]
        await until(lambda: script.under_way == dial_module.IN_FLIGHT)
        assert script.under_way == 16
        script.gate.set()
        await asyncio.wait(dials)
    assert script.most == 16
    assert len(script.asked) == 20


async def test_a_dial_has_a_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dial_module, "DIAL_S", 0.1)
    script = Scripted(good, websocket_101)
    script.gate = asyncio.Event()
    async with dialer(script) as dialing:
        with pytest.raises(Unreachable) as caught:
            await dialing.dial("ns", "p")
        script.gate.set()
    assert caught.value.code == "dial-timeout"


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


async def test_a_better_transport_is_tried_again_once_a_day_beside_what_works() -> None:
    clock, learned = Clock(), list[Known]()
    script = Scripted(no(403), websocket_101)
    settings = {"clock": clock, "learned": learned.append, "known": WEBSOCKET}
    async with dialer(script, **settings) as dialing:
        assert await transport_of(dialing) == "websocket"
        await until(lambda: learned)
        assert script.asked == ["GET", "POST"]
        assert learned[0].again == NOW + DAY
        clock.now += DAY - HOUR
        assert await transport_of(dialing) == "websocket"
        script.post = good
        clock.now += HOUR
        assert await transport_of(dialing) == "websocket"
        await until(lambda: dialing.transport == "spdy")
        assert (learned[1].reason, learned[1].again) == ("", None)
        assert await transport_of(dialing) == "spdy"
    assert script.asked == ["GET", "POST", "GET", "GET", "POST", "POST"]


@pytest.mark.parametrize("answer", [no(404), no(429), no(401)])
async def test_what_says_nothing_of_a_transport_leaves_it_for_an_hour(answer: Script) -> None:
    clock, learned = Clock(), list[Known]()
    script = Scripted(answer, websocket_101)
    async with dialer(script, clock=clock, learned=learned.append, known=WEBSOCKET) as dialing:
        assert await transport_of(dialing) == "websocket"
        await until(lambda: "POST" in script.asked)
        assert dialing.known is not None
        assert (dialing.transport, dialing.known.again) == ("websocket", NOW + HOUR)
    assert learned == []


def failed(status: int) -> UpgradeFailed:
    return UpgradeFailed(f"said {status}", status=status)


@pytest.mark.parametrize(
    ("statuses", "told"),
    [([400, 403], 403), ([403, 400], 403), ([0, 400], 400), ([0, 502], 502), ([500, 400], 500)],
)
def test_the_most_telling_refusal_is_told(statuses: list[int], told: int) -> None:
    error = explain([failed(status) for status in statuses], "ns", "p")
    assert error.text.endswith(f"said {told}")


def test_a_403_says_what_to_grant() -> None:
    error = explain([failed(403)], "ns", "p")
    assert isinstance(error, Forbidden)
    assert "pods/portforward" in str(error.hint)


async def test_a_dial_whose_way_changes_is_begun_anew_on_the_same_transport() -> None:
    script = Scripted(good, good)
    script.gate = asyncio.Event()
    async with dialer(script) as ours:
        dialling = TaskSet("test").spawn(ours.dial("shop", "web"), "dial")
        await until(lambda: script.under_way == 1)
        gate, script.gate = script.gate, None
        ours._server.way_changed()
        dialled = await dialling
        assert (dialled.transport, script.asked) == ("spdy", ["POST", "POST"])
        dialled.pipe.abort()
        gate.set()
