"""The TUI in a real terminal: what is seen there, and what is left of it afterwards."""

from __future__ import annotations

import os
import re
import signal
import sys
from pathlib import Path

from tests.e2e.tmux import needed, terminal
from tests.tui.conftest import Place
from tests.tui.conftest import place as place
from tests.tui.screen_text import golden, normal

pytestmark = needed
KFWD = [sys.executable, "-m", "kfwd", "tui"]
CRASH = """
import os
from kfwd.tui import app
from kfwd.tui.screens.overview import Overview

def fail(page):
    password = "hunter2"
    raise RuntimeError("it broke")

Overview.action_sort = fail
raise SystemExit(app.run(os.environ))
"""


def test_screens_keys_mouse_and_a_clean_end(place: Place, tmp_path: Path) -> None:
    with terminal(tmp_path, KFWD, place.env) as tty:
        tty.until(lambda screen: normal(screen) == golden("overview-80x24"))
        tty.keys("?")
        tty.until(lambda screen: normal(screen) == golden("help-overview-80x24"))
        tty.keys("Escape")
        tty.until(lambda screen: normal(screen) == golden("overview-80x24"))
        tty.type("/svc/web")
        tty.until(lambda screen: "svc/web" in screen and "deploy/web" not in screen)
        tty.tmux("resize-window", "-x", "120", "-y", "40")
        tty.until(lambda screen: "POD" in screen and "deploy/web" not in screen)
        tty.keys("Escape")
        tty.until(lambda screen: normal(screen) == golden("overview-120x40"))
        tty.click(5, 2)
        tty.click(5, 2)
        tty.shows("▸ shop")
        tty.keys("q")
        tty.shows("status 0")
        assert tty.unclean() == []


def test_sigterm_leaves_a_clean_terminal(place: Place, tmp_path: Path) -> None:
    with terminal(tmp_path, KFWD, place.env) as tty:
        tty.shows("no svc/search")
        os.kill(tty.pid("tui"), signal.SIGTERM)
        tty.shows("status 143")
        assert tty.unclean() == []


def test_a_crash_leaves_a_clean_terminal_and_no_secrets(place: Place, tmp_path: Path) -> None:
    with terminal(tmp_path, [sys.executable, "-c", CRASH], place.env) as tty:
        tty.shows("no svc/search")
        tty.keys("S")
        screen = tty.shows("status 1")
        assert "it broke" in screen
        assert "hunter2" not in screen
        assert tty.unclean() == []


def test_the_terminals_own_colours_are_the_16_it_has(place: Place, tmp_path: Path) -> None:
    (tmp_path / "tui.yaml").write_text("theme: terminal\n")
    env = {**place.env, "KFWD_CONFIG_DIR": str(tmp_path), "COLORTERM": "truecolor"}
    with terminal(tmp_path, KFWD, env) as tty:
        tty.shows("no svc/search")
        tty.type(":")
        tty.until(lambda screen: "Search for commands" in screen and "Browse" in screen)
        tty.keys("Escape")
        tty.shows("no svc/search")
        tty.keys("q")
        tty.shows("status 0")
        codes = set(re.findall(r"\x1b\[([\d;:]*)m", tty.raw()))
        used = {code for codes in codes for code in codes.split(";")}
        assert {"32", "33"} <= used
        assert used.isdisjoint({"38", "48"})


def test_without_colours_there_are_none(place: Place, tmp_path: Path) -> None:
    with terminal(tmp_path, KFWD, {**place.env, "NO_COLOR": "1"}) as tty:
        tty.shows("no svc/search")
        codes = set(re.findall(r"\x1b\[([\d;:]*)m", tty.screen("-e")))
        used = {code for codes in codes for code in codes.split(";")}
        assert used <= {"", "0", "1", "2", "3", "4", "7", "39", "49"}
        assert "7" in used, "the cursor is reversed"
        tty.keys("q")
        tty.shows("status 0")
