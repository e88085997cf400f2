"""The Textual app: a client of the daemon like any other, that shows everything at once.

It owns the picture and the link that keeps it current, and hands both to the screen on top.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import partial
from typing import Any, ClassVar

from rich.text import Text
from textual import on
from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.keys import _character_to_key
from textual.message import Message
from textual.screen import Screen

from kfwd import paths
from kfwd.client.calls import Client
from kfwd.errors import ExitCode, KfwdError
from kfwd.masking import mask
from kfwd.model import AnyEvent, utcnow
from kfwd.service import start
from kfwd.tasks import TaskSet
from kfwd.text import clean
from kfwd.tui import settings, terminal
from kfwd.tui.calls import Calls
from kfwd.tui.link import Link, Standing
from kfwd.tui.page import Page
from kfwd.tui.picture import Picture
from kfwd.tui.undo import KEPT_S, Undo

FLUSH_S = 0.15
"""Changes that come faster than this are shown together."""

GC = (20_000, 20, 20)
"""A frame of many entries makes thousands of objects that the next one drops: the usual 700 would
look for cycles among them several times a frame, a tenth of the processor time of a storm."""

LEAVE_S = 2.0
"""How long the terminal may take to be given back after a signal."""

FAULTS = 4
"""Sentences about the settings that are shown; the next ones when these are mended."""


class KfwdApp(App[None]):
    """`env` is the caller's environment; `clock` tells the time that ages are taken from."""

    TITLE = "kfwd"
    CSS_PATH = "kfwd.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("u", "undo", "undo", id="undo"),
        Binding("s", "start_daemon", "start the daemon", id="start-daemon"),
        Binding("question_mark", "help", "help", key_display="?", id="help"),
        Binding(
            "ctrl+p,colon",
            "command_palette",
            "palette",
            tooltip="All that can be done here",
            show=False,
            id="palette",
        ),
        Binding("q", "quit", "quit", id="quit"),
    ]

    class Due(Message):
        """What has changed is to be shown now."""

    def __init__(self, env: Mapping[str, str], *, clock: Callable[[], datetime] = utcnow) -> None:
        # The terminal's own colours, of which Textual can leave out all.
        super().__init__(ansi_color=True if env.get("NO_COLOR") else None)
        self.env = env
        self.clock = clock
        self.paths = paths.find(env)
        self.settings = settings.load(self.paths.config / settings.FILE)
        self.client = Client(paths.runtime_candidates(env), warn=self.say)
        self.picture = Picture()
        self.link = Link(self.client, self._took, self.changed)
        self.undo = Undo()
        self._tasks = TaskSet("tui")
        self.calls = Calls(self, self._tasks)
        self._chosen: dict[str, str] = {}
        self._flushed = 0.0
        self._flushing: asyncio.TimerHandle | None = None

    def kubeconfigs(self) -> tuple[str, ...]:
        """The kubeconfig files of whoever started this."""
        return paths.kubeconfigs(self.env)

    def get_default_screen(self) -> Screen[None]:
        from kfwd.tui.screens.overview import Overview

        return Overview()

    def on_mount(self) -> None:
        self.theme = settings.THEMES[self.settings.theme]
        for fault in (*self.settings.faults, *self._map_keys())[:FAULTS]:
            self.say(fault, bad=True, keep_s=20)
        self._tasks.spawn(self.link.run(), "link")
        self.set_interval(1.0, self._second)

    def _map_keys(self) -> list[str]:
        """Give the actions the keys that were chosen; a sentence for each that cannot be."""
        if not self.settings.keys:
            return []
        from kfwd.tui import keymap

        self._chosen, faults = keymap.checked(self.settings.keys, keymap.scopes(KfwdApp))
        self.set_keymap(self._chosen)
        return faults

    def key(self, id: str, usual: str) -> str:
        """How the key of an action is shown in a sentence: `usual`, unless another was chosen."""
        if id not in self._chosen:
            return usual
        first = self._chosen[id].partition(",")[0]
        key = _character_to_key(first) if len(first) == 1 else first
        return self.get_key_display(Binding(key, "", ""))

    async def on_unmount(self) -> None:
        if self._flushing is not None:
            self._flushing.cancel()
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
        self.say(f"{text} - {self.key('undo', 'u')} {what}", keep_s=KEPT_S)
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

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        from kfwd.tui.commands import commands

        return commands(self, screen)

    def use_theme(self, theme: str) -> None:
        """Look so from now on, and the next time."""
        self.theme = settings.THEMES[theme]
        try:
            settings.keep_theme(self.paths.config / settings.FILE, theme)
        except KfwdError as error:
            self.calls.show(error)

    def action_home(self) -> None:
        """Back to the first screen, as if each on the way were left by its key."""
        depth = len(self.screen_stack) + 1
        while 1 < len(self.screen_stack) < depth and isinstance(self.screen, Page):
            depth = len(self.screen_stack)
            self.screen.action_back()

    async def action_help(self) -> None:
        from kfwd.tui.screens.help import Help

        if isinstance(self.screen, Page):
            await self.push_screen(Help(self.screen))

    def _fatal_error(self) -> None:
        """Say where it failed, once the terminal is as it was. Textual would show the values of
        variables as well, which may be secret.
        """
        said = f"{mask(traceback.format_exc())}kfwd: the TUI has failed; what is forwarded goes on"
        self.panic(Text(said))

    def _took(self, events: list[AnyEvent]) -> None:
        known = self.picture.known
        if self.picture.apply(events):
            self.changed()
        if not known and self.picture.known:
            self.picture.sample(time.monotonic())

    def changed(self) -> None:
        """Show it soon: at once if nothing was shown lately, else together with what follows."""
        if self._flushing is None:
            # Not a timer of Textual: each of those is a task, and a look at a signature.
            wait, loop = self._flushed + FLUSH_S - time.monotonic(), asyncio.get_running_loop()
            self._flushing = loop.call_later(max(wait, 0), self.post_message, self.Due())

    def _second(self) -> None:
        self.picture.sample(time.monotonic())
        self._renew()

    @on(Due)
    def _show(self) -> None:
        self._flushing = None
        self._flushed = time.monotonic()
        if self.screen_stack:
            self._renew()
            self.refresh_bindings()

    def _renew(self) -> None:
        """The topmost page; a dialog may lie over it."""
        pages = [screen for screen in self.screen_stack if isinstance(screen, Page)]
        if pages:
            pages[-1].renew()


def run(env: Mapping[str, str]) -> int:
    """Run the TUI in this terminal; returns the exit status."""
    app = KfwdApp(env)
    gc.freeze()  # modules and styles stay as long as the app: looking at them again costs frames
    gc.set_threshold(*GC)
    terminal.end_with_it()
    asyncio.run(_attended(app))
    return app.return_code or ExitCode.OK


async def _attended(app: KfwdApp) -> None:
    """SIGTERM and the end of the terminal leave the app as its key does: the terminal is given
    back as it was.

    The loop may never run again: what Textual writes waits for a terminal that takes nothing, and
    for ever once that is gone. So these are handlers of Python's, and the process ends anyway.
    """
    loop, last = asyncio.get_running_loop(), list[threading.Timer]()

    def leave(number: int, frame: object) -> None:
        del frame
        status = 128 + number
        loop.call_soon_threadsafe(partial(app.exit, return_code=status))
        last.append(threading.Timer(LEAVE_S, os._exit, (status,)))
        last[-1].daemon = True
        last[-1].start()

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, leave)
    try:
        await app.run_async()
    finally:
        for timer in last:
            timer.cancel()
