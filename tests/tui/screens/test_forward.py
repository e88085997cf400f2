"""What is about to be forwarded: edited, refused, saved."""

from __future__ import annotations

import socket
from pathlib import Path

from textual.pilot import Pilot
from textual.widgets import Input

from kfwd.tui.screens.forward import Forward
from tests.tui.conftest import Place, running
from tests.tui.screen_text import screen, shows
from tests.tui.screens.test_browse import browsing, namespace, page
from tests.until import until


async def opened(pilot: Pilot[None]) -> Forward:
    await pilot.press("enter")
    await until(lambda: isinstance(pilot.app.screen, Forward))
    await pilot.pause()
    assert isinstance(pilot.app.screen, Forward)
    return pilot.app.screen


async def test_ports_are_shown_before_they_are_bound(place: Place) -> None:
    async with browsing(place) as pilot:
        await pilot.press("space", "space")
        assert "2 marked" in screen(pilot.app)
        await opened(pilot)
        await shows(pilot.app, "forward-80x24")
        await pilot.press("escape")
        assert "2 marked" in screen(pilot.app)
    assert not [entry for entry in place.client.snapshot().entries if entry.profile == "-"]


async def test_what_cannot_be_read_is_said_where_it_is_typed(place: Place) -> None:
    async with browsing(place) as pilot:
        sheet = await opened(pilot)
        sheet.query_one("#ports-0", Input).value = "web:http"
        await until(lambda: 'svc/web: bad local port in "web:http"' in screen(pilot.app))
        await pilot.press("enter")
        assert pilot.app.screen is sheet


async def test_ports_that_were_edited_are_saved_in_a_new_profile(place: Place) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    path = Path(place.env["KFWD_CONFIG_DIR"]) / "profiles" / "picked.yaml"
    async with browsing(place) as pilot:
        sheet = await opened(pilot)
        sheet.query_one("#ports-0", Input).value = f"{port}:http"
        await pilot.press("tab", *"picked", "enter")
        entries = page(pilot).picture.entries
        await until(lambda: "picked/web" in entries and entries["picked/web"].state == "ready", 10)
        assert f"localhost:{port}" in screen(pilot.app)
    assert path.read_text() == (
        "version: 1\ncontext: sim\nforwards:\n  - name: web\n    target: svc/web\n"
        f'    ports: ["{port}:http"]\n    namespace: {namespace(place)}\n'
    )
    place.client.down(["picked"])
    path.unlink()


async def test_a_profile_it_does_not_fit_into_is_said_and_the_words_stay(place: Place) -> None:
    path = Path(place.env["KFWD_CONFIG_DIR"]) / "profiles" / "other.yaml"
    path.write_text("version: 1\nenabled: false\ncontext: prod\n")
    try:
        async with browsing(place) as pilot:
            sheet = await opened(pilot)
            await pilot.press("tab", "down", "enter")
            await until(lambda: "profile other has the context prod, not sim" in screen(pilot.app))
            assert pilot.app.screen is sheet
    finally:
        path.unlink()


async def test_nothing_is_lost_when_the_daemon_is_away(place: Place) -> None:
    async with running(place) as pilot:
        await pilot.press("b")
        await until(lambda: page(pilot).subject, 10)
        sheet = await opened(pilot)
        sheet.kfwd.client._places = [Path("/nowhere")]
        await pilot.press("enter")
        await until(lambda: "no daemon answers" in screen(pilot.app))
        assert pilot.app.screen is sheet


async def test_a_long_complaint_is_shown_to_its_end(place: Place) -> None:
    async with browsing(place, (80, 24)) as pilot:
        await opened(pilot)
        await pilot.press("tab", *"../x", "enter")
        await until(lambda: 'bad name "../x": use lower-case letters' in screen(pilot.app))
        assert "with a letter or a digit" in screen(pilot.app)
