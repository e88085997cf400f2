"""`kfwd port-forward`: kubectl's flags, lines and exit statuses, but it stays up."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Any

import click
from msgspec.structs import replace

from kfwd.api_model import (
    AnyAttachEvent,
    AttachConnection,
    AttachListening,
    AttachState,
    EntryRequest,
)
from kfwd.cli.add import forward
from kfwd.cli.app import App, pass_app, say
from kfwd.cli.overrides import Overrides, kubeconfig
from kfwd.client import stream
from kfwd.errors import DaemonUnreachable, ExitCode, KfwdError, UsageError
from kfwd.model import EntryView, ForwardSpec, State

LONGEST_S = 24 * 3600.0
RETRY_S = 0.5
LOST_S = 30.0
# While one of these stands kubectl would wait too, for --pod-running-timeout.
WAITED_FOR = frozenset({"no-endpoints", "pod-not-running"})
IGNORED = (
    *("--cache-dir", "--kuberc", "--log-flush-frequency", "--profile", "--profile-output"),
    *("--request-timeout", "--vmodule"),
)


class PortForward(click.Command):
    """Takes flags as Go's parser does, and fails with kubectl's exit status."""

    usage_exit_code = ExitCode.FAILED

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        switches = {o for p in self.params if getattr(p, "is_flag", False) for o in p.opts}
        return super().parse_args(ctx, list(as_click(args, switches)))


def as_click(args: Sequence[str], switches: set[str]) -> Iterator[str]:
    """`--flag=true`, `--flag=false` and `-n=NS` in the forms that click reads."""
    for arg in args:
        name, equals, value = arg.partition("=")
        if name in switches and equals:
            if value.lower() in {"true", "t", "1"}:
                yield name
        elif equals and len(name) == 2 and name[0] == "-" and name[1] != "-":
            yield from (name, value)
        else:
            yield arg


def _global_flags(command: Any) -> Any:
    """kubectl's options for all commands."""
    for name in ("--as-user-extra", "--as-group"):
        command = click.option(name, multiple=True, metavar="TEXT")(command)
    for field in ("as_uid", "client_key", "client_certificate", "password", "username", "token"):
        command = click.option("--" + field.replace("_", "-"), metavar="TEXT")(command)
    for field in ("proxy_url", "tls_server_name", "certificate_authority", "user", "cluster"):
        command = click.option("--" + field.replace("_", "-"), metavar="TEXT")(command)
    command = click.option("--as", "as_user", metavar="TEXT")(command)
    command = click.option("-s", "--server", metavar="URL")(command)
    for name in ("--insecure-skip-tls-verify", "--disable-compression"):
        command = click.option(name, is_flag=True)(command)
    for name in IGNORED:
        command = click.option(name, expose_value=False, hidden=True)(command)
    for name in ("--match-server-version", "--warnings-as-errors"):
        command = click.option(name, is_flag=True, expose_value=False, hidden=True)(command)
    return click.option("-v", "--v", expose_value=False, hidden=True)(command)


@click.command("port-forward", cls=PortForward)
@click.argument("target", metavar="TYPE/NAME")
@click.argument("ports", nargs=-1, required=True, metavar="[LOCAL_PORT:]REMOTE_PORT...")
@click.option("--address", multiple=True, metavar="A,...", help="Default: localhost.")
@click.option("--pod-running-timeout", default="1m", metavar="T", help="Default: 1m.")
@click.option("-n", "--namespace", metavar="NS", help="Default: the context's.")
@click.option("--context", metavar="C", help="Default: the current context.")
@click.option("--kubeconfig", "kubeconfig_file", metavar="FILE")
@_global_flags
@pass_app
def port_forward(
    app: App,
    /,
    *,
    target: str,
    ports: tuple[str, ...],
    address: tuple[str, ...],
    pod_running_timeout: str,
    namespace: str | None,
    context: str | None,
    kubeconfig_file: str | None,
    **flags: Any,
) -> int:
    """Forward local ports as `kubectl port-forward` does, but stay up when the pod goes."""
    try:
        addresses = [one for listed in address for one in listed.split(",") if one]
        spec = forward(target, ports, namespace=namespace or None, address=addresses)
        timeout_s = _timeout(pod_running_timeout)
        files = app.kubeconfig((kubeconfig_file,) if kubeconfig_file else ())
        app.ensure_daemon()
        overrides = Overrides(**flags)
        with (
            _terminable(),
            kubeconfig(files, context or None, overrides, app.paths.runtime) as (files, context),
        ):
            request = EntryRequest(spec=spec, kubeconfig=files, context=context, attached=True)
            Session(app, request, timeout_s).run()
    except KeyboardInterrupt:
        return ExitCode.OK
    except KfwdError as error:
        from kfwd.cli.main import report

        report(error)
        return ExitCode.FAILED
    return ExitCode.OK


