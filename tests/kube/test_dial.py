from __future__ import annotations

import asyncio
import errno
import gc
import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from kfwd.errors import Unreachable
from kfwd.kube import dial, tls
from kfwd.kube.dial import Resolver, Route, open_socket
from kfwd.kube.proxies import Proxy
from kfwd.tasks import TaskSet, Threads
from tests.kube.servers import Authority, Handler, Through, echo, serving, silence
from tests.ports import free_port
from tests.until import until


async def round_trip(sock: socket.socket) -> bytes:
    loop = asyncio.get_running_loop()
    with sock:
        await loop.sock_sendall(sock, b"ping")
        return await loop.sock_recv(sock, 100)


def resolving(
    monkeypatch: pytest.MonkeyPatch, *hosts: str, port: int | None = None
) -> list[tuple[str, int]]:
    """Let every name resolve to `hosts`; returns what was asked for."""
    asked: list[tuple[str, int]] = []

    def getaddrinfo(host: str, service: int, *args: Any, **more: Any) -> list[Any]:
        asked.append((host, service))
        found = [(host, service if port is None else port) for host in hosts]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", place) for place in found]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return asked


async def test_a_straight_socket_is_set_up_for_long_quiet_sessions() -> None:
    async with serving(echo) as port:
        sock = await open_socket(Route("127.0.0.1", port))
        assert sock.getblocking() is False
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 10_000
            assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 9
            assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL) == 3
        assert await round_trip(sock) == b"ping"


async def test_ipv6_works() -> None:
    server = await asyncio.start_server(lambda reader, writer: writer.close(), "::1", 0)
    async with server:
        with await open_socket(Route("::1", server.sockets[0].getsockname()[1])) as sock:
            assert sock.family == socket.AF_INET6
    await asyncio.sleep(0)


async def test_a_refused_connection_names_host_and_port() -> None:
    port = free_port()
    with pytest.raises(Unreachable) as caught:
        await open_socket(Route("127.0.0.1", port))
    assert caught.value.code == "connect-failed"
    assert caught.value.hint == dial.CHECK_THE_WAY
    assert caught.value.text == f"127.0.0.1:{port} cannot be reached: connection refused"


async def test_a_name_nobody_knows_is_a_dns_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    def getaddrinfo(*args: Any, **more: Any) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    with pytest.raises(Unreachable, match=r'"api\.test" cannot be resolved: Name or') as caught:
        await open_socket(Route("api.test", 6443))
    assert caught.value.code == "dns-failed"


async def test_the_next_address_is_tried_when_one_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(echo) as port:
        resolving(monkeypatch, "127.0.0.2", "127.0.0.1")
        sock = await open_socket(Route("api.test", port))
        assert sock.getpeername() == ("127.0.0.1", port)
        assert await round_trip(sock) == b"ping"


async def test_the_address_that_worked_is_the_first_one_next_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with serving(echo) as port:
        resolving(monkeypatch, "127.0.0.2", "127.0.0.1")
        resolver = Resolver()
        first, second = await resolver.addresses("api.test", port)
        (await open_socket(Route("api.test", port), resolver)).close()
        assert await resolver.addresses("api.test", port) == [second, first]


