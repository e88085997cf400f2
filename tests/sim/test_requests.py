from __future__ import annotations

import pytest

from kfwd.sim.requests import Info, parse, query_of, truthy

NS = "/api/v1/namespaces/demo"


@pytest.mark.parametrize(
    ("request_line", "query", "what"),
    [
        (f"GET {NS}/pods", {}, "list pods "),
        (f"GET {NS}/pods", {"watch": "1"}, "watch pods "),
        (f"GET {NS}/pods/a", {}, "get pods a"),
        (f"GET {NS}/services/a/proxy/x", {"watch": "1"}, "get services/proxy a"),
        (f"GET {NS}/pods%2Fa%2Fexec", {}, "get pods/exec a"),
        (f"POST {NS}/pods/a/portforward", {}, "create pods/portforward a"),
        (f"GET {NS}/pods/a/portforward", {}, "get pods/portforward a"),
        (f"PUT {NS}/pods/a/status", {}, "update pods/status a"),
        (f"PATCH {NS}/pods/a", {}, "patch pods a"),
        (f"DELETE {NS}/pods/a", {}, "delete pods a"),
        (f"DELETE {NS}/pods", {}, "deletecollection pods "),
        (f"GET {NS}", {}, "get namespaces demo"),
        (f"PUT {NS}/status", {}, "update namespaces/status demo"),
        (f"GET {NS}/pods", {"fieldSelector": "metadata.name=x"}, "list pods x"),
    ],
)
def test_verb_and_resource_follow_from_method_and_path(
    request_line: str, query: dict[str, str], what: str
) -> None:
    method, path = request_line.split(" ")
    info = parse(method, path, query)
    assert f"{info.verb} {info.full_resource} {info.name}" == what
    assert info.namespace == "demo"


def test_groups_and_cluster_scope_are_told_apart() -> None:
    info = parse("GET", "/apis/apps/v1/deployments", {})
    assert (info.group, info.version, info.resource, info.namespace) == (
        "apps",
        "v1",
        "deployments",
        "",
    )
    assert parse("GET", "/api/v1/nodes/n", {}).name == "n"
    assert parse("GET", f"{NS}/services/web/proxy/a/b", {}).full_resource == "services/proxy"


@pytest.mark.parametrize("path", ["/version", "/api", "/api/v1", "/apis/apps/v1", "/sim/faults"])
def test_other_paths_are_no_resources(path: str) -> None:
    assert parse("GET", path, {}) == Info(verb="get", path=path)


def test_names_are_decoded_and_of_repeated_query_values_the_first_counts() -> None:
    assert parse("GET", "/apis/rbac.authorization.k8s.io/v1/clusterroles/a%3Ab", {}).name == "a:b"
    assert query_of("a=1&b=&a=2") == {"a": "1", "b": ""}
    assert truthy("true")
    assert not truthy("0")
    assert not truthy(None)
