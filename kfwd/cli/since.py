"""`--since`: a moment in the past, as a time or as how long ago."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import click

AGO = re.compile(r"(\d{1,6})([smhd])")
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class Since(click.ParamType):  # type: ignore[type-arg]  # generic only in newer versions
    """`90s`, `30m`, `2h`, `7d`, or `2026-11-28T10:00` (local time unless it names a zone)."""

    name = "time"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        if isinstance(value, datetime):
            return value
        try:
            return moment(str(value), datetime.now(UTC))
        except (ValueError, OverflowError):
            self.fail(f"{value!r} is no time: write 2h, 7d or 2026-11-28T10:00", param, ctx)


def moment(text: str, now: datetime) -> datetime:
    """The moment that `text` means, in UTC. Raises `ValueError` or `OverflowError`."""
    if ago := AGO.fullmatch(text):
        return now - timedelta(seconds=int(ago[1]) * SECONDS[ago[2]])
    return datetime.fromisoformat(text).astimezone(UTC)
