"""What every screen is made of."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

import pytest
from textual.binding import Binding, BindingType
from textual.widget import Widget

from kfwd.api_model import EntryRequest
from kfwd.model import ForwardSpec, PortSpec
from kfwd.tui import link
from kfwd.tui.app import KfwdApp
from kfwd.tui.link import Standing
from kfwd.tui.page import Page
from kfwd.tui.pieces import Piece
from kfwd.tui.widgets.line import Line
from kfwd.tui.widgets.toned import Toned
from tests.e2e.conftest import Sim
from tests.tui.conftest import Place, running
from tests.tui.screen_text import screen
from tests.until import until


class Sketch(Page):
    """A page as another file would have it."""

    name_shown = "sketch"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("z", "zoom", "zoom", id="zoom")]

    def body(self) -> Iterable[Widget]:
        yield Line(lambda cells: (Piece("the body"),), id="heading")


async def test_a_page_has_status_body_and_keys(place: Place) -> None:
    async with running(place) as pilot:
        await pilot.app.push_screen(Sketch())
        await until(lambda: "zoom" in screen(pilot.app))
        lines = screen(pilot.app).splitlines()
        assert lines[0].startswith(" kfwd  sketch   2 up · 1 waiting  ")
        assert lines[1] == "the body"
        assert lines[-1] == " esc back  z zoom  ? help  q quit"
        page = pilot.app.screen
        assert isinstance(page, Sketch)
        assert page.alive
        await pilot.press("escape")
        assert not isinstance(pilot.app.screen, Sketch)
        assert not page.alive


async def test_the_banner_says_that_the_daemon_is_away(nobody: Place) -> None:
    nobody.start()
    app = KfwdApp(nobody.env)
    async with app.run_test() as pilot:
        await until(lambda: app.picture.known)
        nobody.stop()
        await until(lambda: "daemon restarting - reconnecting" in screen(app))
        status = app.screen.query_one("#status", Line)
        assert status.stale
        nobody.start()
        await until(lambda: not status.stale, 10)
        await pilot.pause()
        assert "reconnecting" not in screen(app)


async def test_a_daemon_that_stopped_leaves_the_last_view_and_s_starts_it(
    sim: Sim, nobody: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link, "RESTART_S", 0.0)
    nobody.start()
    spec = ForwardSpec(name="last", target="svc/web", ports=(PortSpec(local=0, remote="http"),))
    nobody.client.put_entry("last", EntryRequest(spec=spec, kubeconfig=(str(sim.kubeconfig),)))
    app = KfwdApp(nobody.env)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(lambda: "svc/web" in screen(app))
        nobody.stop()
        await until(lambda: "daemon stopped - s starts it" in screen(app))
        await pilot.pause()
        assert "svc/web" in screen(app)
        assert all(w.stale for w in app.screen.query(Toned) if w.id not in ("banner", "keys"))
        await pilot.press("s")
        try:
            await until(lambda: app.link.standing is Standing.LIVE, 20)
            await until(lambda: "s starts it" not in screen(app))
            assert "svc/web" in screen(app)
        finally:
            nobody.client.stop()
