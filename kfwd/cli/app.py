"""What every command gets: the environment, the daemon's client, and a way to start a daemon."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import click

from kfwd import paths
from kfwd.client.calls import Client
from kfwd.errors import ConfigError
from kfwd.text import clean

if TYPE_CHECKING:
    from kfwd.paths import Paths

F = TypeVar("F", bound=Callable[..., Any])


class App:
    """One invocation. `env` is the caller's environment."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self.env = env

    @cached_property
    def client(self) -> Client:
        return Client(paths.runtime_candidates(self.env), warn=say)

    @cached_property
    def paths(self) -> Paths:
        return paths.find(self.env)

    def ensure_daemon(self) -> None:
        """Start a daemon unless one answers: the service, where that is installed."""
        if self.client.answers():
            return
        from kfwd.service import manage, start

        if manage.start(manage.find(self.env), self.paths, self.env):
            say("started the service")
            return
        start.start(self.paths.log / "daemon.err", self.client.answers, env=self.env)
        say("started the daemon")

    def kubeconfig(self, chosen: tuple[str, ...] = ()) -> tuple[str, ...]:
        """The caller's kubeconfig files, absolute, in merge order, as kubectl finds them.

        `chosen` is `--kubeconfig`: that one file, which must be there.
        """
        if chosen and chosen[-1]:
            path = Path(chosen[-1]).expanduser().absolute()
            if not path.exists():
                raise ConfigError(
                    f"there is no kubeconfig at {path}",
                    hint="pass --kubeconfig with the file of your cluster",
                    code="no-kubeconfig",
                )
            return (str(path),)
        return paths.kubeconfigs(self.env)


pass_app = click.make_pass_decorator(App)


def say(text: str) -> None:
    """Talk: to standard error, in the form of every message."""
    print(f"kfwd: {clean(text)}", file=sys.stderr, flush=True)


class Group(click.Group):
    """Commands by name; a word that is none of them is met with the one that was likely meant.

    `meant` has words of other tools that no spelling leads from.
    """

    meant: ClassVar[Mapping[str, str]] = {}

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        known = self.list_commands(ctx)
        if args[0] not in known and not args[0].startswith("-"):
            from kfwd.profiles.words import guess

            other = self.meant.get(args[0])
            near = f' (did you mean "{other}"?)' if other else guess(args[0], known)
            raise click.UsageError(f'no command "{args[0]}"{near}', ctx)
        return super().resolve_command(ctx, args)


class Seconds(click.ParamType):  # type: ignore[type-arg]  # generic only in newer versions
    """`30`, `30s`, `1m`, `500ms` -> seconds."""

    name = "seconds"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        if isinstance(value, float):
            return value
        from kfwd.profiles import words

        text = str(value)
        try:
            return words.duration(text if text[-1:].isalpha() else f"{text}s")
        except ValueError as error:
            self.fail(str(error), param, ctx)


kubeconfig_option = click.option(
    "--kubeconfig",
    multiple=True,
    metavar="FILE",
    help="Kubeconfig file instead of $KUBECONFIG or ~/.kube/config.",
)


def output_option(*formats: str) -> Callable[[F], F]:
    """`-o`: the first of `formats` is the default."""
    return click.option(
        "-o",
        "--output",
        type=click.Choice(formats),
        default=formats[0],
        help=f"Default: {formats[0]}.",
    )
