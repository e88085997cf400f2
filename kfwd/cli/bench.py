"""`kfwd bench`: your own cluster, kfwd beside kubectl."""

from __future__ import annotations

import contextlib
import shutil
import sys
from collections.abc import Callable, Iterator

import click
import msgspec

from kfwd.cli import render
from kfwd.cli.app import App, kubeconfig_option, output_option, pass_app, say
from kfwd.cli.names import context_option
from kfwd.cli.routes import asked
from kfwd.errors import KfwdError, UsageError
from kfwd.measure import cases, figures
from kfwd.measure.figures import Result
from kfwd.measure.load import Broken
from kfwd.measure.processes import Forwarder, forwarding
from kfwd.measure.speech import Kind, Speech

OURS = (sys.executable, "-m", "kfwd")


class Report(msgspec.Struct, frozen=True):
    """What `-o json` prints; `kubectl` is its path, null where there is none."""

    target: str
    port: str
    speaks: str
    kubectl: str | None
    figures: list[Result]
    verdict: list[str]


@click.command()
@click.argument("target", metavar="TARGET")
@click.argument("port", metavar="PORT")
@click.option("-n", "--namespace", metavar="NS", help="Default: the context's.")
@context_option
@kubeconfig_option
@click.option(
    "--path", default="/", metavar="PATH", help="The page asked for where HTTP is spoken."
)
@click.option("--send", "given", metavar="TEXT", help="What the server answers to, if not found.")
@click.option("--runs", default=3, type=click.IntRange(1, 100), help="Pairs of each. Default: 3.")
@click.option("--count", default=100, type=click.IntRange(10, 10_000), help="Connections a run.")
@output_option("table", "json")
@pass_app
def bench(
    app: App,
    *,
    target: str,
    port: str,
    namespace: str | None,
    context: str | None,
    kubeconfig: tuple[str, ...],
    path: str,
    given: str | None,
    runs: int,
    count: int,
    output: str,
) -> None:
    """Measure PORT of TARGET through kfwd and kubectl, in turn.

    Every run opens --count connections to your app, and more at once than a browser does.
    """
    chosen = Speech(Kind.GIVEN, _bytes(given)) if given else None
    app.ensure_daemon()
    where = ["--kubeconfig", *app.kubeconfig(kubeconfig)] if kubeconfig else []
    where += ["-n", namespace] if namespace else []
    where += ["--context", context] if context else []
    kubectl = shutil.which("kubectl", path=app.env.get("PATH"))
    if kubectl is None:
        say("there is no kubectl in PATH to compare with")
    rest = ["port-forward", target, f":{port}", "--address=127.0.0.1", *where]

    def why() -> None:
        asked(app, target, namespace, context, kubeconfig)

    with _sides(app, rest, kubectl, why) as sides:
        speech = chosen or _speech(sides.kfwd.port, path)
        say(f"{target} {port}: {speech.kind}")
        try:
            found = cases.measure(sides, speech, runs, count, say)
        except (Broken, OSError) as error:
            raise KfwdError(f"a measurement broke off: {error}", code="bench-broken") from error
    report = Report(target, port, speech.kind, kubectl, found, figures.verdict(found))
    print(render.as_json(report) if output == "json" else _shown(report), end="")


@contextlib.contextmanager
def _sides(
    app: App, rest: list[str], kubectl: str | None, why: Callable[[], None]
) -> Iterator[cases.Sides]:
    """`why` raises what is wrong with the target, where that is why kfwd does not come up."""
    with contextlib.ExitStack() as stack:
        try:
            ours = stack.enter_context(forwarding("kfwd", [*OURS, *rest], app.env))
        except KfwdError:
            why()
            raise
        daemon = Forwarder(app.client.snapshot().daemon.pid, ours.port)
        theirs = (
            stack.enter_context(forwarding("kubectl", [kubectl, *rest], app.env))
            if kubectl
            else None
        )
        yield cases.Sides(daemon, theirs)


def _speech(port: int, path: str) -> Speech:
    if speech := cases.find_speech(port, path):
        return speech
    raise KfwdError(
        "cannot tell what the server speaks: it answered nothing that is known",
        hint="--send TEXT with something it answers to, such as 'stats\\r\\n'",
        code="bench-unknown-protocol",
    )


def _bytes(given: str) -> bytes:
    """`\\r`, `\\n`, `\\xNN` as Python reads them."""
    try:
        return given.encode("latin-1", "strict").decode("unicode_escape").encode("latin-1")
    except UnicodeError as error:
        raise UsageError(f"--send: {error}", hint="write other bytes as \\xNN") from None


def _shown(report: Report) -> str:
    shown = render.table(
        [list(figures.COLUMNS), *(list(row) for row in figures.rows(report.figures))]
    )
    return shown + "".join(f"{sentence}\n" for sentence in ("", *report.verdict) if report.verdict)
