"""Bodies of the control API that are not already records of `kfwd.model` (design section 7).
Those about contexts are in `kfwd.api_contexts`, those about health in `kfwd.api_doctor`.

HTTP/1.1 over the control socket, `Host: kfwd`. Every response carries `Kfwd-Version`. Bodies are
JSON; streams are JSON lines, chunked, with an empty line when there was nothing for 15 s. An entry
id is two path segments, `PROFILE/NAME`, each percent-encoded; ad-hoc entries have the profile `-`.

| request | body | answer |
|---|---|---|
| GET /v1/snapshot | | `model.Snapshot` |
| GET /v1/events | | lines of `model.AnyEvent`, first a snapshot, a heartbeat every 15 s |
| PUT /v1/entries/-/NAME?taken=replace,next,fail | `EntryRequest` | `EntryResult` |
| DELETE /v1/entries/ID | | `Removed` |
| POST /v1/entries/ID/{pause,resume,restart} | | `EntryResult` |
| GET /v1/entries/ID/connections | | `ConnectionList` |
| GET /v1/entries/ID/hops | | `Hops` |
| GET /v1/entries/ID/history?since=TIME | | `History` |
| GET /v1/history?since=TIME | | `History` of all entries and contexts |
| GET /v1/availability | | `AvailabilityList` |
| GET /v1/entries/ID/requests?follow=BOOL | | lines of `RequestView`, oldest first |
| GET /v1/entries/ID/attach | | lines of `AttachEvent`; the entry ends with this request |
| POST /v1/up, /v1/profiles/NAME/up | `UpRequest` | `Plan`, carried out |
| POST /v1/down, /v1/profiles/NAME/down | `DownRequest` | `Plan`, carried out |
| GET /v1/plan?profile=P...&kubeconfig=F... | | `Plan`, not carried out |
| GET /v1/contexts?kubeconfig=F... | | `ContextList` |
| POST /v1/contexts/switch | `SwitchRequest` | `Plan`, carried out |
| GET /v1/profiles/NAME | | `ProfileText` |
| PUT /v1/profiles/NAME | `ProfileText` | `Validation`; written only without faults |
| POST /v1/validate | `ProfileText` | `Validation` |
| GET /v1/routes?target=T&namespace=N&context=C&kubeconfig=F... | | `RouteList`, each route tried |
| GET /v1/contexts/C/namespaces?kubeconfig=F... | | `NamespaceList` |
| GET /v1/contexts/C/objects?namespace=N&all=BOOL&follow=BOOL | | lines of `ObjectsPage` |
| GET /v1/login?context=C&kubeconfig=F... | | `LoginTarget`: whose plugin to run |
| POST /v1/login | `LoginRequest` | `LoginResult` |
| GET /v1/doctor?entry=ID&context=C&kubeconfig=F...&path=PATH | | lines of `AnyDoctorEvent` |
| GET /v1/logs?entry=ID&n=200&follow=1 | | lines of `LogLine`, oldest first |
| POST /v1/stop | | `Stopped` |
| POST /v1/handover | `HandoverRequest` | `Successor`, once that is the daemon |
| GET /v1/openapi.json, /metrics | | OpenAPI 3.1, Prometheus text |

A failure is any status from 400 on with an `ErrorBody`; for a path or method that the daemon does
not have, its code is `UNKNOWN_CALL`. Only ad-hoc entries can be put and
deleted: those of a profile come from its file.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from msgspec import Struct

from kfwd.model import Bytes, ContextState, EntrySpec, Problem, State

HOST = "kfwd"
VERSION_HEADER = "Kfwd-Version"
ATTACH_WITHIN_S = 10.0
UNKNOWN_CALL = "unknown-call"

RouteState = Literal["works", "fails", "pending", "unknown"]
RouteKind = Literal[
    "port-forward",
    "api-proxy",
    "cluster-ip",
    "node-port",
    "load-balancer",
    "host-port",
    "host-network",
    "ingress",
    "http-route",
    "gateway",
]
Taken = Literal["replace", "next", "fail"]
Action = Literal["stop", "start", "change", "leave"]


class ErrorDetail(Struct, frozen=True, kw_only=True):
    """A `KfwdError`. `exit_code` is what the command ends with (`errors.ExitCode`)."""

    code: str
    text: str
    hint: str | None = None
    exit_code: int = 1


class ErrorBody(Struct, frozen=True):
    error: ErrorDetail


class EntryRequest(Struct, frozen=True, kw_only=True):
    """An ad-hoc entry. `kubeconfig` holds the caller's absolute paths in merge order; `context`
    None is their current context, looked up once, now.

    The path's name wins over `spec.name`. When it is taken: `replace` (the default) changes that
    entry, `next` uses the first free of NAME-2, NAME-3, ..., `fail` is a conflict (409).
    An `attached` entry is in no state file and ends with its `attach` request, or when none came
    within `ATTACH_WITHIN_S`.
    """

    spec: EntrySpec
    kubeconfig: tuple[str, ...]
    context: str | None = None
    attached: bool = False


class EntryResult(Struct, frozen=True, kw_only=True):
    id: str


class Removed(Struct, frozen=True, kw_only=True):
    """An entry that is gone, and the request that makes it again."""

    id: str
    request: EntryRequest | None = None


class UpRequest(Struct, frozen=True, kw_only=True):
    """Profiles to bring up; none named is every one with `enabled: true`.

    `kubeconfig` (absolute, merge order) is for profiles that name none.
    """

    kubeconfig: tuple[str, ...]
    profiles: tuple[str, ...] = ()


class DownRequest(Struct, frozen=True, kw_only=True):
    """Profiles to take down; `all` means every profile and every ad-hoc entry."""

    profiles: tuple[str, ...] = ()
    all: bool = False


class PlanItem(Struct, frozen=True, kw_only=True):
    """What happens to one entry, and in words why or what it is."""

    id: str
    action: Action
    text: str = ""


class Plan(Struct, frozen=True, kw_only=True):
    """The profiles meant, and every entry of them: stops first, then starts and changes."""

    profiles: tuple[str, ...] = ()
    items: tuple[PlanItem, ...] = ()


class ConnectionView(Struct, frozen=True, kw_only=True):
    """One connection of an entry. `client`, `listen` and `address` are `host:port`.

    `pod` and `address` None: waiting. `address`: it goes straight there, to `pod` or to whichever.
    `pid` and `process` (its name) are the local client's, where the system tells.
    """

    client: str
    listen: str
    pod: str | None
    port: int | None
    state: Literal["waiting", "open", "closing"]
    since: datetime
    bytes: Bytes
    address: str | None = None
    pid: int | None = None
    process: str | None = None


class ConnectionList(Struct, frozen=True, kw_only=True):
    connections: tuple[ConnectionView, ...] = ()


class RequestView(Struct, frozen=True, kw_only=True):
    """One HTTP request that an entry served; without query; `host` as its header has it.

    `bytes.in` went to the client, head included. `status` 0: the client left before an answer.
    """

    time: datetime
    method: str
    path: str
    status: int
    duration_ms: float
    bytes: Bytes
    pod: str | None = None
    host: str | None = None


class RoutesRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`target` is TARGET or TARGET:PORT. `kubeconfig` holds absolute paths in merge order; without
    a `context` or a `namespace` the current ones are meant.
    """

    target: str
    namespace: str | None = None
    context: str | None = None
    kubeconfig: tuple[str, ...] = ()


