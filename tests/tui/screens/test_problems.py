"""Problems against a real daemon: what is wrong, what it holds up, and the way out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from textual.pilot import Pilot

from kfwd.tui.app import KfwdApp
from kfwd.tui.screens.detail import Detail
from kfwd.tui.screens.problems import Problems
from kfwd.tui.screens.profiles import Profiles
from tests.e2e.conftest import Sim
from tests.kube.configs import exec_credential, exec_user, script
from tests.tui.conftest import Place, running
from tests.tui.screen_text import screen, shows
from tests.until import until

CORP = """\
kubeconfig: {kubeconfig}
context: corp
namespace: {namespace}
forwards:
- {{name: web, target: svc/web, ports: [":http"]}}
- {{name: echo, target: svc/web, ports: [":9000"]}}
"""
EXPIRED = "the session has expired"


def page(pilot: Pilot[None]) -> Problems:
    assert isinstance(pilot.app.screen, Problems)
    return pilot.app.screen


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
async def test_the_whole_screen(place: Place, size: tuple[int, int]) -> None:
    async with running(place, size) as pilot:
        await pilot.press("exclamation_mark")
        await until(lambda: "→" in screen(pilot.app))
        await pilot.pause()
        await shows(pilot.app, f"problems-{size[0]}x{size[1]}")


async def test_enter_shows_the_entry_in_detail_and_escape_comes_back(place: Place) -> None:
    async with running(place) as pilot:
        await pilot.press("exclamation_mark")
        await until(lambda: page(pilot).subject is not None)
        await pilot.press("enter")
        await until(lambda: isinstance(pilot.app.screen, Detail))
        await until(lambda: "search" in screen(pilot.app).splitlines()[1])
        await pilot.press("escape")
        assert page(pilot).subject is not None


async def test_a_profile_that_became_faulty_is_gone_to(place: Place) -> None:
    path = Path(place.env["KFWD_CONFIG_DIR"]) / "profiles" / "shop.yaml"
    before = path.read_text()
    async with running(place) as pilot:
        await pilot.press("exclamation_mark")
        path.write_text(before + "foo: 1\n")
        try:
            await until(lambda: ' shop.yaml:7:1: unknown key "foo"' in screen(pilot.app), 10)
            page(pilot).table.pick("shop profile-invalid")
            await pilot.press("enter")
            await until(lambda: isinstance(pilot.app.screen, Profiles))
            await until(lambda: "plan of shop" in screen(pilot.app))
        finally:
            path.write_text(before)
        await pilot.press("escape")
        await until(lambda: 'unknown key "foo"' not in screen(pilot.app), 10)


@pytest.fixture
def corp(sim: Sim, nobody: Place, tmp_path: Path) -> Place:
    """A daemon whose context `corp` needs a login, which only a terminal with CORP_TOKEN gives."""
    said = exec_credential(token="TOKEN").replace("TOKEN", "'\"$CORP_TOKEN\"'")
    plugin = script(
        tmp_path / "corp-login",
        f"""[ -n "$CORP_TOKEN" ] || {{ echo '{EXPIRED}' >&2; exit 1; }}
        echo '{said}'""",
    )
    config = json.loads(sim.kubectl("config", "view", "--raw", "-o", "json").stdout)
    tokens = [user["user"]["token"] for user in config["users"] if user["name"] == "sim-token"]
    cluster = config["contexts"][0]["context"]["cluster"]
    config["users"] = [{"name": "corp", "user": exec_user(plugin, interactiveMode="IfAvailable")}]
    config["contexts"] = [{"name": "corp", "context": {"cluster": cluster, "user": "corp"}}]
    config["current-context"] = "corp"
    (tmp_path / "corp").write_text(json.dumps(config))
    folder = Path(nobody.env["KFWD_CONFIG_DIR"]) / "profiles"
    folder.mkdir(parents=True)
    text = CORP.format(kubeconfig=tmp_path / "corp", namespace=sim.namespace())
    (folder / "corp.yaml").write_text(text)
    nobody.start()
    nobody.client.up(["corp"], [])
    nobody.env["CORP_TOKEN"] = tokens[0]
    return nobody


@pytest.mark.usefixtures("lent")
async def test_from_a_broken_login_to_the_fix_in_two_keys(corp: Place) -> None:
    app = KfwdApp(corp.env)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await until(lambda: "corp · login needed" in screen(app), 10)
        await until(lambda: len(app.picture.problems) == 1, 10)
        await pilot.press("exclamation_mark")
        await until(lambda: "holds up 2 entries" in screen(app), 10)
        assert EXPIRED in screen(app)
        assert "→ L logs in, or run `kfwd login corp`" in screen(app)
        await pilot.press("L")
        await until(lambda: "nothing is wrong" in screen(app), 10)
        await until(lambda: "logged in to corp" in screen(app))


@pytest.mark.usefixtures("lent")
async def test_the_overview_has_the_key_as_well(corp: Place) -> None:
    app = KfwdApp(corp.env)
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await until(lambda: "L log in" in screen(app), 10)
        await pilot.press("L")
        await until(lambda: "2 of 2 ready" in screen(app), 10)
        assert "L log in" not in screen(app).splitlines()[-1]
