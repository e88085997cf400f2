"""Upgrades through a `proxy` subresource: WebSockets and whatever else begins with a 101.

The head goes to the back end as it came, without the query (protocol notes F.3, L.22); from the
101 on bytes pass as they are, until one side ends.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Sequence

from kfwd.sim import proxy_rewrite as rewriting
from kfwd.sim.proxy import DIAL_S, HEAD_LIMIT, Asked, Proxy
from kfwd.sim.proxy_target import escaped
from kfwd.sim.status import StatusError
from kfwd.tasks import TaskSet

CHUNK = 64 * 1024
ERROR_S = 10.0

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


def is_upgrade(headers: Sequence[tuple[str, str]]) -> bool:
    """Whether a request asks to upgrade its connection, as `httpstream.IsUpgradeRequest` tells."""
    return any("upgrade" in v.lower() for name, v in headers if name.lower() == "connection")


async def serve(
    proxy: Proxy,
    asked: Asked,
    method: str,
    headers: Sequence[tuple[str, str]],
    client: Streams,
) -> None:
    """Pass an upgrade on; returns when it is over. Raises StatusError while nothing was sent."""
    back_end = await _dial(proxy, asked)
    try:
        await _exchange(asked, method, headers, client, back_end)
    finally:
        back_end[1].transport.abort()


async def _dial(proxy: Proxy, asked: Asked) -> Streams:
    target = asked.target
    address = proxy.address(target)
    if address is None:
        raise _failed(f"error dialing backend: {target.refused}")
    tls = None
    if target.scheme == "https":
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
    try:
        async with asyncio.timeout(DIAL_S):
            return await asyncio.open_connection(*address, ssl=tls, limit=HEAD_LIMIT)
    except ssl.SSLError as error:
        why = "tls: first record does not look like a TLS handshake"
        raise _failed(f"error dialing backend: {why}") from error
    except OSError as error:
        raise _failed(f"error dialing backend: {target.refused}") from error


def _failed(message: str) -> StatusError:
    return StatusError(500, "", message)


async def _exchange(
    asked: Asked,
    method: str,
    headers: Sequence[tuple[str, str]],
    client: Streams,
    back_end: Streams,
) -> None:
    reader, writer = back_end
    writer.write(_head(asked, method, headers, client[1].get_extra_info("peername")[0]))
    head = await _response_head(reader)
    status = _status(head)
    if status != 101 and status < 400:
        raise _failed(f"invalid upgrade response: status code {status}")
    client[1].write(head)
    if status == 101:
        await _relay(client, back_end)
    else:
        await _error_body(head, reader, client[1])


def _head(asked: Asked, method: str, headers: Sequence[tuple[str, str]], client: str) -> bytes:
    kept = rewriting.without_credentials(headers, impersonated=asked.impersonated)
    kept = rewriting.with_forwarded_for(kept, client)
    lines = [f"{method} {escaped(asked.route.path)} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in kept]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


async def _response_head(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        raise _failed("unexpected EOF" if error.partial else "EOF") from error
    except (asyncio.LimitOverrunError, OSError) as error:
        raise _failed(str(error)) from error


def _status(head: bytes) -> int:
    line = head.partition(b"\r\n")[0].decode("latin-1")
    version, _, rest = line.partition(" ")
    code = rest[:3]
    if not version.startswith("HTTP/1.") or not code.isdigit():
        raise _failed(f'malformed HTTP response "{line}"')
    return int(code)


async def _error_body(
    head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """The rest of an answer that refuses the upgrade; the connection ends behind it."""
    length = None
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    try:
        async with asyncio.timeout(ERROR_S):
            while length is None or length > 0:
                data = await reader.read(CHUNK if length is None else min(length, CHUNK))
                if not data:
                    return
                length = None if length is None else length - len(data)
                writer.write(data)
                await writer.drain()
    except TimeoutError:
        # The back end keeps the connection and never said how long its answer is.
        return


async def _relay(client: Streams, back_end: Streams) -> None:
    """Copy both ways until one side ends: then the other side is over as well."""
    tasks = TaskSet("proxied upgrade")
    copies = [
        tasks.spawn(_copy(client[0], back_end[1]), "up"),
        tasks.spawn(_copy(back_end[0], client[1]), "down"),
    ]
    try:
        await asyncio.wait(copies, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await tasks.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(CHUNK):
            writer.write(data)
            await writer.drain()
    except OSError:
        # A reset is an end like any other here: it ends the other side.
        return
