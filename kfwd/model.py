"""Frozen records that everybody shares: what is wanted, what is, and what changed.

Encoded by msgspec they are the control API's JSON and the shapes of `kfwd ls` and `kfwd status`
(design section 7). Times are aware datetimes in UTC, cut to the second.
"""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Literal

from msgspec import Struct, field

ADHOC = "-"
Spread = Literal["first", "round-robin", "least-connections", "sticky"]
ProxyVia = Literal["auto", "tunnel", "api-proxy"]
ForwardVia = Literal["auto", "tunnel", "direct"]
Severity = Literal["error", "warning", "info"]


def utcnow() -> datetime:
    """The current time, to the second."""
    return datetime.now(UTC).replace(microsecond=0)


class PortSpec(Struct, frozen=True, kw_only=True):
    """`LOCAL:REMOTE`. `local` 0 asks for a free port; `remote` is a number or a port name."""

    local: int
    remote: str

    def __str__(self) -> str:
        return f"{self.local or ''}:{self.remote}"


class ForwardSpec(Struct, tag_field="kind", tag="forward", frozen=True, kw_only=True):
    """One forward as a profile asks for it. `namespace` None is the context's own."""

    name: str
    target: str
    ports: tuple[PortSpec, ...]
    namespace: str | None = None
    address: tuple[str, ...] = ("localhost",)
    spread: Spread = "first"
    hold_s: float = 30.0
    via: ForwardVia = "auto"


class ProxyFlags(Struct, frozen=True, kw_only=True):
    """The flags of `kubectl proxy` that say what is served, with its defaults (protocol notes G).

    Lists of regular expressions (Go's) are separated by commas. `keepalive_s` 0 is the default.
    """

    accept_hosts: str = r"^localhost$,^127\.0\.0\.1$,^\[::1\]$"
    accept_paths: str = "^.*"
    reject_paths: str = "^/api/.*/pods/.*/exec,^/api/.*/pods/.*/attach"
    reject_methods: str = "^$"
    disable_filter: bool = False
    api_prefix: str = "/"
    append_server_path: bool = False
    www: str | None = None
    www_prefix: str = "/static/"
    keepalive_s: float = 0.0


class ProxySpec(Struct, tag_field="kind", tag="proxy", frozen=True, kw_only=True):
    """A local HTTP listener: the whole API as `kubectl proxy` has it or, with a target
    (`svc/web:http`), that at `/`.

    `port` 0 asks for a free one. `allow_users` are names or numbers, `*` is anybody on this
    machine. `requests`: keep the newest requests to show them.
    """

    name: str
    target: str | None = None
    namespace: str | None = None
    address: tuple[str, ...] = ("127.0.0.1",)
    port: int = 8001
    via: ProxyVia = "auto"
    hold_s: float = 30.0
    allow_users: tuple[str, ...] = ()
    requests: bool = False
    flags: ProxyFlags = ProxyFlags()

    @property
    def ports(self) -> tuple[PortSpec, ...]:
        """The local port, as a forward has it."""
        return (PortSpec(local=self.port, remote=""),)


class GatewaySpec(Struct, tag_field="kind", tag="gateway", frozen=True, kw_only=True):
    """A local HTTP and SOCKS listener for a whole cluster; the other fields are as a proxy's.

    `namespace` is the one that is looked at where rules forbid to look at all of them.
    """

    name: str = "gateway"
    namespace: str | None = None
    address: tuple[str, ...] = ("127.0.0.1",)
    port: int = 8888
    allow_users: tuple[str, ...] = ()
    requests: bool = False

    @property
    def target(self) -> None:
        """It stands for all there is."""

    @property
    def ports(self) -> tuple[PortSpec, ...]:
        """The local port, as a forward has it."""
        return (PortSpec(local=self.port, remote=""),)


EntrySpec = ForwardSpec | ProxySpec | GatewaySpec


class ProfileSpec(Struct, frozen=True, kw_only=True):
    """A whole profile file, valid. `context` None is pinned when it is brought up."""

    name: str
    enabled: bool = True
    context: str | None = None
    kubeconfig: tuple[str, ...] | None = None
    namespace: str | None = None
    entries: tuple[EntrySpec, ...] = ()


class ContextRef(Struct, frozen=True, kw_only=True):
    """The key of a context: absolute kubeconfig paths (in merge order) and its name there."""

    kubeconfig: tuple[str, ...]
    name: str


class Wanted(Struct, frozen=True, kw_only=True):
    """One entry that should run, with everything it needs to mean the same after a restart."""

    profile: str
    spec: EntrySpec
    context: ContextRef
    namespace: str | None = None
    paused: bool = False

    @property
    def id(self) -> str:
        return f"{self.profile}/{self.spec.name}"


