"""What a doctor tells, with only what a test cares about spelled out."""

from __future__ import annotations

from typing import Any

from kfwd.api_doctor import Finding, HopWalked

FINDING = Finding(
    about="dev/web",
    hop="port",
    severity="error",
    code="port-refused",
    text="nothing listens",
    hint="start it",
    also=("dev/a", "dev/b"),
)


def hop(about: str, name: Any, state: Any, text: str = "", **fields: Any) -> HopWalked:
    return HopWalked(about=about, hop=name, state=state, text=text, **fields)
