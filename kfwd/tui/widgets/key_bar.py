"""The footer: the keys that work here, as many as fit; a click on one presses it."""

from __future__ import annotations

from textual import events
from textual.binding import Binding
from textual.strip import Strip

from kfwd.tui.pieces import Piece, Pieces, width
from kfwd.tui.widgets.toned import Toned

GAP = "  "
ALWAYS = ("help", "quit")


class KeyBar(Toned):
    """Help and quit are always there."""

    def on_mount(self) -> None:
        self.screen.bindings_updated_signal.subscribe(self, lambda screen: self.refresh())

    def render_line(self, y: int) -> Strip:
        cells = self.size.width
        pieces = [piece for _, shown in self._keys(cells) for piece in shown]
        return self.strip((Piece(" "), *pieces), cells)

    def on_click(self, event: events.Click) -> None:
        at = 1
        for key, shown in self._keys(self.size.width):
            at += width(shown)
            if event.x < at:
                self.app.simulate_key(key)
                return

    def _keys(self, cells: int) -> list[tuple[str, Pieces]]:
        """Each key and what is shown for it."""
        found = [
            (active.binding.action, active.binding.key, self._shown(active.binding))
            for active in self.screen.active_bindings.values()
            if active.binding.show and active.enabled
        ]
        left = cells - 1 - sum(width(shown) for action, _, shown in found if action in ALWAYS)
        kept = []
        for action, key, shown in found:
            if action not in ALWAYS:
                left -= width(shown)
                if left < 0:
                    continue
            kept.append((key, shown))
        return kept

    def _shown(self, binding: Binding) -> Pieces:
        key = self.app.get_key_display(binding)
        return (Piece(key, "accent"), Piece(f" {binding.description}{GAP}", "dim"))
