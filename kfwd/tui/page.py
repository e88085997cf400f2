"""What every screen is made of: the status line, the banner, a body, the keys."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar, cast

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Input

from kfwd.tui.link import Standing
from kfwd.tui.pieces import Piece, Pieces
from kfwd.tui.status_line import status
from kfwd.tui.widgets.key_bar import KeyBar
from kfwd.tui.widgets.line import Line
from kfwd.tui.widgets.line_table import LineTable
from kfwd.tui.widgets.toned import Toned

if TYPE_CHECKING:
    from kfwd.tui.app import KfwdApp
    from kfwd.tui.picture import Picture

BANNERS = {
    Standing.CONNECTING: "",
    Standing.LIVE: "",
    Standing.RESTARTING: "daemon restarting - reconnecting",
    Standing.STOPPED: "daemon stopped - {start} starts it",
    Standing.REFUSED: "the daemon refuses: {}",
}

TYPING = {"find", "new"}
"""Actions after which keys are typed; while they are, their key is a letter like any other."""


class Page(Screen[None]):
    """A screen. Subclasses give `body` and `redraw`; what else is on the screen is done here.

    `name_shown` stands behind `kfwd` in the first line; `help_text` opens the help of this screen.
    Keys are ordinary bindings with an `id` (for the key map) and a short lower-case description;
    `show=False` keeps one out of the footer, not out of the help.
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "back", "back", id="back")]
    name_shown: ClassVar[str] = ""
    help_text: ClassVar[str] = ""

    @property
    def kfwd(self) -> KfwdApp:
        return cast("KfwdApp", self.app)

    @property
    def picture(self) -> Picture:
        return self.kfwd.picture

    @property
    def alive(self) -> bool:
        """Whether this screen can be drawn: it is there as a whole, and neither it nor the app is
        being left.
        """
        return self.is_mounted and self.app.is_running and self in self.app.screen_stack

    @property
    def table(self) -> LineTable:
        """The list that keys are about: the upper one of two."""
        return self.query_one(LineTable)

    def body(self) -> Iterable[Widget]:
        """The widgets between banner and keys."""
        return ()

    def redraw(self) -> None:
        """Show the picture as it is now: called after changes, once a second, and on return to
        this screen. Widgets see to it that what looks the same costs nothing.
        """

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "back":
            return len(self.app.screen_stack) > 1
        if action in TYPING:
            return not isinstance(self.focused, Input)
        return super().check_action(action, parameters)

    def action_back(self) -> None:
        self.app.pop_screen()

    def compose(self) -> ComposeResult:
        yield Line(self._status, id="status")
        yield Line(self._banner, id="banner")
        yield from self.body()
        yield KeyBar(id="keys")

    def on_screen_resume(self) -> None:
        self.renew()

    def on_resize(self) -> None:
        self.call_after_refresh(self.renew)

    @on(LineTable.Moved)
    def _moved(self) -> None:
        self.refresh_bindings()

    @on(LineTable.Chosen)
    def _chosen(self) -> None:
        """A line that is clicked again is chosen as with Enter."""
        # From the app: a key that this screen sent would not come back to it.
        if self.table.has_focus:
            self.app.call_later(self.app.simulate_key, "enter")

    def renew(self) -> None:
        """Bring everything on this screen up to date."""
        if not self.alive:
            return
        standing = self.kfwd.link.standing
        banner = self.query_one("#banner", Line)
        banner.display = bool(BANNERS[standing])
        banner.show()
        stale = standing not in (Standing.LIVE, Standing.CONNECTING)
        for widget in self.query(Toned):
            if widget.id not in ("banner", "keys"):
                widget.set_stale(stale)
        self.query_one("#status", Line).show()
        self.redraw()

    def _status(self, cells: int) -> Pieces:
        return status(self.picture, self.name_shown, cells)

    def _banner(self, cells: int) -> Pieces:
        start = self.kfwd.key("start-daemon", "s")
        said = BANNERS[self.kfwd.link.standing].format(self.kfwd.link.trouble, start=start)
        if not self.picture.known and self.kfwd.link.standing is Standing.STOPPED:
            said = f"no daemon is running - {start} starts it"
        return (Piece(f" {said}", "warn"),)
