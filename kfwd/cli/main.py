"""`kfwd`: commands by name, loaded when they are asked for, and every error in one form.

The only module that may start the daemon, the TUI or the simulated cluster, each imported on
demand.
"""

from __future__ import annotations

import errno
import importlib
import os
import sys
from collections.abc import Mapping, Sequence
from io import TextIOWrapper
from pathlib import Path
from typing import Any, ClassVar

import click
from click.exceptions import NoArgsIsHelpError

from kfwd import __version__
from kfwd.cli.app import App, Group
from kfwd.errors import ExitCode, KfwdError, ProfileInvalid, UsageError

COMPLETE_VAR = "_KFWD_COMPLETE"
INTERRUPTED = 130
UNWRITABLE = {errno.ENOSPC, errno.EDQUOT, errno.EIO}
COMMANDS: Mapping[str, str] = {
    "up": "kfwd.cli.up:up",
    "down": "kfwd.cli.up:down",
    "plan": "kfwd.cli.up:plan",
    "add": "kfwd.cli.add:add",
    "rm": "kfwd.cli.entries:rm",
    "pause": "kfwd.cli.entries:pause",
    "resume": "kfwd.cli.entries:resume",
    "restart": "kfwd.cli.entries:restart",
    "ls": "kfwd.cli.ls:ls",
    "status": "kfwd.cli.status:status",
    "wait": "kfwd.cli.wait:wait",
    "login": "kfwd.cli.login:login",
    "context": "kfwd.cli.context:context",
    "doctor": "kfwd.cli.doctor:doctor",
    "routes": "kfwd.cli.routes:routes",
    "open": "kfwd.cli.open:open_",
    "logs": "kfwd.cli.logs:logs",
    "events": "kfwd.cli.events:events",
    "port-forward": "kfwd.cli.port_forward:port_forward",
    "proxy": "kfwd.cli.proxy:proxy",
    "profile": "kfwd.cli.profile:profile",
    "daemon": "kfwd.cli.daemon:daemon",
    "service": "kfwd.cli.service:service",
    "tui": "kfwd.cli.main:tui",
    "bench": "kfwd.cli.bench:bench",
    "demo": "kfwd.cli.demo:demo",
    "sim": "kfwd.cli.main:sim",
    "completion": "kfwd.cli.completion:completion",
}


class Commands(Group):
    """A group whose commands are modules that are not imported before they are needed."""

    meant: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys(("remove", "delete"), "rm"),
        "start": "daemon start",
        "stop": "daemon stop",
        "get": "ls",
        "help": "--help",
        "version": "--version",
    }

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name].partition(":")
        command: click.Command = getattr(importlib.import_module(module), name)
        return command


@click.group(
    cls=Commands,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, "-V", "--version", message="kfwd %(version)s")
@click.pass_context
def kfwd(ctx: click.Context) -> int | None:
    """Every pod and service of every cluster, always at the same local address."""
    if ctx.invoked_subcommand is not None:
        return None
    if _on_terminal(ctx.obj):
        return run_tui(ctx.obj)
    click.echo(ctx.get_help())
    return ExitCode.OK


def _on_terminal(app: App) -> bool:
    """Whether a screen can be drawn, and read from. Input that the caller has closed is None."""
    both = sys.stdin is not None and sys.stdin.isatty() and sys.stdout.isatty()
    return both and app.env.get("TERM") != "dumb"


@click.command()
@click.option("--web", is_flag=True, help="Serve it to a browser on this machine instead.")
@click.option(
    "--port", type=click.IntRange(0, 65535), metavar="P", help="With --web. Default: a free port."
)
@click.pass_obj
def tui(app: App, web: bool, port: int | None) -> int:
    """Everything at a glance, every action one key away. Also plain kfwd."""
    if web:
        return serve_tui(port or 0)
    if port is not None:
        raise UsageError("--port goes with --web", hint="kfwd tui --web --port P")
    if not _on_terminal(app):
        raise UsageError("the TUI needs a terminal", hint="kfwd ls --watch works without one")
    return run_tui(app)


@click.group(cls=Group)
def sim() -> None:
    """A simulated cluster that kubectl works against."""


