"""Requests as lines."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from kfwd.api_model import RequestView
from kfwd.model import Bytes
from kfwd.text import clock
from kfwd.tui.pieces import text
from kfwd.tui.request_lines import heading, request, tone

AT = datetime(2026, 1, 1, 12, 30, 1, tzinfo=UTC)


def asked(**changes: Any) -> RequestView:
    known: dict[str, Any] = {
        "time": AT,
        "method": "GET",
        "path": "/orders",
        "status": 200,
        "duration_ms": 3.14,
        "bytes": Bytes(received=812),
        "pod": "web-0",
    }
    return RequestView(**(known | changes))


def test_a_line() -> None:
    assert text(request(asked())) == f"   {clock(AT)} GET     200    3.1 ms   812 B  /orders"
    assert " -  " in text(request(asked(status=0)))
    assert text(request(asked())).index("/orders") == text(heading(80)).index("PATH")


@pytest.mark.parametrize(
    ("status", "found"), [(0, "warn"), (204, "good"), (302, "good"), (404, "warn"), (503, "bad")]
)
def test_tones(status: int, found: str) -> None:
    assert tone(status) == found
