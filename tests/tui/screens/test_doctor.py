"""The doctor on the screen: what it looks like on the way, and against a real daemon."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from types import SimpleNamespace
from typing import Any

import pytest
from textual.pilot import Pilot

from kfwd.api_doctor import AnyDoctorEvent, Diagnosis, Finding, HopWalked
from kfwd.client.feeds import Feed
from kfwd.tui.app import KfwdApp
from kfwd.tui.screens import doctor
from kfwd.tui.screens.doctor import Doctor
from kfwd.tui.screens.problems import Problems
from kfwd.tui.widgets.line_table import LineTable
from tests.tui.conftest import Place, running
from tests.tui.screen_text import screen, shows
from tests.until import until


def page(pilot: Pilot[None]) -> Doctor:
    assert isinstance(pilot.app.screen, Doctor)
    return pilot.app.screen


def hop(about: str, name: Any, state: Any, text: str = "", **more: Any) -> HopWalked:
    return HopWalked(about=about, hop=name, state=state, text=text, **more)


GONE = "there is no svc/search in namespace shop"
FIRST = (
    hop("dev", "kubeconfig", "ok", '/home/me/.kube/config: user "me" at https://10.0.0.1:6443'),
    hop("dev", "dns", "skipped", "10.0.0.1 is an address"),
    hop("dev", "tcp", "ok", "10.0.0.1:6443 accepts connections", latency_ms=1.5),
    hop("dev", "tls", "running"),
)
REST = (
    hop("dev", "tls", "ok", "TLSv1.3, and its certificate is trusted"),
    hop("dev", "cuts", "warning", "sessions are cut after 4 min without bytes: 5 of the last 7"),
    hop("shop/search", "rbac", "ok", "you may create and get pods/portforward in namespace shop"),
    hop("shop/search", "pod", "broken", GONE, code="not-found", hint="there are web, db"),
    hop("shop/search", "port", "skipped", "pod is broken"),
)
FOUND = Diagnosis(
    well=False,
    exit_code=1,
    findings=(
        Finding(
            about="shop/search",
            hop="pod",
            severity="error",
            code="not-found",
            text=GONE,
            hint="there are web, db",
            also=("shop/other",),
        ),
    ),
)
Walked = Callable[[], None]


@pytest.fixture
def walked(monkeypatch: pytest.MonkeyPatch) -> Walked:
    """A walk that is in the middle until it is let go on."""
    gate = asyncio.Event()

    async def follow(
        client: object, feed: Feed[AnyDoctorEvent]
    ) -> AsyncGenerator[list[AnyDoctorEvent], None]:
        yield list(FIRST)
        await gate.wait()
        yield [*REST, FOUND]

    monkeypatch.setattr(doctor, "live", SimpleNamespace(follow=follow))
    return gate.set


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
async def test_the_whole_screen(place: Place, size: tuple[int, int], walked: Walked) -> None:
    name = f"{size[0]}x{size[1]}"
    async with running(place, size) as pilot:
        await pilot.app.push_screen(Doctor("shop/search"))
        await until(lambda: "… running" in screen(pilot.app))
        await pilot.pause()
        await shows(pilot.app, f"doctor-walking-{name}")
        walked()
        await until(lambda: "holds up shop/other too" in screen(pilot.app))
        await pilot.pause()
        await shows(pilot.app, f"doctor-{name}")


async def test_leaving_ends_the_walk(place: Place, walked: Walked) -> None:
    async with running(place) as pilot:
        left = Doctor("shop/search")
        await pilot.app.push_screen(left)
        await until(lambda: "… running" in screen(pilot.app))
        await pilot.press("escape")
        await until(lambda: len(left._tasks) == 0)
        assert left.walk.diagnosis is None


async def test_the_key_examines_the_entry_and_a_all_that_has_a_problem(place: Place) -> None:
    async with running(place) as pilot:
        pilot.app.screen.query_one("#entries", LineTable).pick("shop/web")
        await pilot.press("d")
        await until(lambda: "all is well" in screen(pilot.app), 15)
        assert "✖" not in screen(pilot.app)
        await pilot.press("a")
        await until(lambda: "✖ shop/search, pod" in screen(pilot.app), 15)
        assert page(pilot).subject == "all that has a problem"


async def test_from_a_problem_it_is_about_that(place: Place) -> None:
    async with running(place) as pilot:
        await pilot.press("exclamation_mark")
        await until(lambda: isinstance(pilot.app.screen, Problems))
        await until(lambda: "there is no svc/search" in screen(pilot.app))
        await pilot.press("d")
        await until(lambda: "✖ shop/search, pod" in screen(pilot.app), 15)
        assert page(pilot).subject == "shop/search"
        before = page(pilot).walk
        await pilot.press("r")
        assert page(pilot).walk is not before
        await until(lambda: page(pilot).walk.diagnosis is not None, 15)


async def test_without_a_daemon_the_reason_is_said(nobody: Place) -> None:
    app = KfwdApp(nobody.env)
    async with app.run_test():
        await app.push_screen(Doctor())
        await until(lambda: "no daemon answers" in screen(app))
