"""A watch stream: events or `ProtocolError`, however it is cut; and what a login plugin printed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

import msgspec

from kfwd.errors import ApiError, KfwdError, ProtocolError
from kfwd.kube import exec_plugin, objects, oidc, route_objects
from kfwd.kube.answers import error_of_event, status_of
from kfwd.kube.watch import EventDecoder, WatchEvent
from tests.fuzz.reading import CUTS, cut
from tests.resolve.builders import member, node, piece, pod, service, workload
from tests.wire.pieces import pieces

KINDS = (objects.PODS, objects.SERVICES, objects.ENDPOINT_SLICES, objects.DEPLOYMENTS)
MORE = (objects.NODES, route_objects.INGRESSES, route_objects.HTTP_ROUTES, route_objects.GATEWAYS)
LIMIT = 64 * 1024


def seeds() -> Iterator[bytes]:
    listed = [pod("web-1"), service(), piece(member("web-1")), workload(), node("n", "10.1.1.1")]
    for number, item in enumerate(listed):
        yield CUTS + bytes([number]) + event("ADDED", msgspec.json.encode(item))
    gone = b'{"kind":"Status","code":410,"reason":"Expired","details":{"retryAfterSeconds":1}}'
    yield CUTS + b"\0" + event("ERROR", gone)
    yield CUTS + b"\0" + event("BOOKMARK", b'{"metadata":{"resourceVersion":"7"}}') + b"\n"
    given = b'"status":{"token":"t","expirationTimestamp":"2026-01-01T12:00:00Z"}'
    version = exec_plugin.VERSIONS[0].encode()
    yield CUTS + b"\xff" + b'{"kind":"ExecCredential","apiVersion":"%b",%b}' % (version, given)


def event(kind: str, item: bytes) -> bytes:
    return b'{"type":"%b","object":%b}\n' % (kind.encode(), item)


def check(data: bytes) -> bool:
    sizes, rest = cut(data)
    number, stream = (rest[:1] or b"\0")[0], rest[1:]
    if number == 0xFF:
        return granted(stream)
    kind = (KINDS + MORE)[number % 8]
    whole = read(kind, stream, (max(1, len(stream)),))
    assert read(kind, stream, sizes) == whole
    status_of(stream)
    return not isinstance(whole, str)


def read(
    kind: objects.Kind[objects.Resource], stream: bytes, sizes: Sequence[int]
) -> list[WatchEvent[objects.Resource]] | str:
    decoder = EventDecoder(kind, LIMIT)
    found: list[WatchEvent[objects.Resource]] = []
    try:
        for data in pieces(stream, sizes):
            found += decoder.feed(bytes(data))
    except ProtocolError as error:
        return error.code
    for each in found:
        if each.status is not None:
            assert isinstance(error_of_event(each.status), ApiError)
    return found


def granted(stdout: bytes) -> bool:
    """What a plugin printed, or a token's own claims."""
    with contextlib.suppress(KfwdError):
        oidc.expiry(stdout.decode("latin-1"))
    try:
        grant = exec_plugin.parse(stdout, exec_plugin.VERSIONS[0])
    except ValueError:
        return False
    assert grant.token or grant.client_cert
    return True
