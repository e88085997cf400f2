"""Records in memory: what is sealed is opened, in any split, and memory stays bounded."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import ssl

import pytest

from kfwd.kube.tls import server_context
from kfwd.kube.tls_pipe import TlsPipe
from kfwd.kube.tls_records import RECORD_SIZE, SLICE, Broken, Resuming, TlsRecords
from tests.kube.servers import Authority, serving

ROOM = memoryview(bytearray(1 << 20))


class Server:
    """The other end, in memory as well."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_side=True)

    def take(self, data: bytes) -> bytes:
        """What was sealed in `data`, as far as it is whole."""
        self.incoming.write(data)
        taken = bytearray()
        with contextlib.suppress(ssl.SSLWantReadError):
            while piece := self.tls.read(RECORD_SIZE):
                taken += piece
        return bytes(taken)


def joined() -> tuple[TlsRecords, Server]:
    authority = Authority()
    return join(server_context(authority.pem, "of the test"), authority.server())


def join(ours: ssl.SSLContext, theirs: ssl.SSLContext) -> tuple[TlsRecords, Server]:
    client, server = TlsRecords(ours, "127.0.0.1"), Server(theirs)
    received = b""
    while not client.shake_hands(received):
        server.incoming.write(client.outgoing())
        with contextlib.suppress(ssl.SSLWantReadError):
            server.tls.do_handshake()
        received = server.outgoing.read()
    server.incoming.write(client.outgoing())
    server.tls.do_handshake()
    return client, server


def test_sealed_slices_are_whole_records_and_arrive_in_order() -> None:
    client, server = joined()
    data = random.Random(1).randbytes(3 * SLICE + 7)
    records = client.seal(memoryview(data))
    assert len(records) == 4
    assert b"".join(server.take(record) for record in records) == data


@pytest.mark.parametrize("cut", [1, 5, 6, RECORD_SIZE, SLICE + 1])
def test_records_are_opened_however_they_are_split(cut: int) -> None:
    client, server = joined()
    data = random.Random(2).randbytes(100_000)
    server.tls.write(data)
    sealed = memoryview(server.outgoing.read())
    opened = bytearray()
    for part in (sealed[:cut], sealed[cut:]):
        filled, goodbye = client.open(part, ROOM)
        assert not goodbye
        opened += ROOM[:filled]
    assert opened == data
    assert not client.pending


def test_a_goodbye_is_told_with_what_came_before_it() -> None:
    client, server = joined()
    server.tls.write(b"last")
    with pytest.raises(ssl.SSLWantReadError):
        server.tls.unwrap()
    assert client.open(memoryview(server.outgoing.read()), ROOM) == (4, True)
    with pytest.raises(ssl.SSLZeroReturnError):
        server.take(client.goodbye())


def test_what_came_before_a_broken_record_is_not_lost() -> None:
    client, server = joined()
    server.tls.write(b"good")
    with pytest.raises(Broken) as caught:
        client.open(memoryview(server.outgoing.read() + b"\x17\x03\x03\x00\x20" + bytes(32)), ROOM)
    assert (caught.value.filled, bytes(ROOM[:4])) == (4, b"good")
    assert isinstance(caught.value.error, ssl.SSLError)


def test_a_ticket_saves_the_next_connection_its_certificates() -> None:
    authority = Authority()
    ours, theirs = server_context(authority.pem, "of the test"), authority.server()
    client, server = join(ours, theirs)
    assert not client.resumed
    client.open(memoryview(server.outgoing.read()), ROOM)
    again, server = join(ours, theirs)
    assert again.resumed
    assert server.take(again.seal(memoryview(b"x"))[0]) == b"x"


def test_a_server_that_knows_the_ticket_no_more_gets_a_whole_handshake() -> None:
    authority = Authority()
    ours = server_context(authority.pem, "of the test")
    client, server = join(ours, authority.server())
    client.open(memoryview(server.outgoing.read()), ROOM)
    again, _ = join(ours, authority.server())
    assert not again.resumed


async def test_a_ticket_that_a_handshake_failed_with_is_not_shown_again() -> None:
    authority = Authority()
    ours = server_context(authority.pem, "of the test")
    client, server = join(ours, authority.server())
    client.open(memoryview(server.outgoing.read()), ROOM)
    assert isinstance(ours, Resuming)
    assert ours.tickets

    async def rude(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)

    async with serving(rude) as port:
        sock = socket.create_connection(("127.0.0.1", port))
        sock.setblocking(False)
        with pytest.raises(OSError, match=r"closed|reset"):
            await TlsPipe.secured(sock, ours, "127.0.0.1")
    assert not ours.tickets
