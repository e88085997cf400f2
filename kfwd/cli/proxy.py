"""`kfwd proxy`: kubectl's flags, line and exit statuses, but it stays up."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import click
from msgspec.structs import replace

from kfwd.api_model import AnyAttachEvent, AttachListening, AttachState
from kfwd.cli import attached
from kfwd.cli.app import App, pass_app, say
from kfwd.cli.attached import KubectlCommand, global_flags
from kfwd.cli.names import context_option
from kfwd.errors import KfwdError, UsageError
from kfwd.model import EntryView, ProxyFlags, ProxySpec, State

START_S = 10.0
PORT = 8001
INTERRUPTED = 130
"""`kubectl proxy` does not handle SIGINT: this is what a shell sees of it."""

DEFAULT = ProxyFlags()
LOCAL_TROUBLE = frozenset({"port-in-use", "port-privileged", "bind-failed", "listener-taken"})
"""What kubectl would give up for too; everything else is waited for."""

_GO_PART = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(ns|us|µs|ms|s|m|h)")
_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


def _flags(command: Any) -> Any:
    """What `kubectl proxy` lets through and serves."""
    for name, default in (
        ("--reject-methods", DEFAULT.reject_methods),
        ("--reject-paths", DEFAULT.reject_paths),
        ("--accept-paths", DEFAULT.accept_paths),
        ("--accept-hosts", DEFAULT.accept_hosts),
    ):
        about = f"Regular expressions, separated by commas. Default: {default}"
        command = click.option(name, default=default, metavar="REGEX,...", help=about)(command)
    command = click.option("-P", "--www-prefix", default="/static/", metavar="PREFIX")(command)
    command = click.option(
        "-w", "--www", default="", metavar="FOLDER", help="Serve its files at --www-prefix too."
    )(command)
    command = click.option("--keepalive", default="0s", metavar="T", help="Of TCP.")(command)
    command = click.option("--api-prefix", default="/", metavar="PREFIX")(command)
    for name in ("--append-server-path", "--disable-filter"):
        command = click.option(name, is_flag=True)(command)
    return command


@click.command("proxy", cls=KubectlCommand)
@click.option("-p", "--port", type=int, default=PORT, metavar="P", help="Default: 8001; 0: free.")
@click.option("--address", default="127.0.0.1", metavar="A", help="Default: 127.0.0.1.")
@click.option("-u", "--unix-socket", default="", metavar="PATH", help="Instead of a port.")
@click.option("--allow-users", default="", metavar="U,...", help="Who may connect besides you.")
@click.option("--requests", is_flag=True, help="Keep what is asked: kfwd logs NAME --requests.")
@click.option("-n", "--namespace", expose_value=False, hidden=True)
@context_option
@click.option("--kubeconfig", "kubeconfig_file", metavar="FILE")
@_flags
@global_flags
@pass_app
def proxy(
    app: App,
    /,
    *,
    port: int,
    address: str,
    unix_socket: str,
    allow_users: str,
    requests: bool,
    context: str | None,
    kubeconfig_file: str | None,
    **others: Any,
) -> int:
    """What `kubectl proxy` does, but it stays up. Interruptions of any kind are waited out."""
    if others["disable_filter"] and not unix_socket:
        say("the filter is off: any web page that you open may use this proxy with your rights")
    try:
        place, port = _place(address, port, unix_socket)
        spec = ProxySpec(
            name="proxy",
            address=(place,),
            port=port,
            allow_users=tuple(user for user in allow_users.split(",") if user),
            requests=requests,
            flags=_proxy_flags(others),
        )
    except KfwdError as error:
        return attached.failed(error)
    return attached.run(
        app,
        spec,
        (kubeconfig_file, context),
        others,
        lambda app, request: Session(app, request, spec),
        interrupted=INTERRUPTED,
    )


def _proxy_flags(given: dict[str, Any]) -> ProxyFlags:
    """The flags of the proxy, taken out of all that were given."""
    www = given.pop("www")
    if www and not Path(www).is_dir():
        raise UsageError(f"--www: {www} is no folder")
    return ProxyFlags(
        keepalive_s=_duration(given.pop("keepalive")),
        www=str(Path(www).absolute()) if www else None,
        **{name: given.pop(name) for name in ProxyFlags.__struct_fields__ if name in given},
    )


def _place(address: str, port: int, unix_socket: str) -> tuple[str, int]:
    """The address and port to listen on."""
    if unix_socket:
        if port != PORT:
            raise UsageError("cannot set --unix-socket and --port at the same time")
        return f"unix:{Path(unix_socket).absolute()}", 0
    if address == "localhost":
        address = "127.0.0.1"  # kubectl listens on one address
    return address, port


def _duration(text: str) -> float:
    """Seconds of a duration as Go writes it: `0s`, `1m30s`, `-1s`."""
    sign, rest = (-1.0, text[1:]) if text.startswith("-") else (1.0, text.removeprefix("+"))
    parts = _GO_PART.findall(rest)
    if rest != "0" and (not parts or "".join(number + unit for number, unit in parts) != rest):
        raise UsageError(f'--keepalive: "{text}" is no duration such as 30s')
    return sign * sum(float(number) * _SECONDS[unit] for number, unit in parts)


class Session(attached.Session):
    """One run of `kfwd proxy`."""

    def __init__(self, app: App, request: Any, spec: ProxySpec) -> None:
        super().__init__(app, request, START_S)
        self._spec = spec
        self._listening = False

    @property
    def complete(self) -> bool:
        return self._listening

    def show(self, event: AnyAttachEvent) -> None:
        match event:
            case AttachListening(listen=listen) if not self._listening:
                self._listening = True
                where = listen[0].removeprefix("unix:")
                print(f"Starting to serve on {where}", flush=True)
            case AttachState():
                self._show_state(event)

    def _show_state(self, event: AttachState) -> None:
        self._last_state, problem = event, event.problem
        if not self.complete and problem and event.state in (State.FAILED, State.WAITING):
            if problem.code in LOCAL_TROUBLE:
                raise KfwdError(problem.text, hint=problem.hint, code=problem.code)
            return
        self.tell(event)

    def pinned(self, entry: EntryView) -> ProxySpec:
        number = entry.ports[0].listen[0].rpartition(":")[2] if entry.ports[0].listen else ""
        return replace(self._spec, port=int(number)) if number.isdigit() else self._spec

    def not_in_time(self) -> KfwdError:
        state = self._last_state
        why = f": {state.problem.text}" if state and state.problem else ""
        return KfwdError(f"the proxy does not listen after {START_S:g} s{why}")
