"""The listener under test."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.proxy.rig import Rig, rigged


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    async with rigged() as rig:
        yield rig
