"""The Textual app: a client of the daemon like any other, that shows everything at once.

It owns the picture and the link that keeps it current, and hands both to the screen on top.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import ClassVar

from textual.app import App
from textual.binding import Binding, BindingType
from textual.screen import Screen

from kfwd import paths
from kfwd.client.calls import Client
from kfwd.errors import ExitCode
from kfwd.model import AnyEvent, utcnow
from kfwd.service import start
from kfwd.tasks import TaskSet
from kfwd.text import clean
from kfwd.tui.calls import Calls
from kfwd.tui.link import Link, Standing
from kfwd.tui.page import Page
from kfwd.tui.picture import Picture
from kfwd.tui.undo import KEPT_S, Undo

FLUSH_S = 0.15
"""Changes that come faster than this are shown together."""


class KfwdApp(App[None]):
    """`env` is the caller's environment; `clock` tells the time that ages are taken from."""

    TITLE = "kfwd"
    CSS_PATH = "kfwd.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("u", "undo", "undo", id="undo"),
        Binding("s", "start_daemon", "start the daemon", id="start-daemon"),
        Binding("question_mark", "help", "help", key_display="?", id="help"),
        Binding("q", "quit", "quit", id="quit"),
    ]

    def __init__(self, env: Mapping[str, str], *, clock: Callable[[], datetime] = utcnow) -> None:
        super().__init__()
        self.env = env
        self.clock = clock
        self.paths = paths.find(env)
        self.client = Client(paths.runtime_candidates(env), warn=self.say)
        self.picture = Picture()
        self.link = Link(self.client, self._took, self.changed)
        self.undo = Undo()
        self._tasks = TaskSet("tui")
        self.calls = Calls(self, self._tasks)
        self._flushed = 0.0
        self._flushing = False

    def get_default_screen(self) -> Screen[None]:
        from kfwd.tui.screens.overview import Overview

        return Overview()

    def on_mount(self) -> None:
        self._tasks.spawn(self.link.run(), "link")
        self.set_interval(1.0, self._second)

    async def on_unmount(self) -> None:
        await self._tasks.close()

    def say(self, text: str, *, hint: str = "", bad: bool = False, keep_s: float = 5.0) -> None:
        """A sentence in a corner, for a while."""
        said = f"{clean(text)}\n{clean(hint)}" if hint else clean(text)
        self.notify(said, severity="error" if bad else "information", timeout=keep_s, markup=False)

    def offer_undo(
        self, text: str, back: Callable[[], None], *, what: str = "brings it back"
    ) -> None:
        """Say what was done, and let `u` take it back: `what` it does then."""
        self.undo.offer(back)
        self.say(f"{text} - u {what}", keep_s=KEPT_S)
        self.refresh_bindings()
        self.set_timer(KEPT_S, self.refresh_bindings)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "undo":
            return bool(self.undo)
        if action == "start_daemon":
            return self.link.standing is Standing.STOPPED
        return super().check_action(action, parameters)

    def action_undo(self) -> None:
        if self.undo.take():
            self.clear_notifications()
        self.refresh_bindings()

    def action_start_daemon(self) -> None:
        errors = self.paths.log / "daemon.err"
        self.say("starting the daemon")
        self.calls.start(
            lambda: start.start(errors, self.client.answers, env=self.env),
            lambda _: self.link.hurry(),
        )

    async def action_help(self) -> None:
        from kfwd.tui.screens.help import Help

        if isinstance(self.screen, Page):
            await self.push_screen(Help(self.screen))

    def _took(self, events: list[AnyEvent]) -> None:
        known = self.picture.known
        if self.picture.apply(events):
            self.changed()
        if not known and self.picture.known:
            self.picture.sample(time.monotonic())

    def changed(self) -> None:
        """Show it soon: at once if nothing was shown lately, else together with what follows."""
        if not self._flushing:
            self._flushing = True
            wait = self._flushed + FLUSH_S - time.monotonic()
            self.set_timer(max(wait, 0.001), self._show)

    def _second(self) -> None:
        self.picture.sample(time.monotonic())
        self._renew()

    def _show(self) -> None:
        self._flushing = False
        self._flushed = time.monotonic()
        if self.screen_stack:
            self._renew()
            self.refresh_bindings()

    def _renew(self) -> None:
        """The topmost page; a dialog may lie over it."""
        pages = [screen for screen in self.screen_stack if isinstance(screen, Page)]
        if pages and pages[-1].alive:
            pages[-1].renew()


def run(env: Mapping[str, str]) -> int:
    """Run the TUI in this terminal; returns the exit status."""
    app = KfwdApp(env)
    app.run()
    return app.return_code or ExitCode.OK
