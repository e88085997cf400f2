"""What happened, as other programs see it."""

from __future__ import annotations

import msgspec

from kfwd.api_history import Availability, HistoryItem, Window
from tests.daemon.records import THEN


def test_a_happening_says_what_it_is_about() -> None:
    item = HistoryItem(at=THEN, about="context dev", code="cut", text="it ended")
    assert msgspec.json.encode(item) == (
        b'{"at":"2026-01-01T12:00:00Z","code":"cut","text":"it ended","about":"context dev"}'
    )


def test_a_window_of_which_nothing_is_known_has_no_share() -> None:
    windows = (Window(hours=24, share=None, counted_s=0.0),)
    assert msgspec.json.encode(Availability(id="dev/web", windows=windows)) == (
        b'{"id":"dev/web","windows":[{"hours":24,"share":null,"counted_s":0.0}]}'
    )
