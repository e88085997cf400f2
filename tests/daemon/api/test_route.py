"""A route declares what is decoded for its handler."""

from __future__ import annotations

from typing import Any

from kfwd.daemon.api.route import Call, Nothing, Route


async def handler(call: Call[Nothing, Nothing]) -> Nothing:
    """Do something.

    With details.
    """
    return Nothing()


def test_the_summary_is_the_first_line_of_the_handlers_docstring() -> None:
    assert Route("GET", "/", handler, Nothing).summary == "Do something."


def test_an_entry_id_is_the_two_segments_of_the_path() -> None:
    daemon: Any = None
    params = {"profile": "-", "name": "web"}
    call = Call(daemon, params, Nothing(), Nothing(), lambda: None)
    assert call.entry == "-/web"
