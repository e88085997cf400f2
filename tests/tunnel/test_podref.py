"""A pod is one pod for its whole life and no longer."""

from __future__ import annotations

from kfwd.tunnel.podref import PodRef


def test_a_pod_made_anew_under_the_same_name_is_another() -> None:
    first = PodRef("shop", "db-0", "uid-1")
    assert first == PodRef("shop", "db-0", "uid-1")
    assert len({first, PodRef("shop", "db-0", "uid-1"), PodRef("shop", "db-0", "uid-2")}) == 2
