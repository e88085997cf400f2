from __future__ import annotations

from typing import Any

import pytest

from kfwd.sim import reviews
from kfwd.sim.auth import AUTHENTICATED, Authorizer, User
from kfwd.sim.content import narrow_role
from tests.sim.builders import ADMIN, create, filled

NARROW = User("sim-narrow", (AUTHENTICATED,))


def nothing(verb: str, resource: str) -> bool:
    return False


def authorizer() -> Authorizer:
    store = filled()
    for obj in narrow_role(NARROW.name):
        create(store, obj)
    return Authorizer(store)


def access(user: User, **spec: Any) -> bool:
    review = {"kind": "SelfSubjectAccessReview", "spec": spec}
    found = reviews.answer("selfsubjectaccessreviews", authorizer(), nothing, user, review)
    allowed: bool = found["status"]["allowed"]
    return allowed


@pytest.mark.parametrize(
    ("about", "allowed"),
    [
        ({"verb": "get", "resource": "pods", "namespace": "demo"}, True),
        ({"verb": "list", "resource": "pods", "namespace": "demo"}, False),
        ({"verb": "get", "resource": "pods"}, False),
        (
            {
                "verb": "create",
                "resource": "pods",
                "subresource": "portforward",
                "namespace": "demo",
                "name": "x",
            },
            True,
        ),
    ],
)
def test_may_i_asks_the_rules(about: dict[str, str], allowed: bool) -> None:
    assert access(NARROW, resourceAttributes=about) is allowed
    assert access(ADMIN, resourceAttributes=about)


def test_paths_can_be_asked_about() -> None:
    assert access(NARROW, nonResourceAttributes={"verb": "get", "path": "/version"})
    assert not access(NARROW, nonResourceAttributes={"verb": "get", "path": "/metrics"})


def test_what_may_i_lists_the_rules() -> None:
    review = {"spec": {"namespace": "demo"}}
    found = reviews.answer("selfsubjectrulesreviews", authorizer(), nothing, NARROW, review)
    rules = found["status"]["resourceRules"]
    assert {"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]} in rules
    assert any("/version" in r["nonResourceURLs"] for r in found["status"]["nonResourceRules"])


def test_who_am_i_names_user_and_groups() -> None:
    found = reviews.answer("selfsubjectreviews", authorizer(), nothing, NARROW, {})
    assert found["status"]["userInfo"] == {"username": "sim-narrow", "groups": [AUTHENTICATED]}
