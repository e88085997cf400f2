from __future__ import annotations

import pytest

from kfwd.sim.auth import (
    AUTHENTICATED,
    Authorizer,
    Tokens,
    User,
    certificate_user,
    empty_reason,
    forbidden,
    service_account,
)
from kfwd.sim.content import narrow_role
from kfwd.sim.requests import parse
from tests.sim.builders import ADMIN, create, filled

NARROW = User("sim-narrow", (AUTHENTICATED,))
PODS = "/api/v1/namespaces/demo/pods"


def rule(*subjects: dict[str, str], **fields: object) -> list[dict[str, object]]:
    """A role with one rule and its binding."""
    api = "rbac.authorization.k8s.io/v1"
    role = {"kind": "Role", "apiVersion": api, "metadata": {"name": "r"}, "rules": [fields]}
    ref = {"kind": "Role", "name": "r"}
    binding = {"kind": "RoleBinding", "apiVersion": api, "metadata": {"name": "r"}}
    return [role, {**binding, "roleRef": ref, "subjects": list(subjects)}]


def test_a_token_belongs_to_its_user_until_it_is_revoked() -> None:
    tokens = Tokens()
    token = tokens.issue(NARROW)
    assert tokens.user(token) == NARROW
    tokens.revoke(token)
    assert tokens.user(token) is None


def test_a_certificates_names_are_user_and_groups() -> None:
    subject = ((("organizationName", "system:masters"),), (("commonName", "me"),))
    assert certificate_user({"subject": subject}) == User("me", ("system:masters", AUTHENTICATED))
    assert certificate_user(None) is None
    assert certificate_user({}) is None


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", f"{PODS}/solo", True),
        ("POST", f"{PODS}/solo/portforward", True),
        ("GET", PODS, False),
        ("GET", f"{PODS}/solo/portforward", False),
        ("DELETE", f"{PODS}/solo", False),
        ("GET", "/api/v1/namespaces/other/pods/solo", False),
        ("GET", "/api/v1/namespaces/demo/services/web", False),
        ("GET", "/version", True),
        ("GET", "/apis/apps/v1", True),
        ("GET", "/metrics", False),
    ],
)
def test_a_narrow_role_allows_its_verbs_and_discovery(
    method: str, path: str, allowed: bool
) -> None:
    store = filled()
    for obj in narrow_role(NARROW.name):
        create(store, obj)
    assert Authorizer(store).allowed(NARROW, parse(method, path, {})) is allowed


def test_admins_may_everything() -> None:
    assert Authorizer(filled()).allowed(ADMIN, parse("DELETE", "/api/v1/nodes/n", {}))


def test_rules_may_name_objects_and_all_subresources() -> None:
    store = filled()
    subject = {"kind": "Group", "name": "devs"}
    fields = {"verbs": ["get", "list"], "apiGroups": [""], "resources": ["pods", "*/log"]}
    for obj in rule(subject, resourceNames=["a"], **fields):
        create(store, obj)
    user, authorizer = User("x", ("devs",)), Authorizer(store)
    assert authorizer.allowed(user, parse("GET", f"{PODS}/a", {}))
    assert not authorizer.allowed(user, parse("GET", f"{PODS}/b", {}))
    assert authorizer.allowed(user, parse("GET", f"{PODS}/a/log", {}))
    assert authorizer.allowed(user, parse("GET", PODS, {"fieldSelector": "metadata.name=a"}))
    assert not authorizer.allowed(user, parse("GET", PODS, {}))


def test_service_accounts_are_subjects() -> None:
    store = filled()
    subject = {"kind": "ServiceAccount", "name": "bot", "namespace": "demo"}
    for obj in rule(subject, verbs=["*"], apiGroups=["*"], resources=["*"]):
        create(store, obj)
    info = parse("DELETE", f"{PODS}/a", {})
    assert Authorizer(store).allowed(service_account("demo", "bot"), info)
    assert not Authorizer(store).allowed(service_account("other", "bot"), info)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (
            f"{PODS}/web-0/portforward",
            'pods "web-0" is forbidden: User "u" cannot create resource "pods/portforward" in API '
            'group "" in the namespace "demo"',
        ),
        (
            "/apis/apps/v1/namespaces/demo/deployments",
            'deployments.apps is forbidden: User "u" cannot create resource "deployments" in API '
            'group "apps" in the namespace "demo"',
        ),
        (
            "/api/v1/nodes",
            'nodes is forbidden: User "u" cannot create resource "nodes" in API group "" at the '
            "cluster scope",
        ),
        ("/sim/faults", 'forbidden: User "u" cannot post path "/sim/faults"'),
    ],
)
def test_a_refusal_reads_like_the_api_servers(path: str, text: str) -> None:
    assert forbidden(User("u"), parse("POST", path, {})).message == text


def test_the_second_check_of_a_websocket_upgrade_gives_no_reason() -> None:
    info = parse("GET", f"{PODS}/web-0/portforward", {})
    assert empty_reason(info).message == 'pods "web-0" is forbidden: '
