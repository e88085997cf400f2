"""`kfwd rm`, `pause`, `resume` and `restart`: entries by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from kfwd.cli.app import App, pass_app
from kfwd.cli.names import EntryName, Named
from kfwd.client import view


def _command(name: str, about: str, act: Callable[[App, str], Any], done: str) -> click.Command:
    @click.command(name, cls=Named, help=about)
    @click.argument("names", nargs=-1, required=True, metavar="NAME...", type=EntryName())
    @pass_app
    def command(app: App, names: tuple[str, ...]) -> None:
        for entry in view.entry_ids(app.client.snapshot(), names):
            act(app, entry)
            print(f"{entry} {done}")

    return command


rm = _command(
    "rm",
    "Remove ad-hoc entries. Those of a profile go when its file or `down` says so.",
    lambda app, entry: app.client.delete_entry(entry),
    "removed",
)
pause = _command(
    "pause",
    "Free the ports of entries and end their connections.",
    lambda app, entry: app.client.act(entry, "pause"),
    "paused",
)
resume = _command(
    "resume",
    "Bring paused entries back.",
    lambda app, entry: app.client.act(entry, "resume"),
    "resumed",
)
restart = _command(
    "restart",
    "End the connections of entries and start them anew. Paused ones come back.",
    lambda app, entry: app.client.act(entry, "restart"),
    "restarted",
)