class Session:
    """One run of the command: an entry that is put again whenever the daemon lost it."""

    def __init__(self, app: App, request: EntryRequest, timeout_s: float) -> None:
        self._app = app
        self._request = request
        self._timeout_s = timeout_s
        self._deadline = time.monotonic() + timeout_s
        self._listening: dict[tuple[str, ...], int] = {}
        self._said = ""
        self._last_state: AttachState | None = None

    @property
    def _complete(self) -> bool:
        return len(self._listening) >= len(self._request.spec.ports)

    def run(self) -> None:
        """Until interrupted, or until it fails in a way that waiting does not mend."""
        lost_at = None
        while True:
            try:
                self._attach()
                lost_at = None
            except DaemonUnreachable:
                now = time.monotonic()
                lost_at = lost_at or now
                if not self._complete or now - lost_at > LOST_S:
                    raise
            if not self._complete and time.monotonic() >= self._deadline:
                raise self._not_in_time()
            time.sleep(RETRY_S)

    def _attach(self) -> None:
        """Put the entry and show what happens until the daemon or the time limit cuts us off."""
        spec = self._request.spec
        entry = self._app.client.put_entry(spec.name, self._request, "next").id
        with stream.attach(self._app.client, entry) as events:
            self._bound(events)
            for event in events:
                was_complete = self._complete
                self._show(event)
                self._bound(events)
                if self._complete and not was_complete:
                    self._pin(entry)

    def _pin(self, entry: str) -> None:
        for view in self._app.client.snapshot().entries:
            if view.id == entry:
                self._request = replace(self._request, spec=pinned(self._request.spec, view))

    def _bound(self, events: stream.Stream[AnyAttachEvent]) -> None:
        left = stream.SILENCE_S if self._complete else self._deadline - time.monotonic()
        events.limit(left)

    def _show(self, event: AnyAttachEvent) -> None:
        match event:
            case AttachListening():
                self._show_listening(event)
            case AttachConnection(port=port):
                print(f"Handling connection for {port}", flush=True)
            case AttachState():
                self._show_state(event)

    def _show_listening(self, event: AttachListening) -> None:
        if event.listen in self._listening:
            return
        self._listening[event.listen] = event.remote
        for address in event.listen:
            print(f"Forwarding from {address} -> {event.remote}", flush=True)

    def _show_state(self, event: AttachState) -> None:
        self._last_state, problem = event, event.problem
        if not self._complete and event.state in (State.FAILED, State.WAITING) and problem:
            if problem.code not in WAITED_FOR:
                raise KfwdError(problem.text, hint=problem.hint, code=problem.code)
            return
        told = f"{event.state}: {problem.text}" if problem else ""
        if told and told != self._said:
            say(told)
        self._said = told

    def _not_in_time(self) -> KfwdError:
        state = self._last_state
        why = f": {state.problem.text}" if state and state.problem else ""
        target = self._request.spec.target
        return KfwdError(f"{target} has no running pod after {self._timeout_s:g} s{why}")


def pinned(spec: ForwardSpec, entry: EntryView) -> ForwardSpec:
    """The same forward with the free local ports it was given, to have them again."""
    ports = list(spec.ports)
    for index, (port, bound) in enumerate(zip(ports, entry.ports, strict=False)):
        number = bound.listen[0].rpartition(":")[2] if bound.listen else ""
        if port.local == 0 and number.isdigit():
            ports[index] = replace(port, local=int(number))
    return replace(spec, ports=tuple(ports))


def _timeout(text: str) -> float:
    from kfwd.profiles import words

    try:
        seconds = words.duration(text, LONGEST_S)
    except ValueError as error:
        raise UsageError(f"--pod-running-timeout: {error}") from None
    if seconds <= 0:
        raise UsageError("--pod-running-timeout must be higher than zero")
    return seconds


@contextmanager
def _terminable() -> Iterator[None]:
    """Let SIGTERM unwind the stack, so that nothing temporary is left.

    SIGINT ends it even where a shell started it in the background with SIGINT ignored, as it does
    with kubectl.
    """

    def end(number: int, frame: FrameType | None) -> None:
        del frame
        sys.exit(128 + number)

    wanted = {signal.SIGTERM: end, signal.SIGINT: signal.default_int_handler}
    before = {number: signal.signal(number, handler) for number, handler in wanted.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
