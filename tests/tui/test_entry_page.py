"""What can be done to the entry at hand, on the overview."""

from __future__ import annotations

from kfwd.api_model import EntryRequest
from kfwd.model import ForwardSpec, PortSpec
from tests.tui.conftest import Place, running
from tests.tui.screen_text import screen
from tests.tui.screens.test_overview import overview, state
from tests.until import until


async def test_space_pauses_and_resumes(place: Place) -> None:
    async with running(place) as pilot:
        overview(pilot.app).table.pick("shop/web")
        await pilot.press("space")
        await until(lambda: state(pilot.app, "shop/web") == "paused")
        await until(lambda: "‖ paused" in screen(pilot.app))
        await pilot.press("space")
        await until(lambda: state(pilot.app, "shop/web") == "ready", 10)


async def test_a_removed_entry_comes_back_on_its_port(place: Place) -> None:
    spec = ForwardSpec(name="extra", target="svc/web", ports=(PortSpec(local=0, remote="http"),))
    request = EntryRequest(spec=spec, kubeconfig=(place.env["KUBECONFIG"],))
    place.client.put_entry("extra", request)
    async with running(place) as pilot:
        entries = overview(pilot.app).picture.entries
        await until(lambda: entries["-/extra"].ports[0].listen)
        before = entries["-/extra"].ports[0].listen
        await until(lambda: "ad hoc" in screen(pilot.app))
        overview(pilot.app).table.pick("-/extra")
        await pilot.press("x")
        await until(lambda: "u brings it back" in screen(pilot.app))
        assert "-/extra" not in entries
        await pilot.press("u")
        await until(lambda: "-/extra" in entries and entries["-/extra"].ports[0].listen == before)
    place.client.delete_entry("-/extra")


async def test_an_entry_of_a_profile_is_not_removed_and_the_reason_is_said(place: Place) -> None:
    async with running(place) as pilot:
        overview(pilot.app).table.pick("shop/web")
        await pilot.press("x")
        await until(lambda: "belongs to a profile" in screen(pilot.app))
        assert "shop/web" in overview(pilot.app).picture.entries


async def test_the_address_is_copied(place: Place) -> None:
    async with running(place) as pilot:
        overview(pilot.app).table.pick("shop/web")
        await pilot.press("y")
        assert pilot.app.clipboard.startswith("localhost:")
