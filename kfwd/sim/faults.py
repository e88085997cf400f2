"""What is wrong with the simulated cluster right now, by request.

`Settings` is the record that `GET /sim/faults` shows and `PATCH /sim/faults` merges into; `Faults`
holds the current one and has one question for each place where a fault takes effect.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from kfwd import decoding

Transport = Literal["spdy", "websocket", "channels"]
ErrorOrder = Literal["containerd16", "crio", "main"]
Count = Annotated[int, Meta(ge=0)]
Status = Annotated[int, Meta(ge=0, le=599)]


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Times in milliseconds or seconds as their names say; 0 and empty mean "no such fault".

    API server: `api_down` closes every connection at once; `freeze` accepts and says nothing, for
    established port-forward `sessions` or for `all`; `token_expired` answers 401 to every token;
    `watch_gone` ends watches with 410; `too_many_requests` is how many requests still get a 429;
    `forbid` has lines such as `create pods/portforward`, with `*` for anything.

    Outside: `outside_down` refuses connections to node ports, host ports and load balancer
    addresses and resets those that are open.

    The way: `latency_ms` is the round trip added, `bandwidth` the bytes a second each way, for
    connections accepted while they are set.

    Upgrades: `refuse_upgrade` is the status that `refuse_transports` (none named: all) get;
    `drop_transports` get their connection closed without an answer; `delay_transports` (none named:
    all) wait `delay_upgrade_ms` for theirs.

    Node: `tunnel` off is a server before 1.31 (protocol notes D.1); `error_order` is the server
    generation of table C.4; `half_close_ms` the time between the end of one direction and of both
    (C.5); `wedge` off lets a worker go on whose stream nobody reads any more (L.2); `sandbox_ms` is
    how long a pod's sandbox, in which every port then refuses, outlives its last process.
    """

    api_down: bool = False
    freeze: Literal["", "sessions", "all"] = ""
    token_expired: bool = False
    watch_gone: bool = False
    too_many_requests: Count = 0
    retry_after_s: Count = 1
    forbid: tuple[str, ...] = ()
    outside_down: bool = False
    latency_ms: Annotated[float, Meta(ge=0)] = 0.0
    bandwidth: Count = 0
    refuse_upgrade: Status = 0
    refuse_transports: tuple[Transport, ...] = ()
    drop_transports: tuple[Transport, ...] = ()
    delay_upgrade_ms: Count = 0
    delay_transports: tuple[Transport, ...] = ()
    tunnel: bool = True
    error_order: ErrorOrder = "containerd16"
    half_close_ms: Count = 1000
    sandbox_ms: Count = 100
    pair_timeout_s: Annotated[float, Meta(gt=0)] = 30.0
    idle_s: Annotated[float, Meta(gt=0)] = 4 * 3600.0
    wedge: bool = True


class Faults:
    """The current settings, and who wants to know when they change."""

    def __init__(self, now: Settings | None = None) -> None:
        self.now = now or Settings()
        self._listeners: list[Callable[[], None]] = []
        self._changed = asyncio.Event()

    def json(self) -> bytes:
        return msgspec.json.encode(self.now)

    def merge(self, patch: bytes) -> None:
        """Take over the keys of a JSON object. Raises `ValueError` that names the bad key."""
        try:
            keys = decoding.decode(patch, dict[str, object])
            merged = decoding.convert({**msgspec.to_builtins(self.now), **keys}, Settings)
        except msgspec.MsgspecError as error:
            raise ValueError(str(error)) from error
        self._become(merged)

    def set_text(self, text: str) -> None:
        """Take over `key=value` as the command line has it; lists are comma-separated."""
        key, equals, value = text.partition("=")
        default = getattr(Settings(), key, None)
        if not equals or default is None:
            raise ValueError(f"no such fault {key!r}; there are {', '.join(names())}")
        parsed = [part for part in value.split(",") if part] if default == () else value
        known = {**msgspec.to_builtins(self.now), key: parsed}
        try:
            self._become(decoding.convert(known, Settings, strict=False))
        except msgspec.MsgspecError as error:
            raise ValueError(str(error)) from error

    def on_change(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call `listener` after each change; returns what ends that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def _become(self, settings: Settings) -> None:
        self.now = settings
        self._changed.set()
        self._changed = asyncio.Event()
        for listener in list(self._listeners):
            listener()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until `condition()` holds, looking again after each change."""
        while not condition():
            await self._changed.wait()

    @property
    def refuses_connections(self) -> bool:
        """At accept: close the connection at once, with a reset."""
        return self.now.api_down

    @property
    def says_nothing(self) -> bool:
        """At accept and before each answer: keep the connection open and write nothing."""
        return self.now.freeze == "all"

    @property
    def freezes_sessions(self) -> bool:
        """Upgraded connections neither read nor write, and upgrades are not answered."""
        return self.now.freeze != ""

    @property
    def rejects_tokens(self) -> bool:
        """At authentication: every bearer token is as good as none."""
        return self.now.token_expired

    @property
    def ends_watches(self) -> bool:
        """Watches, new and open, get an ERROR event with code 410 and end."""
        return self.now.watch_gone

    def takes_too_many(self) -> bool:
        """Before a short request is handled: whether it gets a 429. Each call uses one up."""
        left = self.now.too_many_requests
        if left:
            self.now = msgspec.structs.replace(self.now, too_many_requests=left - 1)
        return left > 0

    def forbids(self, verb: str, resource: str) -> bool:
        """At authorization. `resource` is as in RBAC: `pods`, `pods/portforward`."""
        return any(fnmatchcase(f"{verb} {resource}", line) for line in self.now.forbid)

    def refuses_upgrade(self, transport: Transport) -> int:
        """The status an upgrade gets instead of 101, or 0."""
        named = self.now.refuse_transports
        return self.now.refuse_upgrade if not named or transport in named else 0

    def delays_upgrade(self, transport: Transport) -> float:
        """Seconds an upgrade waits for its answer."""
        named = self.now.delay_transports
        return self.now.delay_upgrade_ms / 1000 if not named or transport in named else 0.0

    def drops(self, transport: Transport) -> bool:
        """Whether an upgrade's connection is closed without an answer."""
        return transport in self.now.drop_transports


def names() -> tuple[str, ...]:
    """The faults there are."""
    return Settings.__struct_fields__
