"""One request, one answer, then a pipe: the client checks 3 to 6 of protocol notes J.1."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from kfwd.errors import Unreachable, UpgradeFailed
from kfwd.kube import upgrade as upgrade_module
from kfwd.kube.connect import Server
from kfwd.kube.credentials import Credentials
from kfwd.kube.kubeconfig import Cluster, Context, User
from kfwd.kube.pipe import Nobody
from kfwd.kube.upgrade import Request, Upgraded, upgrade
from kfwd.model import ContextRef
from kfwd.wire.upgrade import spdy_accepted, spdy_headers
from tests.kube.servers import Authority, Handler, serving, silence

AUTHORITY = Authority()
PATH = "/api/v1/namespaces/ns/pods/p/portforward"
REQUEST = Request("POST", PATH, spdy_headers(), spdy_accepted)
GOOD = (
    b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n"
    b"X-Stream-Protocol-Version: portforward.k8s.io\r\n\r\n"
)


@asynccontextmanager
async def api_server(handler: Handler, user: User | None = None) -> AsyncIterator[Server]:
    async with serving(handler, AUTHORITY.server()) as port:
        context = Context(
            ref=ContextRef(kubeconfig=("/k",), name="test"),
            cluster=Cluster(name="c", server=f"https://127.0.0.1:{port}/prefix", ca=AUTHORITY.pem),
            user=user or User(name="u", token="t0k"),
        )
        credentials = Credentials(context, {})
        yield Server(context, credentials, {})
        await credentials.close()


async def ask(server: Server, answer_s: float = 5.0) -> Upgraded:
    credential = await server.credentials.get()
    return await upgrade(server, credential, REQUEST, answer_s=answer_s)


def answering(answer: bytes, heads: list[bytes] | None = None) -> Handler:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        if heads is not None:
            heads.append(head)
        writer.write(answer)
        await writer.drain()
        if b" 101 " in answer:
            await reader.read()

    return handle


class Receiver(Nobody):
    def __init__(self) -> None:
        self.data = b""
        self.got = asyncio.Event()

    def data_received(self, data: memoryview) -> None:
        self.data += data
        self.got.set()


async def test_the_request_carries_the_credential_below_the_servers_path() -> None:
    heads: list[bytes] = []
    async with api_server(answering(GOOD, heads)) as server:
        upgraded = await ask(server)
        head = heads[0].decode()
        assert head.startswith(f"POST /prefix{PATH} HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n")
        assert "Authorization: Bearer t0k\r\n" in head
        assert "Content-Length: 0\r\n" in head
        upgraded.pipe.abort()


async def test_every_group_of_an_impersonation_is_sent() -> None:
    heads: list[bytes] = []
    from kfwd.kube.kubeconfig import Impersonation

    user = User(name="u", impersonate=Impersonation(user="x", groups=("a", "b")))
    async with api_server(answering(GOOD, heads), user) as server:
        (await ask(server)).pipe.abort()
    assert heads[0].count(b"Impersonate-Group: ") == 2


async def test_nothing_is_sent_before_the_answer_and_nothing_behind_it_is_lost() -> None:
    early: list[bytes] = []

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        try:
            async with asyncio.timeout(0.1):
                early.append(await reader.read(1))
        except TimeoutError:
            pass
        writer.write(GOOD[:40])
        await writer.drain()
        writer.write(GOOD[40:] + b"glued")
        await writer.drain()
        writer.write(b" behind")
        await reader.read()

    async with api_server(slow) as server:
        upgraded = await ask(server)
        assert upgraded.head.status == 101
        receiver = Receiver()
        upgraded.pipe.attach(receiver)
        upgraded.pipe.resume_reading()
        while upgraded.rest + receiver.data != b"glued behind":
            await receiver.got.wait()
            receiver.got.clear()
        upgraded.pipe.abort()
    assert early == []


STATUS = b'{"kind":"Status","message":"pods \\"p\\" is forbidden","code":403}\n'


@pytest.mark.parametrize(
    ("answer", "status", "words"),
    [
        (
            b"HTTP/1.1 403 Forbidden\r\nContent-Type: application/json\r\nContent-Length: "
            + str(len(STATUS)).encode()
            + b"\r\n\r\n"
            + STATUS,
            403,
            'pods "p" is forbidden',
        ),
        (b"HTTP/1.1 404 Not Found\r\n\r\npod does not exist", 404, "pod does not exist"),
        (b"HTTP/1.0 403 Forbidden\r\n\r\nno\r\n\r\nnever", 403, "never"),
        (
            b"HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"4\r\nno\r\n\r\n5\r\nnever\r\n0\r\n\r\n",
            403,
            "never",
        ),
        (b"HTTP/1.1 500 Oops\r\n\r\n" + b"long " * 40_000, 500, "long long"),
        (
            b"HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/html\r\n\r\n<html>oops</html>",
            502,
            "an HTML page with status 502 came from something before the API server",
        ),
        (
            b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
            101,
            "the server switched to a protocol that was not asked for",
        ),
        (b"SSH-2.0-x\r\n\r\n", 0, "not an HTTP answer"),
        (b"", 0, "ended before an answer"),
    ],
)
async def test_any_other_answer_is_an_error_with_its_words(
    answer: bytes, status: int, words: str
) -> None:
    async with api_server(answering(answer)) as server:
        with pytest.raises(UpgradeFailed) as caught:
            await ask(server)
    assert caught.value.status == status
    assert words in caught.value.text


async def test_when_to_come_back_is_kept() -> None:
    answer = b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 5\r\nContent-Length: 4\r\n\r\nslow"
    async with api_server(answering(answer)) as server:
        with pytest.raises(UpgradeFailed) as caught:
            await ask(server)
    assert (caught.value.status, caught.value.retry_after_s) == (429, 5.0)


async def test_silence_is_an_error_in_its_time() -> None:
    async with api_server(silence) as server:
        with pytest.raises(UpgradeFailed, match=r"did not answer an upgrade within 0\.1 s"):
            await ask(server, answer_s=0.1)


async def test_a_foreign_certificate_is_named() -> None:
    async with api_server(silence) as server:
        other = Context(
            ref=server.context.ref,
            cluster=Cluster(name="c", server=server.base_url, ca=Authority().pem),
            user=server.context.user,
        )
        credentials = Credentials(other, {})
        with pytest.raises(Unreachable) as caught:
            await ask(Server(other, credentials, {}))
        await credentials.close()
    assert caught.value.code == "tls-failed"


async def test_a_refused_client_certificate_is_a_failure_of_tls() -> None:
    """In TLS 1.3 the client has finished its handshake before the server says so."""
    context = AUTHORITY.server()
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(cadata=AUTHORITY.pem.decode())

    def refuse(listening: socket.socket) -> None:
        sock = context.wrap_socket(
            listening.accept()[0], server_side=True, do_handshake_on_connect=False
        )
        with sock, contextlib.suppress(ConnectionError):
            with pytest.raises(ssl.SSLError):
                sock.do_handshake()
            while socket.socket.recv(sock, 4096):  # unread, it would turn the alert into a reset
                pass

    with socket.create_server(("127.0.0.1", 0)) as listening:
        refusing = asyncio.get_running_loop().run_in_executor(None, refuse, listening)
        cluster = Cluster(
            name="c", server=f"https://127.0.0.1:{listening.getsockname()[1]}", ca=AUTHORITY.pem
        )
        user = User(name="u", token="t0k")
        other = Context(ref=ContextRef(kubeconfig=("/k",), name="t"), cluster=cluster, user=user)
        credentials = Credentials(other, {})
        with pytest.raises(Unreachable) as caught:
            await ask(Server(other, credentials, {}))
        await credentials.close()
        await refusing
    assert caught.value.code == "tls-failed"


async def test_a_refusal_in_pieces_is_read_without_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(upgrade_module, "BODY_S", 60.0)

    async def dribble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        for byte in b"HTTP/1.1 403 Forbidden\r\nContent-Length: 14\r\n\r\nno\r\n\r\nreally\r\n":
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0)
        await reader.read()

    async with api_server(dribble) as server:
        with pytest.raises(UpgradeFailed, match="really"):
            async with asyncio.timeout(5):
                await ask(server)
