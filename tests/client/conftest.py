from __future__ import annotations

from collections.abc import Iterator

import pytest

from kfwd.client.calls import Client
from tests.standin import StandIn, standing_in


@pytest.fixture
def server() -> Iterator[StandIn]:
    with standing_in() as server:
        yield server


@pytest.fixture
def client(server: StandIn) -> Client:
    return Client([server.folder], timeout_s=5)
