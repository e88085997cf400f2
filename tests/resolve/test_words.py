from __future__ import annotations

import pytest

from kfwd.kube.objects import Pod
from kfwd.resolve import words
from tests.resolve.builders import pod

UNSCHEDULED = [
    {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/4 nodes"}
]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (pod("a"), "is ready"),
        (pod("a", ready=False), "is running but not ready"),
        (pod("a", ready=False, restarts=1), "is running but not ready after 1 restart"),
        (pod("a", ready=False, waiting="CrashLoopBackOff"), "is CrashLoopBackOff"),
        (
            pod("a", ready=False, waiting="CrashLoopBackOff", restarts=4),
            "is CrashLoopBackOff after 4 restarts",
        ),
        (pod("a", phase="Pending", waiting="ImagePullBackOff"), "is ImagePullBackOff"),
        (pod("a", phase="Pending", waiting="PodInitializing"), "is Pending"),
        (pod("a", phase="Pending", conditions=UNSCHEDULED), "is Pending: 0/4 nodes"),
        (pod("a", phase=""), "is not started"),
        (pod("a", phase="Failed"), "has failed"),
        (pod("a", phase="Failed", reason="Evicted"), "has failed (Evicted)"),
        (pod("a", phase="Succeeded"), "has finished"),
        (pod("a", deleted=9, waiting="CrashLoopBackOff"), "is being deleted"),
    ],
)
def test_what_ails_a_pod_is_said_in_one_predicate(given: Pod, says: str) -> None:
    assert words.ailment(given) == says


def test_a_stuck_init_container_is_what_ails_a_pod() -> None:
    state = {"name": "init", "state": {"waiting": {"reason": "ErrImagePull"}}}
    stuck = pod("a", phase="Pending", waiting="PodInitializing", initContainerStatuses=[state])
    assert words.ailment(stuck) == "is ErrImagePull"


def test_only_some_pods_are_named() -> None:
    pods = [pod(f"web-{i}", phase="Pending") for i in range(5)]
    assert words.ailments(pods) == (
        "web-0 is Pending, web-1 is Pending, web-2 is Pending and 2 more"
    )


@pytest.mark.parametrize(
    ("states", "down"),
    [
        ([], False),
        ([{"running": {}}, {"waiting": {"reason": "CrashLoopBackOff"}}], False),
        ([{"terminated": {"reason": "Error"}}, {"waiting": {"reason": "x"}}], True),
    ],
)
def test_a_pod_is_down_when_no_container_runs(states: list[dict[str, object]], down: bool) -> None:
    statuses = [{"name": str(i), "state": state} for i, state in enumerate(states)]
    assert words.all_down(pod("a", containerStatuses=statuses)) is down


@pytest.mark.parametrize(
    ("names", "hint"),
    [
        (["web", "db"], "did you mean svc/web?"),
        (["zzz", "yyy"], "there are yyy, zzz"),
        (["p", "q", "r", "s"], "there are p, q, r, ..."),
        ([], None),
    ],
)
def test_a_hint_names_what_there_is(names: list[str], hint: str | None) -> None:
    assert words.did_you_mean("wbe", names, "svc") == hint