@sim.command("start")
@click.option("--port", type=click.IntRange(0, 65535), metavar="P", help="Default: a free port.")
@click.option("--kubeconfig", metavar="FILE", help="Write the kubeconfig to this file.")
@click.option("--manifest", metavar="FILE", help="Kubernetes YAML instead of the demo's objects.")
@click.option("--fault", multiple=True, metavar="KEY=VALUE", help="A fault to begin with.")
@click.option("--ready-delay", type=float, metavar="S", help="From a pod's start to readiness.")
@click.option("--node-net", metavar="127.A.B", help="Where the nodes' addresses lie.")
def start(**options: Any) -> int:
    """Run a simulated cluster in the foreground."""
    from kfwd.sim.main import main as run

    return run(["start", *_arguments(options)])


def _arguments(options: Mapping[str, Any]) -> list[str]:
    """Options back on a command line."""
    words: list[str] = []
    for name, value in options.items():
        for one in value if isinstance(value, tuple) else [value]:
            if one is not None:
                words += [f"--{name.replace('_', '-')}", str(one)]
    return words


def run_tui(app: App) -> int:
    """Run the TUI in this terminal; returns its exit status."""
    from kfwd.tui.app import run

    return run(app.env)


def serve_tui(port: int) -> int:
    """Serve the TUI to a browser until Ctrl-C or SIGTERM; returns the exit status."""
    try:
        from kfwd.tui.web.serve import run
    except ModuleNotFoundError as error:
        if error.name != "textual_serve":
            raise
        text = "--web needs the package textual-serve"
        raise UsageError(text, hint="pip install 'kfwd[web]'") from None

    def say(link: str) -> None:
        print(link, flush=True)
        print("The link works once. Ctrl-C ends this.", file=sys.stderr)

    return run(port, say)


def run_daemon(channel: int | None = None, *, record: bool = True) -> int:
    """Run the daemon in the foreground, as `run` of `kfwd.daemon.main`; its exit status."""
    from kfwd.daemon.main import run

    return run(channel=channel, record=record) or ExitCode.OK


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line (default: this process's) and return its exit status."""
    _prepare_output()
    try:
        result = kfwd.main(
            args=argv,
            prog_name=program(sys.argv[0]),
            complete_var=COMPLETE_VAR,
            standalone_mode=False,
            obj=App(os.environ),
        )
        sys.stdout.flush()
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except BrokenPipeError:
        return _hung_up()
    except OSError as error:
        if error.errno not in UNWRITABLE:
            raise
        _hung_up()
        return report(KfwdError(f"the output cannot be written: {error.strerror}"))
    except click.UsageError as error:
        return _usage(error)
    except click.ClickException as error:
        return report(KfwdError(error.format_message()))
    except KfwdError as error:
        return report(error)
    return result if isinstance(result, int) else ExitCode.OK


def _prepare_output() -> None:
    """What the locale cannot write is escaped; where the caller has closed it, it goes nowhere."""
    if sys.stdout is None:
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115  # until we end
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def program(argv0: str) -> str:
    """How people call this: kubectl finds its plugins by their file names."""
    return "kubectl kfwd" if Path(argv0).name.startswith("kubectl") else "kfwd"


def report(error: KfwdError) -> int:
    """Say what went wrong and what to do about it; returns the exit status."""
    if isinstance(error, ProfileInvalid):
        lines = error.text.splitlines()
        _print(*lines, f"kfwd: {_faults(len(lines))}, nothing was changed")
    else:
        _print(f"kfwd: {' '.join(error.text.split())}")
    if error.hint:
        _print(f"hint: {' '.join(error.hint.split())}")
    return error.exit_code


def _usage(error: click.UsageError) -> int:
    if isinstance(error, NoArgsIsHelpError):
        error.show()
        return ExitCode.USAGE
    text = " ".join(error.format_message().rstrip(".").split())
    context = error.ctx
    _print(f"kfwd: {text[:1].lower()}{text[1:]}")
    _print(f"hint: {context.command_path if context else 'kfwd'} --help")
    return getattr(context and context.command, "usage_exit_code", ExitCode.USAGE)


def _hung_up() -> int:
    """Whoever read our output has gone; so that the interpreter does not complain as it exits."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return ExitCode.FAILED


def _faults(count: int) -> str:
    return f"{count} fault{'s' if count > 1 else ''}"


def _print(*lines: str) -> None:
    """Lines may quote a server, a plugin or somebody's file."""
    from kfwd.text import clean

    for line in lines:
        print(clean(line), file=sys.stderr)
