"""Names of entries and profiles as arguments, with completion."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from kfwd import paths

if TYPE_CHECKING:
    from kfwd.client.calls import Client

T = TypeVar("T")

# Cannot be in an argument of a process, so it marks those that are no options without doubt.
_MARK = "\0"
COMPLETE_WITHIN_S = 0.2


class Named(click.Command):
    """Takes `-/NAME`, the id of an ad-hoc entry, for an argument and not for options."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        marked = [_MARK + arg if arg.startswith("-/") else arg for arg in args]
        return super().parse_args(ctx, marked)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[Any]:
        if incomplete.startswith("-/"):
            return EntryName().shell_complete(ctx, self.params[0], incomplete)
        return super().shell_complete(ctx, incomplete)


class EntryName(click.ParamType):  # type: ignore[type-arg]  # generic only in newer versions
    """An id or a name; completed by the daemon, quickly or not at all."""

    name = "entry"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        return str(value).removeprefix(_MARK)

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[Any]:
        from click.shell_completion import CompletionItem

        found = _asked(lambda client: client.snapshot())
        words = {w for entry in (found.entries if found else ()) for w in (entry.id, entry.name)}
        return [CompletionItem(word) for word in sorted(words) if word.startswith(incomplete)]


def context_names(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Completion of the contexts of the caller's kubeconfig, and those in use."""
    del ctx, param
    files = paths.kubeconfigs(os.environ)
    found = _asked(lambda client: client.contexts(files))
    names = dict.fromkeys(context.name for context in (found.contexts if found else ()))
    return [name for name in names if name.startswith(incomplete)]


context_option = click.option(
    "--context",
    metavar="C",
    shell_complete=context_names,
    help="Default: the current context.",
)


def _asked(call: Callable[[Client], T]) -> T | None:
    from kfwd.client.calls import Client
    from kfwd.errors import KfwdError

    try:
        return call(Client(paths.runtime_candidates(), timeout_s=COMPLETE_WITHIN_S))
    except KfwdError:
        return None


def profile_names(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Completion of profile names: from their folder."""
    del ctx, param
    from kfwd.profiles import store

    return [name for name in store.names(paths.find().profiles) if name.startswith(incomplete)]
