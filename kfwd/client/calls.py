"""Every call of the control API as a method: records in, records out, `KfwdError` when it fails."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from kfwd import (
    __version__,
    api_contexts,
    api_doctor,
    api_handover,
    api_history,
    api_model,
    decoding,
)
from kfwd.client import http
from kfwd.client.feeds import entry_path
from kfwd.errors import (
    DaemonReplaced,
    DaemonUnreachable,
    ExitCode,
    Forbidden,
    KfwdError,
    LoginNeeded,
    NotFound,
    NotReady,
    ProfileInvalid,
    ProtocolError,
    UsageError,
)
from kfwd.model import Snapshot

T = TypeVar("T")

TIMEOUT_S = 30.0
PING_S = 2.0
REPLACED_TRIES = 10
"""Daemons that are asked when one replaces the other."""

_BY_CODE: dict[str, type[KfwdError]] = {
    DaemonReplaced.code: DaemonReplaced,
    LoginNeeded.code: LoginNeeded,
}
_ERRORS: dict[int, type[KfwdError]] = {
    ExitCode.USAGE: UsageError,
    ExitCode.NO_DAEMON: DaemonUnreachable,
    ExitCode.NOT_FOUND: NotFound,
    ExitCode.PROFILE_INVALID: ProfileInvalid,
    ExitCode.NOT_READY: NotReady,
    ExitCode.NOT_ALLOWED: Forbidden,
}


class Client:
    """The daemon of the first of `places` (runtime folders) where one answers.

    `warn` is told once when daemon and client are of different versions.
    """

    def __init__(
        self,
        places: Sequence[Path],
        *,
        timeout_s: float = TIMEOUT_S,
        warn: Callable[[str], None] = lambda text: None,
    ) -> None:
        self._places = places
        self._timeout_s = timeout_s
        self._warn = warn
        self._warned = False
        self.daemon_version: str | None = None

    def answers(self) -> bool:
        """Whether a daemon answers, within `PING_S`."""
        try:
            Client(self._places, timeout_s=PING_S).snapshot()
        except DaemonUnreachable:
            return False
        return True

    def snapshot(self) -> Snapshot:
        return self._call("GET", "/v1/snapshot", type=Snapshot)

    def put_entry(
        self, name: str, request: api_model.EntryRequest, taken: api_model.Taken = "replace"
    ) -> api_model.EntryResult:
        path = f"/v1/entries/-/{http.quote(name)}"
        query = [("taken", taken)]
        return self._call("PUT", path, request, query=query, type=api_model.EntryResult)

    def delete_entry(self, entry: str) -> api_model.Removed:
        return self._call("DELETE", entry_path(entry), type=api_model.Removed)

    def act(self, entry: str, action: str) -> api_model.EntryResult:
        """`action` is `pause`, `resume` or `restart`."""
        return self._call("POST", f"{entry_path(entry)}/{action}", type=api_model.EntryResult)

    def connections(self, entry: str) -> api_model.ConnectionList:
        path = f"{entry_path(entry)}/connections"
        return self._call("GET", path, type=api_model.ConnectionList)

    def hops(self, entry: str) -> api_doctor.Hops:
        return self._call("GET", f"{entry_path(entry)}/hops", type=api_doctor.Hops)

    def history(self, entry: str | None, since: datetime | None = None) -> api_history.History:
        """What happened to an entry, or (None) to all entries and contexts."""
        path = f"{entry_path(entry)}/history" if entry else "/v1/history"
        query = [("since", since.isoformat())] if since else []
        return self._call("GET", path, query=query, type=api_history.History)

    def availability(self) -> api_history.AvailabilityList:
        return self._call("GET", "/v1/availability", type=api_history.AvailabilityList)

    def up(self, profiles: Iterable[str], kubeconfig: Iterable[str]) -> api_model.Plan:
        body = api_model.UpRequest(profiles=tuple(profiles), kubeconfig=tuple(kubeconfig))
        return self._call("POST", "/v1/up", body, type=api_model.Plan)

    def down(self, profiles: Iterable[str], *, everything: bool = False) -> api_model.Plan:
        body = api_model.DownRequest(profiles=tuple(profiles), all=everything)
        return self._call("POST", "/v1/down", body, type=api_model.Plan)

    def plan(self, profiles: Iterable[str], kubeconfig: Iterable[str]) -> api_model.Plan:
        query = [("profile", name) for name in profiles]
        query += [("kubeconfig", path) for path in kubeconfig]
        return self._call("GET", "/v1/plan", query=query, type=api_model.Plan)

    def contexts(self, kubeconfig: Iterable[str]) -> api_contexts.ContextList:
        query = [("kubeconfig", path) for path in kubeconfig]
        return self._call("GET", "/v1/contexts", query=query, type=api_contexts.ContextList)

    def namespaces(self, context: str, kubeconfig: Iterable[str]) -> api_model.NamespaceList:
        query = [("kubeconfig", path) for path in kubeconfig]
        path = f"/v1/contexts/{http.quote(context)}/namespaces"
        return self._call("GET", path, query=query, type=api_model.NamespaceList)

    def switch(self, request: api_contexts.SwitchRequest) -> api_model.Plan:
        return self._call("POST", "/v1/contexts/switch", request, type=api_model.Plan)

    def routes(self, request: api_model.RoutesRequest) -> api_model.RouteList:
        given = [
            ("target", request.target),
            ("namespace", request.namespace),
            ("context", request.context),
            *(("kubeconfig", path) for path in request.kubeconfig),
        ]
        query = [(name, value) for name, value in given if value]
        return self._call("GET", "/v1/routes", query=query, type=api_model.RouteList)

    def login_target(self, context: str | None, kubeconfig: Iterable[str]) -> api_model.LoginTarget:
        query = [("context", context)] if context else []
        query += [("kubeconfig", path) for path in kubeconfig]
        return self._call("GET", "/v1/login", query=query, type=api_model.LoginTarget)

    def login(self, request: api_model.LoginRequest) -> api_model.LoginResult:
        return self._call("POST", "/v1/login", request, type=api_model.LoginResult)

    def hand_over(self, request: api_handover.HandoverRequest) -> api_handover.Successor:
        return self._call("POST", "/v1/handover", request, type=api_handover.Successor)

    def stop(self) -> api_model.Stopped:
        return self._call("POST", "/v1/stop", type=api_model.Stopped)

    def open(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        query: http.Query = (),
        wait_s: float | None = None,
    ) -> http.Response:
        """Send a request; the answer is one of success, its body not yet read.

        `wait_s` bounds every wait for bytes. The caller closes the response. A daemon that has
        just been replaced began nothing: the next one is asked.
        """
        data = None if body is None else msgspec.json.encode(body)
        target = path + http.query(query)
        for _ in range(REPLACED_TRIES - 1):
            with contextlib.suppress(DaemonReplaced):
                return self._open(method, target, data, wait_s)
        return self._open(method, target, data, wait_s)

    def _open(
        self, method: str, target: str, data: bytes | None, wait_s: float | None
    ) -> http.Response:
        try:
            response = http.request(self.connect(wait_s), method, target, data)
            self.note_version(response.headers)
            if response.status >= 400:
                with response:
                    raise self.error(response.status, response.read())
        except OSError as error:
            raise _no_answer(error) from error
        return response

    def _call(
        self, method: str, path: str, body: Any = None, *, type: type[T], query: http.Query = ()
    ) -> T:
        with self.open(method, path, body, query=query) as response:
            try:
                data = response.read()
            except OSError as error:
                raise _no_answer(error) from error
        try:
            return decoding.decode(data, type)
        except msgspec.DecodeError as error:
            text = f"{self._daemon()} answered what kfwd {__version__} cannot read: {error}"
            raise ProtocolError(text, hint="kfwd daemon restart") from error

    def connect(self, wait_s: float | None = None) -> socket.socket:
        """A connection to the first daemon that answers. Raises `DaemonUnreachable`."""
        foreign: OSError | None = None
        for place in self._places:
            try:
                return http.connect(place / "kfwd.sock", wait_s or self._timeout_s)
            except PermissionError as error:
                foreign = error
            except TimeoutError:
                raise
            except OSError:
                continue
        if foreign is not None:
            raise DaemonUnreachable(f"the control socket is not ours: {foreign}")
        where = self._places[0] / "kfwd.sock"
        raise DaemonUnreachable(f"no daemon answers on {where}", hint="kfwd daemon start")

    def note_version(self, headers: Mapping[str, str]) -> None:
        """Learn from an answer's headers which version the daemon is."""
        self.daemon_version = headers.get(api_model.VERSION_HEADER.lower())
        if self.daemon_version not in (None, __version__) and not self._warned:
            self._warned = True
            self._warn(f"{self._daemon()} is not this kfwd's {__version__}: kfwd daemon restart")

    def error(self, status: int, data: bytes) -> KfwdError:
        """What an answer of failure means."""
        try:
            detail = decoding.decode(data, api_model.ErrorBody).error
        except msgspec.DecodeError:
            detail = api_model.ErrorDetail(code="failed", text=f"the daemon answered {status}")
            unknown = status in {404, 405, 501}
        else:
            unknown = detail.code == api_model.UNKNOWN_CALL
        if unknown:
            text = f"{self._daemon()} does not know this call of kfwd {__version__}"
            return KfwdError(text, hint="kfwd daemon restart", code=api_model.UNKNOWN_CALL)
        kind = _ERRORS.get(detail.exit_code, KfwdError)
        kind = _BY_CODE.get(detail.code, kind)
        return kind(detail.text, hint=detail.hint, code=detail.code)

    def _daemon(self) -> str:
        return f"the daemon's version {self.daemon_version or '(unknown)'}"


def _no_answer(error: OSError) -> DaemonUnreachable:
    what = "did not answer in time" if isinstance(error, TimeoutError) else f"hung up: {error}"
    return DaemonUnreachable(f"the daemon {what}", hint="kfwd logs shows what it is doing")
