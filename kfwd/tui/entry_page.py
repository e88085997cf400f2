"""A screen with an entry at hand, and what can be done to that."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from textual.binding import Binding

from kfwd.api_model import Removed
from kfwd.client.address import local_address, local_url
from kfwd.client.copies import copies, link
from kfwd.errors import KfwdError
from kfwd.model import EntryView, State
from kfwd.text import clean
from kfwd.tui import login, places
from kfwd.tui.page import Page
from kfwd.tui.undo import as_it_was

ENTRY_BINDINGS = (
    login.LOG_IN,
    Binding("space", "pause", "pause", tooltip="Pause or resume", id="pause"),
    Binding("R", "restart", "restart", id="restart"),
    Binding("x", "remove", "remove", tooltip="Remove, with undo", id="remove"),
    Binding("y", "copy", "copy", tooltip="Copy the local address", id="copy"),
    Binding(
        "Y",
        "copy_as",
        "copy as",
        tooltip="Copy as URL, curl, kubectl or a client's command",
        id="copy-as",
    ),
    Binding("o", "open", "open", tooltip="Open in the browser", id="open"),
)
OF_ENTRY = {"pause", "restart", "remove", "copy", "copy_as", "open"}


class EntryPage(Page):
    """Subclasses say which entry is the `subject`, and list `ENTRY_BINDINGS` among their keys."""

    @property
    def subject(self) -> EntryView | None:
        """The entry that keys are about, if there is one."""
        raise NotImplementedError

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        entry = self.subject
        if action == "log_in":
            return entry is not None and login.needed(self.picture, entry.context)
        if action in OF_ENTRY:
            return entry is not None
        if action == "go" and (place := places.named(str(parameters[0]))).of_entry:
            return entry is not None and (not place.kinds or entry.kind in place.kinds)
        return super().check_action(action, parameters)

    async def action_go(self, name: str) -> None:
        """To another screen, about this entry."""
        entry = self.subject
        await self.app.push_screen(places.named(name).open(entry.id if entry else None))

    def action_log_in(self) -> None:
        if (entry := self.subject) is not None:
            login.log_in(self.kfwd, entry.context)

    def action_pause(self) -> None:
        self._act("resume" if self.subject and self.subject.state is State.PAUSED else "pause")

    def action_restart(self) -> None:
        self._act("restart")

    def _act(self, what: str) -> None:
        if (entry := self.subject) is not None:
            self.kfwd.calls.start(partial(self.kfwd.client.act, entry.id, what))

    def action_remove(self) -> None:
        if (entry := self.subject) is not None:
            remove = partial(self.kfwd.client.delete_entry, entry.id)
            self.kfwd.calls.start(remove, partial(self._removed, entry))

    def _removed(self, entry: EntryView, removed: Removed) -> None:
        if removed.request is None:
            return
        request = as_it_was(removed.request, entry)

        def again() -> None:
            self.kfwd.client.put_entry(entry.name, request, "fail")
            if entry.state is State.PAUSED:
                self.kfwd.client.act(entry.id, "pause")

        self.kfwd.offer_undo(f"removed {entry.name}", partial(self.kfwd.calls.start, again))

    def action_copy(self) -> None:
        self._with_address(local_address, self._copy)

    async def action_copy_as(self) -> None:
        """Let one of the texts be picked."""
        from kfwd.tui.screens.copy_as import CopyAs

        if (entry := self.subject) is None:
            return
        if found := copies(entry):
            await self.app.push_screen(CopyAs(clean(entry.name), found), self._picked)
        else:
            self.kfwd.say(f"{entry.id} listens nowhere now", bad=True)

    def _picked(self, text: str | None) -> None:
        if text is not None:
            self._copy(text)

    def action_open(self) -> None:
        self._with_address(lambda entry: link(entry) or local_url(entry), self.app.open_url)

    def _copy(self, text: str) -> None:
        self.app.copy_to_clipboard(text)
        self.kfwd.say(f"copied {text}")

    def _with_address(self, find: Callable[[EntryView], str], use: Callable[[str], None]) -> None:
        if (entry := self.subject) is None:
            return
        try:
            use(find(entry))
        except KfwdError as error:
            self.kfwd.calls.show(error)


class OneEntryPage(EntryPage):
    """About one entry, by its id; `entry` is what was last known of it, also once it is removed."""

    def __init__(self, entry: str | None) -> None:
        super().__init__()
        self.entry_id = entry or ""
        self.entry: EntryView | None = None

    @property
    def subject(self) -> EntryView | None:
        return self.picture.entries.get(self.entry_id)

    def redraw(self) -> None:
        self.entry = self.subject or self.entry
