"""Requests through the whole API, without sockets."""

from __future__ import annotations

import base64

import pytest

from kfwd.sim.api import Api
from kfwd.sim.auth import AUTHENTICATED, User
from kfwd.sim.exchange import Answer
from kfwd.sim.logs import LogAnswer
from kfwd.sim.podlog import PodLog
from kfwd.sim.status import StatusError
from tests.sim.builders import Asker, create, pod, service

PODS = "/api/v1/namespaces/demo/pods"
CERTIFICATE = {"subject": ((("commonName", "admin"),), (("organizationName", "system:masters"),))}


def test_a_wrong_token_is_unauthorized_and_no_token_sees_public_paths_only() -> None:
    asker = Asker()
    for value in ("Bearer wrong", "Basic abc"):
        error = asker.refusal("GET", PODS, authorization=value)
        assert (error.code, error.message) == (401, "Unauthorized")
    asker.headers = {}
    assert asker.refusal("GET", PODS).code == 401
    assert asker.json("GET", "/version")["gitVersion"].startswith("v1.36")


def test_a_client_certificate_counts_before_a_foreign_token() -> None:
    asker = Asker()
    answer = asker.api.answer("GET", PODS, {"authorization": "Bearer x"}, CERTIFICATE)
    assert isinstance(answer, Answer)
    assert answer.code == 200


def test_who_may_not_is_forbidden() -> None:
    asker = Asker(User("bob", (AUTHENTICATED,)))
    assert asker.refusal("GET", PODS).code == 403
    assert asker.json("GET", "/apis")["kind"] == "APIGroupList"


def test_impersonation_needs_the_right_and_changes_the_user() -> None:
    admin, bob = Asker(), Asker(User("bob", (AUTHENTICATED,)))
    assert '"ann"' in admin.refusal("GET", PODS, impersonate_user="ann").message
    assert "cannot impersonate" in bob.refusal("GET", PODS, impersonate_user="ann").message
    found = admin.json("GET", PODS, impersonate_user="ann", impersonate_group="system:masters")
    assert found["kind"] == "PodList"


def test_unknown_paths_resources_and_methods_are_told_apart() -> None:
    asker = Asker()
    assert asker.refusal("GET", "/api/v1/namespaces/demo/gadgets").code == 404
    assert asker.refusal("POST", "/version").code == 405
    assert asker.refusal("POST", "/api/v1/pods", {}).code == 405
    assert asker.refusal("GET", f"{PODS}/a/fly").code == 404
    assert asker.refusal("GET", "/api/v1/namespaces/demo/configmaps/a/status").code == 404


@pytest.mark.parametrize(
    "path",
    ["/nothing", "/apis/apps/v2/deployments", "/apis/gateway.networking.k8s.io/v1/tlsroutes"],
)
def test_what_no_group_serves_is_no_status(path: str) -> None:
    answer = Asker().api.answer("GET", path, {}, CERTIFICATE)
    assert isinstance(answer, Answer)
    assert (answer.code, answer.body) == (404, b"404 page not found\n")


@pytest.mark.parametrize("path", ["/healthz", "/livez", "/readyz", "/readyz?verbose"])
def test_health_is_plain_text(path: str) -> None:
    answer = Asker().ask("GET", path)
    assert isinstance(answer, Answer)
    assert b"ok" in answer.body
    assert answer.content_type.startswith("text/plain")


def test_overload_is_429_with_the_headers_of_priority_and_fairness() -> None:
    asker = Asker()
    asker.faults.merge(b'{"too_many_requests": 1, "retry_after_s": 2}')
    answer = asker.ask("GET", PODS)
    assert isinstance(answer, Answer)
    assert (answer.code, answer.headers["Retry-After"]) == (429, "2")
    assert answer.body == b"Too many requests, please try again later.\n"
    assert {h for h in answer.headers if h.startswith("X-Kubernetes-PF-")} == {
        "X-Kubernetes-PF-FlowSchema-UID",
        "X-Kubernetes-PF-PriorityLevel-UID",
    }
    assert asker.json("GET", PODS)["kind"] == "PodList"


def test_faults_expire_tokens_and_forbid_what_they_name() -> None:
    asker = Asker()
    asker.faults.merge(b'{"token_expired": true}')
    assert asker.refusal("GET", PODS).code == 401
    asker.faults.merge(b'{"token_expired": false, "forbid": ["list pods"]}')
    assert asker.refusal("GET", PODS).code == 403
    assert asker.json("GET", "/api/v1/nodes")["kind"] == "NodeList"


def portforward(asker: Asker, method: str, name: str, query: str = "") -> StatusError:
    """The refusal of a port-forward request."""
    with pytest.raises(StatusError) as caught:
        asker.api.portforward_pod(method, f"{PODS}/{name}/portforward{query}", asker.headers, None)
    return caught.value


