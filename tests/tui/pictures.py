"""Pictures of the screens, exported by the app: `python -m tests.tui.pictures FOLDER`."""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path

from textual.pilot import Pilot

from kfwd.tui.app import KfwdApp
from kfwd.tui.widgets.line_table import LineTable
from tests.tui.conftest import Place
from tests.tui.scene import ask, knock, scene, traffic
from tests.tui.screen_text import screen
from tests.until import until

SIZE = (120, 40)
WAIT_S = 30.0
SETTLED = ("see:nothing listens", "see:none is labelled", "see:login needed", "see:2 of 2 ready")

# By module of the screen: keys, `at:` a line for the cursor, `see:` a pattern that is waited for.
SHOTS = {
    "overview": (*SETTLED, "at:shop/web", "see:[▂-█]{4}"),
    "detail": ("at:shop/cache", "enter", "see:back end", "see:log"),
    "help": ("at:shop/web", "question_mark"),
    "browse": (
        "at:shop/web",
        "b",
        "see:ingresses",
        "see:payments:http",
        "at:service/shop/payments",
        "space",
    ),
    "forward": (
        "at:shop/web",
        "b",
        "see:ingresses",
        "at:service/shop/payments",
        "enter",
        "see:localhost",
    ),
    "routes": ("at:shop/web", "r", "see:up now"),
    "profiles": ("p", "see:plan of", "at:shop", "see:plan of shop"),
    "problems": ("exclamation_mark", "see:L logs in"),
    "doctor": ("at:shop/cache", "d", "see:done"),
    "requests": ("at:shop/api", "h", "see:/nope", "down", "see:curl"),
}


async def take(place: Place, name: str, folder: Path) -> None:
    app = KfwdApp(place.env)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        for step in (*SETTLED[:1], *SHOTS[name]):
            await _do(pilot, step)
        await pilot.pause()
        text = plain(app.export_screenshot(title="kfwd", simplify=True))
    (folder / f"{name}.svg").write_text(text)


async def _do(pilot: Pilot[None], step: str) -> None:
    kind, _, what = step.partition(":")
    match kind:
        case "see":
            try:
                await until(lambda: re.search(what, screen(pilot.app)), WAIT_S)
            except TimeoutError:
                sys.exit(f"{what!r} is not on the screen:\n{screen(pilot.app)}")
        case "at":
            pilot.app.screen.query(LineTable).first().pick(what)
            await pilot.pause()
        case _:
            await pilot.press(step)
            await pilot.pause()


def plain(svg: str) -> str:
    """Without fonts from elsewhere, and with the same ids in every run."""
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)
    svg = re.sub(r"terminal-\d+-", "kfwd-", svg).replace("Fira Code, monospace", "monospace")
    return "".join(f"{line.rstrip()}\n" for line in svg.splitlines())


async def main(folder: Path) -> None:
    with scene() as place, traffic():
        await asyncio.to_thread(ask)
        await asyncio.to_thread(knock, 6379)
        for name in SHOTS:
            await take(place, name, folder)


if __name__ == "__main__":
    Path(sys.argv[1]).mkdir(exist_ok=True)
    asyncio.run(main(Path(sys.argv[1])))
