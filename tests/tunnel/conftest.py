"""Peers, and a pool of sessions to them."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from kfwd.tunnel.pool import Pool
from tests.tunnel.peer import Peers, peers


@pytest.fixture
async def hub() -> AsyncIterator[Peers]:
    async with peers() as running:
        yield running


@pytest.fixture
async def pool(hub: Peers) -> AsyncIterator[Pool]:
    pool = Pool("test", hub)  # type: ignore[arg-type]  # a dialer, without HTTP
    yield pool
    assert await pool.close() == []
