"""How API server, kubelet and streaming server answer a request to upgrade. Pure.

Sources: protocol notes A (SPDY), D.2 (tunnel), E.1 (channels). An answer of the node is relayed by
the API server with its status and body as they are (A.4).
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from http import HTTPStatus

import msgspec
from msgspec import Struct

from kfwd.sim.faults import Transport
from kfwd.sim.status import StatusError
from kfwd.wire.websocket import accept_key

PROTOCOL = "portforward.k8s.io"
CHANNELS = ("v4.channel.k8s.io", "v4.base64.channel.k8s.io")
MAX_PORTS = 128
DATE = ("Date", "")
"""Stands for the time of the answer."""


class UpgradeRequest(Struct, frozen=True):
    """A request as received; headers in order, the query as `parse_qs` has it."""

    method: str
    path: str
    query: Mapping[str, list[str]]
    headers: tuple[tuple[str, str], ...]

    def get(self, name: str, default: str = "") -> str:
        """The first value of a header; its name in any case."""
        return next(iter(self.all(name)), default)

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def tokens(self, name: str) -> list[str]:
        """All comma-separated values of a header, without empty ones."""
        values = ",".join(self.all(name)).split(",")
        return [value.strip() for value in values if value.strip()]


class Answer(Struct, frozen=True):
    """A whole answer. With status 101 the connection is the transport's from then on."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""

    def encode(self, date: str) -> bytes:
        """The bytes on the wire; `date` (IMF-fixdate) goes where the answer has one."""
        lines = [f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase}"]
        lines += [f"{name}: {date if name == 'Date' else value}" for name, value in self.headers]
        if self.body:
            lines.append(f"Content-Length: {len(self.body)}")
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + self.body


class Upgrade(Struct, frozen=True):
    """A request that is granted: its 101, and what a channel transport needs to know."""

    transport: Transport
    answer: Answer
    base64: bool = False
    ports: tuple[int, ...] = ()


def text(status: int, body: str, *headers: tuple[str, str]) -> Answer:
    """A refusal as Go's `http.Error` writes it."""
    plain = (
        ("Content-Type", "text/plain; charset=utf-8"),
        ("X-Content-Type-Options", "nosniff"),
        DATE,
    )
    return Answer(status, (*headers, *plain), f"{body}\n".encode())


def bad_request(message: str) -> Answer:
    """A refusal of the API server itself, as a Status object."""
    body = msgspec.json.encode(StatusError(400, "BadRequest", message).status())
    return Answer(400, (("Content-Type", "application/json"), DATE), body + b"\n")


def transport_of(request: UpgradeRequest, tunnel: bool) -> Transport:
    """Which transport a request asks for; without `tunnel` a server knows only the old two."""
    if request.get("Upgrade").lower() != "websocket":
        return "spdy"
    return "websocket" if tunnel and _tunnel_protocols(request) else "channels"


def negotiate(request: UpgradeRequest, tunnel: bool) -> Upgrade | Answer:
    """Grant the upgrade or say why not."""
    if not _upgrades(request):
        return bad_request("Upgrade request required")
    match transport_of(request, tunnel):
        case "spdy":
            return _spdy(request)
        case "websocket":
            return _tunnel(request)
        case _:
            return _channels(request)


def _upgrades(request: UpgradeRequest) -> bool:
    return any("upgrade" in value.lower() for value in request.all("Connection"))


def _spdy(request: UpgradeRequest) -> Upgrade | Answer:
    if (refusal := _handshake(request, request.tokens("X-Stream-Protocol-Version"))) is not None:
        return refusal
    if "spdy/3.1" not in request.get("Upgrade").lower():
        return text(400, f"unable to upgrade: missing upgrade headers in request: {_dump(request)}")
    headers = (
        ("Connection", "Upgrade"),
        ("Upgrade", "SPDY/3.1"),
        ("X-Stream-Protocol-Version", PROTOCOL),
        DATE,
    )
    return Upgrade("spdy", Answer(101, headers))


def _handshake(request: UpgradeRequest, offered: list[str]) -> Answer | None:
    """The streaming server's protocol negotiation (HS 167-201)."""
    if not offered:
        name, count = "X-Stream-Protocol-Version", len(request.headers)
        missing = f"header {name} does not exist in request with {count} headers"
        return text(400, f"unable to upgrade: {missing}")
    if PROTOCOL in offered:
        return None
    sides = f"client supports [{' '.join(offered)}], server accepts [{PROTOCOL}]"
    accepted = ("X-Accepted-Stream-Protocol-Versions", PROTOCOL)
    return text(403, f"unable to upgrade: unable to negotiate protocol: {sides}", accepted)


def _dump(request: UpgradeRequest) -> str:
    """The headers as Go's `%#v` prints them."""
    names = sorted({name.title() for name, _ in request.headers})
    values = (", ".join(json.dumps(value) for value in request.all(name)) for name in names)
    pairs = zip(names, values, strict=True)
    return "http.Header{" + ", ".join(f'"{n}":[]string{{{v}}}' for n, v in pairs) + "}"


def _tunnel_protocols(request: UpgradeRequest) -> list[str]:
    first = [value.strip() for value in request.get("Sec-WebSocket-Protocol").split(",")]
    return [name for name in first if name.startswith("SPDY/3.1+") and name.endswith(".k8s.io")]


def _tunnel(request: UpgradeRequest) -> Upgrade | Answer:
    offered = _tunnel_protocols(request)
    if refusal := _handshake(request, [name.removeprefix("SPDY/3.1+") for name in offered]):
        return refusal
    if request.method != "GET":
        return text(405, "Method Not Allowed")
    if request.get("Sec-WebSocket-Version") != "13" or not _has_key(request):
        return text(400, "Bad Request")
    return Upgrade("websocket", _switch_to_websocket(request, f"SPDY/3.1+{PROTOCOL}"))


def _has_key(request: UpgradeRequest) -> bool:
    try:
        return len(base64.b64decode(request.get("Sec-WebSocket-Key"), validate=True)) == 16
    except ValueError:
        return False


def _switch_to_websocket(request: UpgradeRequest, protocol: str) -> Answer:
    headers = (
        ("Upgrade", "websocket"),
        ("Connection", "Upgrade"),
        ("Sec-WebSocket-Accept", accept_key(request.get("Sec-WebSocket-Key"))),
        ("Sec-WebSocket-Protocol", protocol),
    )
    return Answer(101, headers)


def _channels(request: UpgradeRequest) -> Upgrade | Answer:
    ports = _ports(request)
    if isinstance(ports, Answer):
        return ports
    offered = request.tokens("Sec-WebSocket-Protocol")
    protocol = next((name for name in offered if name in CHANNELS), None)
    if (offered and protocol is None) or not _has_key(request):
        return Answer(403, (("Connection", "close"),))
    answer = _switch_to_websocket(request, protocol or "")
    return Upgrade("channels", answer, protocol == CHANNELS[1], ports)


def _ports(request: UpgradeRequest) -> tuple[int, ...] | Answer:
    asked = [port for value in request.query.get("ports", ()) for port in value.split(",") if port]
    if not asked:
        return text(400, 'query parameter "port" is required')
    for port in asked:
        if not (port.isascii() and port.isdigit() and len(port) <= 10):
            why = f'strconv.ParseInt: parsing "{port}": invalid syntax'
            return bad_request(f"cannot convert to []int32: {why}")
        if not 0 < int(port) < 65536:
            return text(400, f'port "{port}" must be > 0')
    if len(asked) > MAX_PORTS:
        return text(400, f"at most {MAX_PORTS} ports")
    return tuple(map(int, asked))
