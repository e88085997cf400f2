"""The forward under test."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.entries.rig import Rig, rigged
from tests.front.rig import Rig as FrontRig
from tests.front.rig import fronted


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    async with rigged() as rig:
        yield rig


@pytest.fixture
async def front_rig() -> AsyncIterator[FrontRig]:
    """A front alone."""
    async with fronted() as rig:
        yield rig