async def test_those_who_ask_at_the_same_time_share_one_lookup(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = resolving(monkeypatch, "127.0.0.1")
    resolver = Resolver()
    found = await asyncio.gather(*(resolver.addresses("api.test", 1) for _ in range(20)))
    assert len(asked) == 1
    assert found == [[(socket.AF_INET, ("127.0.0.1", 1))]] * 20
    await resolver.addresses("api.test", 1)
    assert len(asked) == 2  # nothing is kept: names move


async def test_a_lookup_that_nobody_waits_for_any_more_fails_silently(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    gate, resolver = threading.Event(), Resolver()

    def getaddrinfo(*args: Any, **more: Any) -> None:
        gate.wait(10)
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    with pytest.raises(Unreachable, match=r"within 0\.1 s"):
        await open_socket(Route("api.test", 1), resolver, timeout=0.1)
    waiting = TaskSet("test").spawn(resolver.addresses("api.test", 1), "second")
    await asyncio.sleep(0)
    gate.set()
    with pytest.raises(Unreachable, match="Temporary failure"):
        await waiting
    gc.collect()
    assert "never retrieved" not in caplog.text


def hanging(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Have every lookup hang until the event is set."""
    gate = threading.Event()

    def getaddrinfo(*args: Any, **more: Any) -> list[Any]:
        gate.wait(10)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return gate


async def test_lookups_that_hang_hold_up_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    gate, resolver, tasks = hanging(monkeypatch), Resolver(), TaskSet("test")
    for number in range(100):  # more than the loop's own pool has threads
        tasks.spawn(resolver.addresses(f"api-{number}.test", 1), str(number))
    await asyncio.sleep(0)
    async with asyncio.timeout(5):
        assert await asyncio.to_thread(lambda: "read") == "read"
    assert sum(thread.name == "name lookups" for thread in threading.enumerate()) == 64
    gate.set()
    await until(lambda: not tasks)


async def test_a_name_too_many_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dial, "LOOKUPS", Threads("name lookups", most=1, waiting=1))
    gate, resolver, tasks = hanging(monkeypatch), Resolver(), TaskSet("test")
    for host in ("one.test", "two.test"):
        tasks.spawn(resolver.addresses(host, 1), host)
    await asyncio.sleep(0)
    with pytest.raises(Unreachable, match="name lookups: 1 run, 1 wait") as caught:
        await resolver.addresses("three.test", 1)
    assert caught.value.code == "dns-failed"
    gate.set()
    await until(lambda: not tasks)


@pytest.mark.parametrize(("proxied", "code"), [(False, "dns-failed"), (True, "proxy-failed")])
async def test_a_name_that_is_not_resolved_in_time_is_told(
    monkeypatch: pytest.MonkeyPatch, proxied: bool, code: str
) -> None:
    gate = hanging(monkeypatch)
    proxy = Proxy(scheme="http", host="slow.test", port=1) if proxied else None
    text = r'name "slow\.test" cannot be resolved: no answer within 0\.1 s'
    with pytest.raises(Unreachable, match=text) as caught:
        await open_socket(Route("api.test" if proxied else "slow.test", 1, proxy), timeout=0.1)
    assert caught.value.code == code
    gate.set()


class FullBacklog:
    """A listener that lets nobody in any more, so that the kernel answers no SYN."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=0)
        self.port = self.listener.getsockname()[1]
        self.waiting = []
        for _ in range(3):
            sock = socket.socket()
            sock.setblocking(False)
            sock.connect_ex(("127.0.0.1", self.port))
            self.waiting.append(sock)

    def __enter__(self) -> FullBacklog:
        return self

    def __exit__(self, *reason: object) -> None:
        for sock in [self.listener, *self.waiting]:
            sock.close()


async def test_a_silent_address_gets_only_its_share_of_the_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with FullBacklog() as silent:
        async with serving(echo) as port:
            places = [("127.0.0.1", silent.port), ("127.0.0.1", port)]
            monkeypatch.setattr(
                socket,
                "getaddrinfo",
                lambda *a, **k: [(socket.AF_INET, socket.SOCK_STREAM, 6, "", p) for p in places],
            )
            sock = await open_socket(Route("api.test", 6443), timeout=0.6)
            assert await round_trip(sock) == b"ping"


async def test_silence_everywhere_is_a_timeout() -> None:
    with FullBacklog() as silent, pytest.raises(Unreachable) as caught:
        await open_socket(Route("127.0.0.1", silent.port), timeout=0.2)
    assert caught.value.code == "connect-timeout"
    assert f"127.0.0.1:{silent.port}" in caught.value.text


async def test_cancelling_a_dial_closes_its_socket() -> None:
    # The fixture that looks for open files is what fails here.
    with FullBacklog() as silent, pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await open_socket(Route("127.0.0.1", silent.port), timeout=30)


PROXIES = pytest.mark.parametrize("scheme", ["http", "https", "socks5", "socks5h"])
KNOWN = Authority()


def trust() -> ssl.SSLContext:
    return tls.server_context(KNOWN.pem, "of the proxy")


def standing(handler: Handler, scheme: str) -> AbstractAsyncContextManager[int]:
    """A proxy's port."""
    return serving(handler, KNOWN.server() if scheme == "https" else None)


def proxy_handler(through: Through, scheme: str) -> Handler:
    return through.http if scheme.startswith("http") else through.socks


@PROXIES
@pytest.mark.parametrize("login", [None, ("ann", "p w:@")])
async def test_bytes_pass_through_a_proxy_that_is_given_the_name(
    scheme: Any, login: tuple[str, str] | None
) -> None:
    async with serving(echo) as port:
        through = Through(port, login)
        async with standing(proxy_handler(through, scheme), scheme) as proxy_port:
            proxy = Proxy(scheme=scheme, host="127.0.0.1", port=proxy_port, login=login)
            sock = await open_socket(Route("api.cluster.test", 6443, proxy), trust=trust)
            assert await round_trip(sock) == b"ping"
    assert through.asked == [("api.cluster.test", 6443)]


@PROXIES
async def test_a_proxy_that_wants_another_login_is_told_apart(scheme: Any) -> None:
    through = Through(1, ("ann", "right"))
    async with standing(proxy_handler(through, scheme), scheme) as port:
        proxy = Proxy(scheme=scheme, host="127.0.0.1", port=port, login=("ann", "wrong"))
        with pytest.raises(Unreachable, match="rejected") as caught:
            await open_socket(Route("api.test", 6443, proxy), trust=trust)
    assert caught.value.code == "proxy-failed"
    assert f"{scheme}://127.0.0.1:{port}" in caught.value.text
    assert "api.test:6443" in caught.value.text
    assert "wrong" not in caught.value.text


def say(text: bytes) -> Callable[..., Any]:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(text)
        await writer.drain()

    return handler


@PROXIES
@pytest.mark.parametrize(
    ("answer", "text"),
    [(b"", "closed the connection|reset by peer"), (b"SSH-2.0-x\r\n\r\n", "does not speak")],
)
async def test_what_is_no_proxy_says_so(scheme: Any, answer: bytes, text: str) -> None:
    async with standing(say(answer), scheme) as port:
        proxy = Proxy(scheme=scheme, host="127.0.0.1", port=port)
        with pytest.raises(Unreachable, match=text) as caught:
            await open_socket(Route("api.test", 6443, proxy), trust=trust)
    assert caught.value.code == "proxy-failed"


async def test_a_proxy_whose_certificate_nobody_knows_says_so() -> None:
    async with serving(echo, Authority().server()) as port:
        proxy = Proxy(scheme="https", host="127.0.0.1", port=port)
        with pytest.raises(Unreachable, match="an authority that is not known here") as caught:
            await open_socket(Route("api.test", 6443, proxy), trust=trust)
    assert caught.value.code == "proxy-failed"
    assert "system" in str(caught.value.hint)


async def test_a_proxy_that_does_not_speak_tls_says_so() -> None:
    async with serving(say(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as port:
        proxy = Proxy(scheme="https", host="127.0.0.1", port=port)
        with pytest.raises(Unreachable, match="does not speak TLS"):
            await open_socket(Route("api.test", 6443, proxy), trust=trust)


async def test_a_proxy_that_is_down_says_so() -> None:
    proxy = Proxy(scheme="http", host="127.0.0.1", port=free_port())
    with pytest.raises(Unreachable, match=r"proxy http://127.* does not answer.*refused") as caught:
        await open_socket(Route("api.test", 6443, proxy))
    assert caught.value.code == "proxy-failed"


async def test_a_proxy_that_says_nothing_is_given_up() -> None:
    async with serving(silence) as port:
        proxy = Proxy(scheme="http", host="127.0.0.1", port=port)
        with pytest.raises(Unreachable, match=r"through the proxy .* within 0\.2 s") as caught:
            await open_socket(Route("api.test", 6443, proxy), timeout=0.2)
    assert caught.value.code == "proxy-failed"


async def test_after_the_network_changed_nobody_waits_for_an_older_lookup(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gate, asked = threading.Event(), []

    def getaddrinfo(*args: Any, **more: Any) -> list[Any]:
        asked.append(args)
        if len(asked) <= 2:
            gate.wait(10)
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 1))]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    resolver, tasks = Resolver(), TaskSet("test")
    first = tasks.spawn(resolver.addresses("api.test", 1), "first")
    await until(lambda: len(asked) == 1)
    resolver.forget()
    second = tasks.spawn(resolver.addresses("api.test", 1), "second")
    await until(lambda: len(asked) == 2)
    resolver.forget()  # two that hang are enough
    third = tasks.spawn(resolver.addresses("api.test", 1), "third")
    await asyncio.sleep(0)
    gate.set()
    for waiting in (first, second, third):
        with pytest.raises(Unreachable, match="Temporary failure"):
            await waiting
    assert len(asked) == 2
    assert await resolver.addresses("api.test", 1) == [(socket.AF_INET, ("127.0.0.1", 1))]
    assert not resolver._pending
    assert not resolver._outdated


async def test_a_process_without_descriptors_left_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    async def none_left(address: object) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(dial, "_connect_to", none_left)
    with pytest.raises(Unreachable, match=r"may open no more than \d+ files") as caught:
        await open_socket(Route("127.0.0.1", 1))
    assert caught.value.code == "too-many-files"
