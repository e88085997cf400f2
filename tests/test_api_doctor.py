"""Facts about an entry, as other programs see them."""

from __future__ import annotations

import msgspec

from kfwd.api_doctor import Fact, Hops
from tests.daemon.records import THEN


def test_a_fact_is_told_with_everything_about_it() -> None:
    fact = Fact(part="session", state="ok", text="up", since=THEN, latency_ms=2.5)
    assert msgspec.json.encode(Hops(id="dev/web", facts=(fact,))) == (
        b'{"id":"dev/web","facts":[{"part":"session","state":"ok","text":"up",'
        b'"since":"2026-01-01T12:00:00Z","code":null,"hint":null,"latency_ms":2.5}]}'
    )
