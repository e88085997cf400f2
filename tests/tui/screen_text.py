"""Screens as plain text, with what differs from run to run made equal, compared with files.

`KFWD_GOLDEN=write` writes them anew.
"""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path
from typing import Any

from textual.app import App

from tests.until import until

FOLDER = Path(__file__).parent / "golden"


def screen(app: App[Any]) -> str:
    """What is on the screen, line by line. Textual has no public way to ask."""
    strips = app.screen._compositor.render_strips()
    return "".join(strip.text.rstrip() + "\n" for strip in strips)


def _same_width(match: re.Match[str]) -> str:
    return re.sub(r"[0-9a-z]", "#", match[0])


def normal(text: str) -> str:
    """Ports, ages, pod names, namespaces: `#` for each character, so that columns stay."""
    text = re.sub(r"(?<=localhost:)\d+|(?<=127\.0\.0\.1:)\d+", _same_width, text)
    text = re.sub(r"\b\d{4}(?=:[a-z0-9])", "####", text)
    text = re.sub(r"(?<=│)\d+$", _same_width, text, flags=re.MULTILINE)
    text = re.sub(r"(?<=web-)[0-9a-z]+(-[0-9a-z]+)?", _same_width, text)
    text = re.sub(r"\be2e-[0-9a-f]+(-\d+)?", _same_width, text)
    text = re.sub(r"\s+\d+[smhd]$", lambda m: "#s".rjust(len(m[0])), text, flags=re.MULTILINE)
    text = _times(text)
    text = _routes(text)
    text = re.sub(r"(\d+(?:\.\d)? ms)( · login \d+d left)?( +)", _latency, text)
    return re.sub(r"(?<=login )\d+d", "#d", text)


def _times(text: str) -> str:
    """Those of the detail screen: when, since when, how long, and the bar of the last hour."""
    text = re.sub(r"(?<=after )\d+(\.\d)? ms", "# ms", text)
    text = re.sub(r"(?<=GET     \d\d\d) +\d+(\.\d)? ms", "      # ms", text)
    text = re.sub(r"\d+(?=:http +│)", _same_width, text)
    text = re.sub(r"(?<=localhost -p )\d+", _same_width, text)
    text = re.sub(r"\d\d:\d\d:\d\d", "##:##:##", text)
    text = re.sub(r" last hour.*", " last hour   #", text)
    text = re.sub(r" *[\d.]+ % served", "", text)
    text = re.sub(r"\b[0-9a-f]{16,}", _same_width, text)
    text = re.sub(r"\d+[sm](?= waiting at|\))", "#s", text)
    text = re.sub(r" · \d+(\.\d)? ms$", "", text, flags=re.MULTILINE)
    state = r"((?:ready|degraded|waiting) )(\d+[smh])( +)"
    return re.sub(state, lambda m: f"{m[1]}#s".ljust(len(m[0])), text)


def _routes(text: str) -> str:
    """Those of the routes screen: round trips, and addresses that the cluster chose."""
    text = re.sub(r" {2,}\d+(?:\.\d)? ms(?=  )", lambda m: "# ms".rjust(len(m[0])), text)
    text = re.sub(r"(127\.96)\.\d+\.\d+(:\d+)( +)", _address, text)
    return re.sub(r"(✖ cluster-ip .*refused).*", r"\1", text)


def _address(match: re.Match[str]) -> str:
    """In as many cells."""
    return f"{match[1]}.#.#{match[2]}".ljust(len(match[0]))


def _latency(match: re.Match[str]) -> str:
    pad = " " * (len(match[1]) - len("# ms") + len(match[3]))
    return f"# ms{match[2] or ''}{pad}"


async def shows(app: App[Any], name: str) -> None:
    """The screen comes to be as the file `golden/NAME.txt` has it.

    It follows the picture with a delay, and what is measured comes when it comes.
    """
    if os.environ.get("KFWD_GOLDEN") == "write":
        FOLDER.mkdir(exist_ok=True)
        _path(name).write_text(normal(screen(app)))
    wanted = golden(name)
    with contextlib.suppress(TimeoutError):
        await until(lambda: normal(screen(app)) == wanted)
    assert normal(screen(app)) == wanted


def golden(name: str) -> str:
    """The screen that the file has."""
    return _path(name).read_text()


def _path(name: str) -> Path:
    return FOLDER / f"{name}.txt"
