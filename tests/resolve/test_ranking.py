from __future__ import annotations

from typing import Any

import msgspec
import pytest

from kfwd.kube.objects import Pod
from kfwd.resolve.ranking import rank, restarts
from tests.resolve.builders import pod

BETTER = {
    "assigned to a node": (pod("b"), pod("a", node=None)),
    "running before unknown": (pod("b"), pod("a", phase="Unknown")),
    "unknown before pending": (pod("b", phase="Unknown"), pod("a", phase="Pending")),
    "ready": (pod("b"), pod("a", ready=False)),
    "not being deleted": (pod("b"), pod("a", deleted=9)),
    "deleted later": (pod("b", deleted=9), pod("a", deleted=8)),
    "ready for longer": (pod("b", ready_at=1), pod("a", ready_at=2)),
    "fewer restarts": (pod("b", restarts=1), pod("a", restarts=2)),
    "older": (pod("b", created=1), pod("a", created=2)),
    "the name, so that the order is stable": (pod("a"), pod("b")),
    "ready counts more than deletion": (pod("b", deleted=9), pod("a", ready=False)),
    "ready time counts more than restarts": (pod("b", restarts=9), pod("a", ready_at=6)),
}


@pytest.mark.parametrize("why", BETTER)
def test_the_better_pod_comes_first(why: str) -> None:
    best, other = BETTER[why]
    assert sorted([other, best], key=rank) == [best, other]


def test_pending_succeeded_and_failed_rank_the_same() -> None:
    keys = {rank(pod("a", phase=phase)) for phase in ("Pending", "Succeeded", "Failed")}
    assert len(keys) == 1


def test_restarts_of_sidecars_count_apart_and_those_of_init_containers_not_at_all() -> None:
    body: dict[str, Any] = {
        "metadata": {"name": "a"},
        "spec": {
            "initContainers": [{"name": "proxy", "restartPolicy": "Always"}, {"name": "once"}]
        },
        "status": {
            "containerStatuses": [{"name": "app", "restartCount": 2}],
            "initContainerStatuses": [
                {"name": "proxy", "restartCount": 3},
                {"name": "once", "restartCount": 9},
            ],
        },
    }
    assert restarts(msgspec.convert(body, Pod)) == (2, 3)
