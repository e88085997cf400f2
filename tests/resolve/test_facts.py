from __future__ import annotations

import pytest

from kfwd.kube.objects import Pod
from kfwd.model import Problem, State
from kfwd.resolve.facts import Endpoint, Resolution, endpoint_of
from tests.resolve.builders import pod

PROBLEM = Problem(code="x", severity="error", text="x")
ENDPOINT = Endpoint(namespace="shop", pod="a", uid="1", port=80)


@pytest.mark.parametrize(
    ("resolution", "state"),
    [
        (Resolution(endpoints=(ENDPOINT,)), State.READY),
        (Resolution(endpoints=(ENDPOINT,), problem=PROBLEM), State.DEGRADED),
        (Resolution(problem=PROBLEM), State.WAITING),
        (Resolution(problem=PROBLEM, heals=False), State.FAILED),
    ],
)
def test_a_resolution_says_what_it_means_for_an_entry(resolution: Resolution, state: State) -> None:
    assert resolution.state is state


@pytest.mark.parametrize(
    ("given", "conditions"),
    [
        (pod("a"), (True, True, False)),
        (pod("a", ready=False), (False, False, False)),
        (pod("a", deleted=9), (False, True, True)),
        (pod("a", deleted=9, ready=False), (False, False, True)),
        (pod("a", phase="Failed", ready=True), (False, False, False)),
    ],
)
def test_a_pods_endpoint_has_the_conditions_its_slice_would_have(
    given: Pod, conditions: tuple[bool, bool, bool]
) -> None:
    endpoint = endpoint_of(given, 80)
    assert (endpoint.ready, endpoint.serving, endpoint.terminating) == conditions


def test_unready_addresses_may_be_published() -> None:
    assert endpoint_of(pod("a", ready=False), 80, even_unready=True).ready


def test_an_endpoint_knows_where_its_pod_is() -> None:
    endpoint = endpoint_of(pod("a"), 80)
    assert (endpoint.namespace, endpoint.uid) == ("shop", "uid-a")
    assert (endpoint.node, endpoint.address) == ("node-1", "10.0.0.1")
