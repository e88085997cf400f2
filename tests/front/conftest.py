"""The front under test."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.front.rig import Rig, fronted


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    async with fronted() as rig:
        yield rig
