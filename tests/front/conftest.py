"""The front under test."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from kfwd.tunnel.pool import Pool
from tests.front.rig import Rig
from tests.tunnel.peer import peers


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    async with peers() as hub:
        pool = Pool("test", hub)  # type: ignore[arg-type]  # a dialer, without HTTP
        rig = Rig(hub, pool)
        yield rig
        for app in rig.apps:
            app.close()
        assert await rig.front.close() == []
        assert await pool.close() == []
