"""The simulated cluster's proof: the real kubectl works against it."""

from __future__ import annotations

import pytest

from tests.e2e.conftest import Sim

pytestmark = pytest.mark.e2e


def test_get_prints_the_pods_of_the_demo_as_a_table(sim: Sim) -> None:
    rows = sim.kubectl("get", "pods").stdout.splitlines()
    assert rows[0].split() == ["NAME", "READY", "STATUS", "RESTARTS", "AGE"]
    names = [row.split()[0] for row in rows[1:]]
    assert [name.split("-")[0] for name in names] == ["db", "db", "solo", "web", "web", "web"]
    assert all(row.split()[1:3] == ["1/1", "Running"] for row in rows[1:])