def test_port_forward_finds_scheduled_pods_only() -> None:
    asker = Asker()
    create(asker.store, pod("waiting"))
    placed = create(asker.store, pod("placed", nodeName="node-1"))
    target = f"{PODS}/placed/portforward?ports=80"
    assert asker.api.portforward_pod("POST", target, asker.headers, None) == placed
    assert portforward(asker, "POST", "x").message == 'pods "x" not found'
    error = portforward(asker, "POST", "waiting")
    assert (error.code, error.message) == (400, "pod waiting does not have a host assigned")
    assert portforward(asker, "DELETE", "placed").code == 405
    assert portforward(asker, "POST", "placed", "?dryRun=All").code == 400


def test_port_forward_over_get_needs_create_as_well() -> None:
    """Since 1.35 (protocol notes A.2 and L.21)."""
    asker = Asker()
    create(asker.store, pod("a", nodeName="node-1"))
    asker.faults.merge(b'{"forbid": ["create pods/portforward"]}')
    assert portforward(asker, "GET", "a").message == 'pods "a" is forbidden: '
    assert "cannot create resource" in portforward(asker, "POST", "a").message
    asker.faults.merge(b'{"forbid": ["get pods/portforward"]}')
    assert "cannot get resource" in portforward(asker, "GET", "a").message


def test_a_websocket_may_carry_its_token_as_a_subprotocol() -> None:
    asker = Asker()
    placed = create(asker.store, pod("a", nodeName="node-1"))
    token = asker.headers["authorization"].removeprefix("Bearer ")
    text = base64.urlsafe_b64encode(token.encode()).decode().rstrip("=")
    offered = f"v4.channel.k8s.io, base64url.bearer.authorization.k8s.io.{text}"
    headers = {"sec-websocket-protocol": offered}
    target = f"{PODS}/a/portforward"
    assert asker.api.portforward_pod("GET", target, headers, None) == placed
    headers["sec-websocket-protocol"] = "base64url.bearer.authorization.k8s.io.%%"
    with pytest.raises(StatusError) as caught:
        asker.api.portforward_pod("GET", target, headers, None)
    assert caught.value.code == 401


def test_reviews_are_answered() -> None:
    asker = Asker()
    about = {"verb": "create", "resource": "pods", "subresource": "portforward"}
    body = {"kind": "SelfSubjectAccessReview", "spec": {"resourceAttributes": about}}
    path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    assert asker.json("POST", path, body)["status"]["allowed"] is True
    asker.faults.merge(b'{"forbid": ["create pods/portforward"]}')
    assert asker.json("POST", path, body)["status"]["allowed"] is False
    assert asker.refusal("GET", path).code == 405


def test_objects_are_made_changed_and_deleted() -> None:
    asker = Asker()
    services = "/api/v1/namespaces/demo/services"
    made = asker.json("POST", services, service("web", {"http": 80}))
    assert made["spec"]["clusterIP"].startswith("127.")
    patch = {"metadata": {"labels": {"a": "b"}}}
    kind = "application/merge-patch+json"
    changed = asker.json("PATCH", f"{services}/web", patch, content_type=kind)
    assert changed["metadata"]["labels"]["a"] == "b"
    assert asker.json("DELETE", f"{services}/web")["status"] == "Success"
    assert asker.refusal("GET", f"{services}/web").code == 404


def test_a_log_is_that_of_the_pods_own_process() -> None:
    asker = Asker()
    made = create(asker.store, pod("a", nodeName="node-1"))
    logs = {made["metadata"]["uid"]: PodLog()}
    api = Api(asker.store, asker.tokens, asker.faults, logs.get)
    asker.store.update("pods", "demo", "a", lambda o: o["status"].update(phase="Running"))
    answer = api.answer("GET", f"{PODS}/a/log", asker.headers, None)
    assert isinstance(answer, LogAnswer)
    assert answer.log is logs[made["metadata"]["uid"]]
    with pytest.raises(StatusError) as caught:
        api.answer("GET", f"{PODS}/b/log", asker.headers, None)
    assert caught.value.code == 404


def test_a_removed_kind_is_told_what_to_write_instead() -> None:
    path = "/apis/extensions/v1beta1/namespaces/demo/ingresses"
    error = Asker().refusal("POST", path, {"metadata": {"name": "a"}})
    assert error.code == 404
    assert error.message.startswith("ingress a is written for extensions/v1beta1")
    assert "write apiVersion: networking.k8s.io/v1" in error.message
    answer = Asker().ask("GET", path)
    assert isinstance(answer, Answer)
    assert answer.code == 404


def test_a_proxied_request_is_authorized_by_its_method() -> None:
    asker = Asker()
    asker.faults.merge(b'{"forbid": ["update services/proxy"]}')
    target = "/api/v1/namespaces/demo/services/http:web:80/proxy/a?watch=1"
    info = asker.api.proxied("GET", target, asker.headers, None)
    assert (info.verb, info.full_resource, info.name) == ("get", "services/proxy", "http:web:80")
    with pytest.raises(StatusError) as caught:
        asker.api.proxied("PUT", target, asker.headers, None)
    assert caught.value.code == 403
