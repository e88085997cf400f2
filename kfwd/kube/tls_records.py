"""TLS as a client, in memory: bytes to records and back. Knows no socket.

OpenSSL keeps the memory of the largest piece it ever held (a third more than that, and for as long
as the connection lives), so it is fed slices.
"""

from __future__ import annotations

import contextlib
import ssl
from typing import cast

RECORD_SIZE = 16 * 1024
"""The longest record of TLS (RFC 8446 5.1); OpenSSL decrypts one a call."""

RECORD_MAX = 5 + RECORD_SIZE + 2048
"""The longest record as it is sent (RFC 5246 6.2.3): so many bytes hold a whole one."""

SLICE = 32 * 1024
"""Most bytes that OpenSSL is given at once."""


class Resuming(ssl.SSLContext):
    """A client's context that keeps the last ticket of each server name, so that the next
    connection needs no signature and no certificates (RFC 8446 2.2)."""

    tickets: dict[str | None, ssl.SSLSession]

    def __new__(cls) -> Resuming:
        made = super().__new__(cls, ssl.PROTOCOL_TLS_CLIENT)
        made.tickets = {}
        return made


class TlsRecords:
    """One connection's TLS. What it wants sent is in `outgoing` after each call but `seal`."""

    def __init__(self, context: ssl.SSLContext, server_hostname: str | None) -> None:
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tickets = context.tickets if isinstance(context, Resuming) else None
        self._name = server_hostname
        self._object = context.wrap_bio(
            self._incoming,
            self._outgoing,
            server_hostname=server_hostname,
            session=self._tickets.get(server_hostname) if self._tickets else None,
        )

    @property
    def resumed(self) -> bool:
        """Whether the server took the ticket of an earlier connection."""
        return bool(self._object.session_reused)

    @property
    def pending(self) -> bool:
        """Whether there are received bytes that were not opened."""
        return self._incoming.pending > 0

    def outgoing(self) -> bytes:
        """Records to send: of a handshake, an alert, an answer to the peer's wish for new keys."""
        return self._outgoing.read()

    def shake_hands(self, received: bytes) -> bool:
        """Go on with the handshake; whether it is complete. Raises `ssl.SSLError`."""
        self._incoming.write(received)
        try:
            self._object.do_handshake()
        except ssl.SSLWantReadError:
            return False
        return True

    def seal(self, data: memoryview) -> list[bytes]:
        """The records that carry `data`, to be sent in this order."""
        records = []
        for start in range(0, len(data), SLICE):
            self._object.write(data[start : start + SLICE])
            records.append(self._outgoing.read())
        return records

    def open(self, received: memoryview, into: memoryview) -> tuple[int, bool]:
        """Decrypt whole records; how many bytes there are and whether the peer said goodbye.

        `into` must have room for `received` and one record more. Raises `Broken`.
        """
        filled, goodbye = 0, False
        for start in range(0, len(received) or 1, SLICE):
            self._incoming.write(received[start : start + SLICE])
            last = start + SLICE >= len(received)
            filled, goodbye = self._decrypt(into, filled, 1 if last else RECORD_MAX)
            if goodbye:
                break
        self._keep_ticket()
        return filled, goodbye

    def _decrypt(self, into: memoryview, filled: int, least: int) -> tuple[int, bool]:
        """Decrypt while `least` bytes are there: asking in vain is an exception, which costs as
        much as a small record."""
        incoming, read = self._incoming, self._object.read
        try:
            while incoming.pending >= least:
                count = cast("int", read(RECORD_SIZE, into[filled:]))
                if not count:
                    return filled, True
                filled += count
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as error:
            raise Broken(filled, error) from error
        return filled, False

    def _keep_ticket(self) -> None:
        """A server sends tickets right behind the handshake, so that one look suffices. A ticket
        that was taken will be taken again; copying one costs as much as it saves."""
        tickets, self._tickets = self._tickets, None
        if tickets is None or self.resumed:
            return
        if (session := self._object.session) and session.has_ticket:
            tickets[self._name] = session

    def forget_ticket(self) -> None:
        """The handshake failed: if that was for the ticket, the next one is to do without."""
        if self._tickets is not None:
            self._tickets.pop(self._name, None)

    def goodbye(self) -> bytes:
        """The closing alert; the peer's is not waited for."""
        with contextlib.suppress(ssl.SSLError):  # it waits for the peer's, or it is broken
            self._object.unwrap()
        return self.outgoing()


class Broken(Exception):
    """A record was none; `filled` bytes came before it."""

    def __init__(self, filled: int, error: ssl.SSLError) -> None:
        super().__init__(str(error))
        self.filled = filled
        self.error = error
