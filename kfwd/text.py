"""Facts as text, the same on the command line and in the TUI. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

# Control characters of both sets, ends of lines, and what turns the direction of text around.
_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def clean(text: str) -> str:
    """Without what steers a terminal: names and messages come from other machines."""
    return _UNSEEN.sub(" ", text)


def escaped(json: str) -> str:
    """JSON that means the same, in which what steers a terminal is escaped; line feeds stay."""
    return _UNSEEN.sub(lambda c: c[0] if c[0] == "\n" else f"\\u{ord(c[0]):04x}", json)


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


def few(names: Sequence[str], most: int = 3) -> str:
    """`a, b, c and 37 more`."""
    rest = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + rest


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


def stamp(at: datetime, now: datetime) -> str:
    """Local time of day, with the date unless it is today's."""
    local = at.astimezone()
    same = local.date() == now.astimezone().date()
    return local.strftime("%H:%M:%S" if same else "%Y-%m-%d %H:%M:%S")


def share(part: float | None) -> str:
    """`100 %`, `99.87 %`; never rounded up to all of it. `-` if nothing is known."""
    if part is None:
        return "-"
    return "100 %" if part == 1 else f"{min(part * 100, 99.99):.2f} %"
