"""What an entry's address can be copied as: URL, curl, kubectl, a well-known port's client. Pure.

Ports are known by the number or the name that they have in the pod, not by the local one.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from msgspec import Struct

from kfwd.client.address import authority, url
from kfwd.model import EntryView, PortView
from kfwd.text import clean

POSTGRES, MYSQL, REDIS, MONGODB, HTTP = "postgres", "mysql", "redis", "mongodb", "http"
NUMBERS = {
    5432: POSTGRES,
    3306: MYSQL,
    6379: REDIS,
    27017: MONGODB,
    **dict.fromkeys((80, 443, 3000, 5000, 8000, 8080, 8081, 8443, 9090), HTTP),
}
NAMES = {
    "postgres": POSTGRES,
    "pgsql": POSTGRES,
    "mysql": MYSQL,
    "mariadb": MYSQL,
    "redis": REDIS,
    "mongo": MONGODB,
    "http": HTTP,
    "web": HTTP,
}
SECURE = (443, 8443)


class Copy(Struct, frozen=True):
    """`what` says what the text is, in a word or two."""

    what: str
    text: str


def copies(entry: EntryView) -> tuple[Copy, ...]:
    """Everything that fits, the most telling first after the plain addresses; none twice."""
    found = {copy.text: copy for copy in reversed([*_all(entry)])}
    return tuple(reversed(found.values()))


def link(entry: EntryView) -> str | None:
    """The URL of an entry: of a web page where its ports tell of one, else of what they tell of."""
    found = {copy.what: copy.text for copy in reversed(copies(entry))}
    return found.get("url") or found.get("dsn")


def client(entry: EntryView) -> Copy | None:
    """The one to show beside the address: how the app behind it is talked to."""
    plain = {"address", "kubectl"}
    return next((copy for copy in copies(entry) if copy.what not in plain), None)


def _all(entry: EntryView) -> Iterator[Copy]:
    for port in entry.ports:
        if (found := authority(port)) is not None:
            yield Copy("address", found)
        else:
            yield from (Copy("address", each.removeprefix("unix:")) for each in port.listen[:1])
    for port in entry.ports:
        yield from _of_port(entry, port)
    yield from _kubectl(entry)


def _of_port(entry: EntryView, port: PortView) -> Iterator[Copy]:
    found = authority(port)
    if found is None:
        return
    if entry.kind == "gateway":
        yield Copy("curl", f"curl -x {found} http://SERVICE.NAMESPACE.svc.cluster.local/")
        yield Copy("url", f"http://{found}/")
        return
    host, _, number = found.rpartition(":")
    kind = HTTP if entry.kind == "proxy" else known(port)
    match kind:
        case "postgres":
            yield Copy("psql", f"psql -h {host} -p {number}")
            yield Copy("dsn", f"postgresql://{found}/")
        case "mysql":
            # To these clients localhost is a unix socket.
            host = "127.0.0.1" if host == "localhost" else host
            yield Copy("mysql", f"mysql -h {host} -P {number}")
            yield Copy("dsn", f"mysql://{host}:{number}/")
        case "redis":
            yield Copy("redis-cli", f"redis-cli -h {host} -p {number}")
            yield Copy("dsn", f"redis://{found}/0")
        case "mongodb":
            # Without it a client goes on to the members' own names, which only the cluster knows.
            target = f"mongodb://{found}/?directConnection=true"
            yield Copy("mongosh", f"mongosh {shlex.quote(target)}")
            yield Copy("dsn", target)
        case "http":
            yield from _http(entry, port, found)


def _http(entry: EntryView, port: PortView, found: str) -> Iterator[Copy]:
    secure = entry.kind == "forward" and _secure(port)
    target = url(found, "https" if secure else "")
    yield Copy("curl", f"curl {'-k ' if secure else ''}{target}")
    yield Copy("url", target)


def known(port: PortView) -> str | None:
    """What probably listens there, by the pod's port, else by the name or number asked for."""
    remote = port.remote or ""
    number = port.port or (int(remote) if remote.isdecimal() else 0)
    by_name = (kind for name, kind in NAMES.items() if remote.lower().startswith(name))
    return next(by_name, None) or NUMBERS.get(number)


def _secure(port: PortView) -> bool:
    remote = port.remote or ""
    return remote.lower().startswith("https") or port.port in SECURE or remote in ("443", "8443")


def _kubectl(entry: EntryView) -> Iterator[Copy]:
    """What kubectl would do, for one connection to one pod and until that goes."""
    where = ["kubectl", "--context", entry.context]
    if entry.kind == "proxy" and entry.target is None:
        local = _local(entry.ports[0]) if entry.ports else None
        yield from [] if local is None else [_shell(*where, "proxy", f"--port={local[1]}")]
        return
    target = _target(entry)
    ports = [_pair(entry, port) for port in entry.ports]
    if target is None or not ports or None in ports:
        return
    locals_ = [_local(port) for port in entry.ports]
    hosts = {found[0] for found in locals_ if found is not None} - {"localhost"}
    address = ["--address", ",".join(sorted(hosts))] if hosts else []
    pairs = [pair for pair in ports if pair is not None]
    yield _shell(*where, "-n", entry.namespace, "port-forward", *address, target, *pairs)


def _shell(*parts: str) -> Copy:
    return Copy("kubectl", shlex.join(clean(part) for part in parts))


def _target(entry: EntryView) -> str | None:
    """What kubectl can forward: it knows no selectors, so that a pod has to stand for one."""
    target = (entry.target or "").partition(":")[0]
    if "/" in target and "=" not in target and not target.startswith("ing"):
        return target
    pods = (endpoint.pod for endpoint in entry.endpoints if endpoint.pod)
    return next((f"pod/{pod}" for pod in pods), None) if target else None


def _pair(entry: EntryView, port: PortView) -> str | None:
    local = _local(port)
    target = entry.target or ""
    remote = port.remote or target.partition(":")[2]
    if local is None or not remote:
        return None
    return f"{local[1]}:{remote}"


def _local(port: PortView) -> tuple[str, str] | None:
    """Host and number of the first TCP address."""
    found = authority(port)
    if found is None:
        return None
    host, _, number = found.rpartition(":")
    return host.strip("[]"), number
