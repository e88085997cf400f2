"""Commands in place of kubectl's: its flags and statuses, and an entry that ends with them."""

from __future__ import annotations

import contextlib
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import click
from msgspec.structs import replace

from kfwd.api_model import AnyAttachEvent, AttachMoved, AttachState, EntryRequest
from kfwd.cli.app import App, say
from kfwd.cli.overrides import Overrides, kubeconfig
from kfwd.client import stream
from kfwd.client.feeds import SILENCE_S
from kfwd.errors import DaemonUnreachable, ExitCode, KfwdError, NotFound
from kfwd.model import EntrySpec, EntryView
from kfwd.signals import terminable

RETRY_S = 0.5
LOST_S = 30.0
FATAL = 255
"""kubectl compiles its filters after all else was checked, and ends with klog.Fatal there."""

TRUE, FALSE = {"true", "t", "1"}, {"false", "f", "0"}
IGNORED = (
    *("--cache-dir", "--kuberc", "--log-flush-frequency", "--profile", "--profile-output"),
    *("--request-timeout", "--vmodule"),
)


class KubectlCommand(click.Command):
    """Takes flags as Go's parser does, and fails with kubectl's exit status."""

    usage_exit_code = ExitCode.FAILED

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        switches = {o for p in self.params if getattr(p, "is_flag", False) for o in p.opts}
        return super().parse_args(ctx, list(as_click(args, switches)))


def as_click(args: Sequence[str], switches: set[str]) -> Iterator[str]:
    """`--flag=true`, `--flag=false` and `-n=NS` in the forms that click reads."""
    for arg in args:
        name, equals, value = arg.partition("=")
        if name in switches and value.lower() in TRUE:
            yield name
        elif name in switches and value.lower() in FALSE:
            continue
        elif equals and len(name) == 2 and name[0] == "-" and name[1] != "-":
            yield from (name, value)
        else:
            yield arg


def global_flags(command: Any) -> Any:
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


class Session(ABC):
    """One run of a command: an entry that is put again whenever the daemon lost it.

    `start_s` bounds the time until it is complete.
    """

    def __init__(self, app: App, request: EntryRequest, start_s: float) -> None:
        self._app = app
        self._request = request
        self._deadline = time.monotonic() + start_s
        self._entry: str | None = None  # one that another daemon has for us
        self._said = ""
        self._last_state: AttachState | None = None

    @property
    @abstractmethod
    def complete(self) -> bool:
        """Whether all that was asked for listens."""

    @abstractmethod
    def show(self, event: AnyAttachEvent) -> None:
        """Print what kubectl prints."""

    @abstractmethod
    def pinned(self, entry: EntryView) -> EntrySpec:
        """The same entry with the free local ports it was given, to have them again."""

    @abstractmethod
    def not_in_time(self) -> KfwdError: ...

    def run(self) -> None:
        """Until interrupted, or until it fails in a way that waiting does not mend."""
        lost_at = None
        while True:
            try:
                self._attach()
                lost_at = None
            except DaemonUnreachable as error:
                now = time.monotonic()
                if not self.complete or now - (lost_at or now) > LOST_S:
                    raise
                if lost_at is None:
                    say(f"{error.text}; trying again")
                lost_at = lost_at or now
            if not self.complete and time.monotonic() >= self._deadline:
                raise self.not_in_time()
            time.sleep(RETRY_S)

    def _attach(self) -> None:
        """Put the entry and show what happens until the daemon or the time limit cuts us off."""
        entry, following = self._follow()
        with following as events:
            self._bound(events)
            for event in events:
                if isinstance(event, AttachMoved):
                    self._entry = entry
                was_complete = self.complete
                self.show(event)
                self._bound(events)
                if self.complete and not was_complete:
                    self._pin(entry)

    def _follow(self) -> tuple[str, stream.Stream[AnyAttachEvent]]:
        """The entry that a new daemon has for us, or else one that is put."""
        client = self._app.client
        if self._entry is not None:
            with contextlib.suppress(NotFound):
                following = stream.attach(client, self._entry)
                moved, self._entry = self._entry, None
                return moved, following
            self._entry = None
        entry = client.put_entry(self._request.spec.name, self._request, "next").id
        return entry, stream.attach(client, entry)

    def _pin(self, entry: str) -> None:
        for view in self._app.client.snapshot().entries:
            if view.id == entry:
                self._request = replace(self._request, spec=self.pinned(view))

    def _bound(self, events: stream.Stream[AnyAttachEvent]) -> None:
        left = SILENCE_S if self.complete else self._deadline - time.monotonic()
        events.limit(left)

    def tell(self, state: AttachState) -> None:
        """Say what stands in the way, once."""
        problem = state.problem
        told = f"{state.state}: {problem.text}" if problem else ""
        if told and told != self._said:
            say(told)
        self._said = told


def run(
    app: App,
    spec: EntrySpec,
    where: tuple[str | None, str | None],
    flags: dict[str, Any],
    session: Callable[[App, EntryRequest], Session],
    *,
    interrupted: int = ExitCode.OK,
) -> int:
    """Run `session` until a person ends it; `where` is a kubeconfig file and a context.

    `interrupted` is the exit status after Ctrl-C.
    """
    file, context = where
    try:
        files = app.kubeconfig((file,) if file else ())
        app.ensure_daemon()
        merged = kubeconfig(files, context or None, Overrides(**flags), app.paths.runtime)
        with terminable(interrupt=True), merged as (paths, name):
            request = EntryRequest(spec=spec, kubeconfig=paths, context=name, attached=True)
            session(app, request).run()
    except KeyboardInterrupt:
        return interrupted
    except KfwdError as error:
        return failed(error)
    return ExitCode.OK


def failed(error: KfwdError) -> int:
    """Say what went wrong; kubectl's exit status for it."""
    from kfwd.cli.main import report

    report(error)
    return FATAL if error.code == "bad-regex" else ExitCode.FAILED