class RouteView(Struct, frozen=True, kw_only=True):
    """One way to a target, tried from here.

    `address` is HOST:PORT, a URL, a path of the API server or, for a port-forward, TARGET:PORT.
    `latency_ms` is one round trip, where the route works; `note` says what it costs or why not.
    """

    kind: RouteKind
    address: str
    layer: Literal[4, 7]
    state: RouteState
    latency_ms: float | None
    note: str


class RouteList(Struct, frozen=True, kw_only=True):
    """Every way to a target, the best first."""

    target: str
    routes: tuple[RouteView, ...]


class ContextQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`kubeconfig` holds absolute paths in merge order; the daemon's own where there are none."""

    kubeconfig: tuple[str, ...] = ()


class ObjectsQuery(ContextQuery, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The objects of `namespace` (the context's own where there is none), or of all of them.

    `follow`: after all there is comes what changes, until the client leaves.
    """

    namespace: str | None = None
    all: bool = False
    follow: bool = False


class NamespaceList(Struct, frozen=True, kw_only=True):
    """The namespaces of a cluster by name, and the context's `current` one.

    `problem` says why they cannot be listed: then only the current one is known.
    """

    current: str
    namespaces: tuple[str, ...]
    problem: str | None = None


class ObjectPort(Struct, frozen=True, kw_only=True):
    """A port that can be forwarded; `target` is a service's target port, where it is another."""

    number: int
    name: str = ""
    protocol: str = "TCP"
    target: str = ""


class ObjectView(Struct, frozen=True, kw_only=True):
    """Something to forward or to look at; `target` is what `kfwd add` takes, None for no target.

    `ready` of `total` pods; None where it does not say. `note`: what else is to be known.
    `leads_to`: TARGET:PORT of each service that an ingress has rules for.
    """

    kind: str
    namespace: str
    name: str
    target: str | None
    ports: tuple[ObjectPort, ...] = ()
    ready: int | None = None
    total: int | None = None
    note: str = ""
    leads_to: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        return f"{self.kind}/{self.namespace}/{self.name}"


class ObjectsPage(Struct, frozen=True, kw_only=True):
    """At most 500 objects that are new or have changed, and the keys of those that are gone.

    A key is `KIND/NAMESPACE/NAME`. `complete` ends a round: all is told as it was a moment ago; a
    round that came before everything had been read ends without it.
    `problems`: why kinds cannot be read, by their plural.
    """

    objects: tuple[ObjectView, ...] = ()
    removed: tuple[str, ...] = ()
    complete: bool = False
    problems: dict[str, str] = {}


class LoginQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`kubeconfig` holds absolute paths in merge order. Without a `context` the one that needs a
    login is meant, else the current one.
    """

    context: str | None = None
    kubeconfig: tuple[str, ...] = ()


class LoginTarget(Struct, frozen=True, kw_only=True):
    """A context that has a login plugin, and the kubeconfig files it is in."""

    context: str
    kubeconfig: tuple[str, ...]


class LoginRequest(Struct, frozen=True, kw_only=True):
    """What the plugin of a `LoginTarget` printed."""

    context: str
    kubeconfig: tuple[str, ...]
    credential: str

    def __repr__(self) -> str:
        return f"LoginRequest(context={self.context!r}, credential='***')"


class LoginResult(Struct, frozen=True, kw_only=True):
    """The credential is in use; `state` is what the API server had to say to it."""

    context: str
    state: ContextState
    login_expires: datetime | None


class AttachEvent(Struct, tag_field="type", tag=str.lower, frozen=True, kw_only=True):
    pass


class AttachListening(AttachEvent, tag="listening", frozen=True, kw_only=True):
    """Once for each port, when it is bound and, for a forward, the pod port behind it is known."""

    listen: tuple[str, ...]
    remote: int | None


class AttachConnection(AttachEvent, tag="connection", frozen=True, kw_only=True):
    """A connection was accepted on this local port."""

    port: int


class AttachState(AttachEvent, tag="state", frozen=True, kw_only=True):
    """The entry's state at the start, and whenever it or its problem changes."""

    state: State
    problem: Problem | None = None


class AttachHeartbeat(AttachEvent, tag="heartbeat", frozen=True, kw_only=True):
    """Every 15 s."""


class AttachMoved(AttachEvent, tag="moved", frozen=True, kw_only=True):
    """Another daemon has the entry now: attach to it again within `ATTACH_WITHIN_S`."""


AnyAttachEvent = AttachListening | AttachConnection | AttachState | AttachHeartbeat | AttachMoved


class FaultView(Struct, frozen=True):
    """A fault in a profile's text, lines and columns counted from 1."""

    line: int
    column: int
    message: str


class ProfileText(Struct, frozen=True, kw_only=True):
    """A profile's file as it is. `name` decides about clashes with other profiles."""

    text: str
    name: str = ""


class Validation(Struct, frozen=True, kw_only=True):
    faults: tuple[FaultView, ...] = ()


class LogLine(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line of the daemon's log, also as it stands in the log file."""

    time: datetime
    level: Literal["debug", "info", "warning", "error"]
    logger: str
    text: str
    entry: str | None = None
    context: str | None = None
    error: str | None = None


class Stopped(Struct, frozen=True, kw_only=True):
    """The daemon with this process id is on its way out."""

    pid: int
