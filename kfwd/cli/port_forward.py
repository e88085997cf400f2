"""`kfwd port-forward`: kubectl's flags, lines and exit statuses, but it stays up."""

from __future__ import annotations

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
from kfwd.cli import attached
from kfwd.cli.app import App, pass_app
from kfwd.cli.attached import KubectlCommand, global_flags
from kfwd.cli.names import context_option
from kfwd.errors import KfwdError, UsageError
from kfwd.model import EntryView, ForwardSpec, Problem, State
from kfwd.profiles.forwards import forward

LONGEST_S = 24 * 3600.0
# While one of these stands kubectl would wait too, for --pod-running-timeout.
WAITED_FOR = frozenset({"no-endpoints", "pod-not-running"})


@click.command("port-forward", cls=KubectlCommand)
@click.argument("target", metavar="TYPE/NAME")
@click.argument("ports", nargs=-1, required=True, metavar="[LOCAL_PORT:]REMOTE_PORT...")
@click.option("--address", multiple=True, metavar="A,...", help="Default: localhost.")
@click.option("--pod-running-timeout", default="1m", metavar="T", help="Default: 1m.")
@click.option("-n", "--namespace", metavar="NS", help="Default: the context's.")
@context_option
@click.option("--kubeconfig", "kubeconfig_file", metavar="FILE")
@global_flags
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
    """What `kubectl port-forward` does, but it stays up. Pods may go and come back."""
    try:
        addresses = [one for listed in address for one in listed.split(",") if one]
        if address and not addresses:
            raise UsageError("--address needs at least one address")
        spec = forward(target, ports, namespace=namespace or None, address=addresses)
        timeout_s = _timeout(pod_running_timeout)
    except KfwdError as error:
        return attached.failed(error)

    def session(app: App, request: EntryRequest) -> Session:
        return Session(app, request, spec, timeout_s)

    return attached.run(app, spec, (kubeconfig_file, context), flags, session)


class Session(attached.Session):
    """One run of `kfwd port-forward`."""

    def __init__(
        self, app: App, request: EntryRequest, spec: ForwardSpec, timeout_s: float
    ) -> None:
        super().__init__(app, request, timeout_s)
        self._spec = spec
        self._timeout_s = timeout_s
        self._listening: dict[tuple[str, ...], int] = {}
        self._was_ready = False

    @property
    def complete(self) -> bool:
        return len(self._listening) >= len(self._spec.ports)

    def show(self, event: AnyAttachEvent) -> None:
        match event:
            case AttachListening():
                self._show_listening(event)
            case AttachConnection(port=port):
                print(f"Handling connection for {port}", flush=True)
            case AttachState():
                self._show_state(event)

    def _show_listening(self, event: AttachListening) -> None:
        if event.listen in self._listening or event.remote is None:
            return
        self._listening[event.listen] = event.remote
        for address in event.listen:
            print(f"Forwarding from {address} -> {event.remote}", flush=True)

    def _show_state(self, event: AttachState) -> None:
        self._last_state, problem = event, event.problem
        self._was_ready = self._was_ready or event.state is State.READY
        if problem and self._hopeless(event.state, problem):
            raise KfwdError(problem.text, hint=problem.hint, code=problem.code)
        self.tell(event)

    def _hopeless(self, state: State, problem: Problem) -> bool:
        """Whether kubectl would end: it connects to the pod before it listens."""
        if state is State.FAILED and not self._was_ready:
            return True
        waits = state in (State.FAILED, State.WAITING)
        return waits and not self.complete and problem.code not in WAITED_FOR

    def pinned(self, entry: EntryView) -> ForwardSpec:
        return pinned(self._spec, entry)

    def not_in_time(self) -> KfwdError:
        state = self._last_state
        why = f": {state.problem.text}" if state and state.problem else ""
        return KfwdError(f"{self._spec.target} has no running pod after {self._timeout_s:g} s{why}")


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