class State(StrEnum):
    """The state of an entry (design section 7)."""

    STARTING = "starting"
    WAITING = "waiting"
    READY = "ready"
    DEGRADED = "degraded"
    PAUSED = "paused"
    FAILED = "failed"
    STOPPING = "stopping"


class Problem(Struct, frozen=True, kw_only=True):
    """Something wrong, as data. `cause` is the id of the context or entry this follows from."""

    code: str
    severity: Severity
    text: str
    hint: str | None = None
    since: datetime = field(default_factory=utcnow)
    cause: str | None = None


class PortView(Struct, frozen=True, kw_only=True):
    """A forward's port: where it listens, what was asked for, and the pod port it is now."""

    listen: tuple[str, ...]
    remote: str | None
    port: int | None


class EndpointView(Struct, frozen=True, kw_only=True):
    """A pod behind a tunnel, or an address that is used directly: then `pod` is whose own it is,
    None where it leads to any of them.
    """

    pod: str | None
    address: str | None
    ready: bool
    open: int

    @property
    def label(self) -> str:
        """What to call it."""
        return self.address or self.pod or ""


class Connections(Struct, frozen=True, kw_only=True):
    open: int = 0
    waiting: int = 0
    total: int = 0
    failed: int = 0


class Bytes(Struct, rename={"received": "in", "sent": "out"}, frozen=True, kw_only=True):
    """`received` came from the pod, `sent` went to it."""

    received: int = 0
    sent: int = 0


class EntryView(Struct, frozen=True, kw_only=True):
    """One row of `kfwd ls -o json`."""

    id: str
    kind: str
    name: str
    profile: str
    context: str
    namespace: str
    target: str | None
    ports: tuple[PortView, ...]
    state: State
    problem: Problem | None
    via: str | None
    transport: str | None
    endpoints: tuple[EndpointView, ...]
    connections: Connections
    bytes: Bytes
    reconnects: int
    since: datetime


class ContextState(StrEnum):
    OK = "ok"
    UNREACHABLE = "unreachable"
    LOGIN_NEEDED = "login-needed"
    FORBIDDEN = "forbidden"
    UNKNOWN = "unknown"


class ContextView(Struct, frozen=True, kw_only=True):
    """One context in `kfwd status -o json`."""

    name: str
    server: str
    state: ContextState
    latency_ms: float | None
    transport: str | None
    login_expires: datetime | None


class DaemonView(Struct, frozen=True, kw_only=True):
    pid: int
    version: str
    started: datetime
    socket: str


class ProblemView(Problem, frozen=True, kw_only=True):
    """A problem and what it is about: an entry id, a context name, a profile, or `daemon`.

    `also`: the ids of other entries that have it.
    """

    about: str
    also: tuple[str, ...] = ()


class ProfileView(Struct, frozen=True, kw_only=True):
    """A profile that is up; `problem` holds the faults of its file as it is now."""

    name: str
    context: str | None
    entries: int
    problem: Problem | None


class Snapshot(Struct, frozen=True, kw_only=True):
    """Everything clients are shown, at one moment. `seq` counts within `instance`."""

    instance: str
    seq: int
    daemon: DaemonView
    entries: tuple[EntryView, ...] = ()
    contexts: tuple[ContextView, ...] = ()
    profiles: tuple[ProfileView, ...] = ()
    problems: tuple[ProblemView, ...] = ()


class EntryCounters(Struct, frozen=True, kw_only=True):
    """The numbers of an entry; `endpoints` carry their own `open`."""

    id: str
    connections: Connections
    bytes: Bytes
    endpoints: tuple[EndpointView, ...] = ()


class Event(Struct, tag_field="type", tag=str.lower, frozen=True, kw_only=True):
    """What changed. After a `snapshot` each event carries the next `seq`."""

    seq: int


class SnapshotEvent(Event, tag="snapshot", frozen=True, kw_only=True):
    snapshot: Snapshot


class EntryChanged(Event, tag="entry", frozen=True, kw_only=True):
    entry: EntryView


class EntryRemoved(Event, tag="removed", frozen=True, kw_only=True):
    id: str


class ContextsChanged(Event, tag="contexts", frozen=True, kw_only=True):
    contexts: tuple[ContextView, ...]


class ProfilesChanged(Event, tag="profiles", frozen=True, kw_only=True):
    profiles: tuple[ProfileView, ...]


class ProblemsChanged(Event, tag="problems", frozen=True, kw_only=True):
    problems: tuple[ProblemView, ...]


class CountersMoved(Event, tag="counters", frozen=True, kw_only=True):
    """Counters of the entries that moved; no change of state."""

    entries: tuple[EntryCounters, ...]


class Heartbeat(Event, tag="heartbeat", frozen=True, kw_only=True):
    pass


AnyEvent = (
    SnapshotEvent
    | EntryChanged
    | EntryRemoved
    | ContextsChanged
    | ProfilesChanged
    | ProblemsChanged
    | CountersMoved
    | Heartbeat
)
