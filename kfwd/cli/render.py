"""Facts as text: tables, JSON, colours, sizes and ages. Pure but for asking a stream what it is."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, TextIO

import msgspec

from kfwd.model import State

RED, GREEN, YELLOW, DIM, BOLD = "31", "32", "33", "2", "1"
GAP = "   "
STATE_STYLE: Mapping[str, str] = {
    State.READY: GREEN,
    State.STARTING: YELLOW,
    State.WAITING: YELLOW,
    State.DEGRADED: YELLOW,
    State.STOPPING: DIM,
    State.PAUSED: DIM,
    State.FAILED: RED,
}


class Cell(msgspec.Struct, frozen=True):
    """Text with a style (an SGR parameter, `""` for none)."""

    text: str
    style: str = ""


def colours(stream: TextIO, env: Mapping[str, str]) -> bool:
    """Whether to colour: on a terminal that is not dumb, and not against NO_COLOR."""
    return stream.isatty() and not env.get("NO_COLOR") and env.get("TERM") != "dumb"


def paint(text: str, style: str, colour: bool) -> str:
    return f"\x1b[{style}m{text}\x1b[0m" if colour and style and text else text


def clean(text: str) -> str:
    """Without control characters: names and messages come from other machines."""
    return "".join(c if unicodedata.category(c) != "Cc" else " " for c in text)


def table(rows: Sequence[Sequence[str | Cell]], *, colour: bool = False) -> str:
    """Columns as wide as their widest cell; the first row is the heading. Ends with a newline."""
    if not rows:
        return ""
    cells = [[_cell(value) for value in row] for row in rows]
    widths = [max(len(row[column].text) for row in cells) for column in range(len(cells[0]))]
    cells[0] = [Cell(cell.text, BOLD) for cell in cells[0]]
    return "".join(_line(row, widths, colour) + "\n" for row in cells)


def _cell(value: str | Cell) -> Cell:
    return Cell(clean(value)) if isinstance(value, str) else Cell(clean(value.text), value.style)


def _line(row: Sequence[Cell], widths: Sequence[int], colour: bool) -> str:
    padded = [
        paint(cell.text, cell.style, colour) + " " * (width - len(cell.text))
        for cell, width in zip(row, widths, strict=True)
    ]
    return GAP.join(padded).rstrip()


def as_json(value: Any) -> str:
    """JSON for people and programs: indented, with a newline at the end."""
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n"


def as_line(value: Any) -> str:
    """JSON in one line."""
    return msgspec.json.encode(value).decode() + "\n"


def size(count: int) -> str:
    """`812 B`, `1.0 KiB`, `13 MiB`."""
    amount = float(count)
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if amount < 1024 or unit == "TiB":
            break
        amount /= 1024
    return f"{amount:.1f} {unit}" if amount < 10 and unit != "B" else f"{amount:.0f} {unit}"


def age(since: datetime, now: datetime) -> str:
    """`5s`, `12m`, `3h12m`, `4d7h`."""
    seconds = max(0, int((now - since).total_seconds()))
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if minutes < 1:
        return f"{seconds}s"
    if hours < 1:
        return f"{minutes}m"
    if days < 1:
        return f"{hours}h{minutes % 60}m"
    return f"{days}d{hours % 24}h"


def clock(at: datetime) -> str:
    """Local time of day."""
    return at.astimezone().strftime("%H:%M:%S")


def listening(addresses: Sequence[str]) -> str:
    """`127.0.0.1:8080` and `[::1]:8080` together are `localhost:8080`."""
    shown = list(addresses)
    for address in addresses:
        port = address.removeprefix("127.0.0.1:")
        if port != address and f"[::1]:{port}" in shown:
            shown[shown.index(address)] = f"localhost:{port}"
            shown.remove(f"[::1]:{port}")
    return ",".join(shown) or "-"
