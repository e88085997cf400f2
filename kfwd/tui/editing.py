"""A profile's text in the user's editor, and what becomes of it."""

from __future__ import annotations

from enum import Enum
from functools import partial
from typing import TYPE_CHECKING

import click

from kfwd.errors import KfwdError
from kfwd.profiles.draft import Draft
from kfwd.tui import terminal

if TYPE_CHECKING:
    from kfwd.tui.app import KfwdApp


class Outcome(Enum):
    SAME = "same"
    FAULTY = "faulty"
    WRITTEN = "written"


def edit(app: KfwdApp, draft: Draft) -> Outcome:
    """Edit a draft; it is written if it is valid, and that can be taken back."""
    try:
        text = terminal.lend(
            app, partial(_editor, app, draft.text), instead=f"kfwd profile edit {draft.name}"
        )
        if not draft.take(text):
            app.say("nothing was changed")
            return Outcome.SAME
        if draft.faults():
            return Outcome.FAULTY
        draft.write()
    except KfwdError as error:
        app.calls.show(error)
        return Outcome.SAME
    undo = partial(app.calls.start, draft.take_back)
    app.offer_undo(f"wrote {draft.path.name}", undo, what="takes that back")
    return Outcome.WRITTEN


def _editor(app: KfwdApp, text: str) -> str | None:
    """`$VISUAL`, `$EDITOR`, or what there is."""
    chosen = app.env.get("VISUAL") or app.env.get("EDITOR")
    try:
        return click.edit(text, editor=chosen, extension=".yaml", require_save=False)
    except click.ClickException as error:
        raise KfwdError(error.format_message(), hint="EDITOR says which editor is used") from error
