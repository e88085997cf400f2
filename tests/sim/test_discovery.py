from __future__ import annotations

from typing import Any

from kfwd.sim import discovery

AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"


def document(path: str, accept: str = "application/json") -> dict[str, Any]:
    found = discovery.document(path, accept, "here")
    assert found is not None
    assert isinstance(found[0], dict)
    return found[0]


def test_both_forms_of_discovery_name_the_same_resources() -> None:
    plain = {r["name"] for r in document("/apis/apps/v1")["resources"]}
    groups = document("/apis", AGGREGATED)["items"]
    [apps] = [g for g in groups if g["metadata"]["name"] == "apps"]
    [version] = apps["versions"]
    names = set()
    for resource in version["resources"]:
        names.add(resource["resource"])
        names |= {
            f"{resource['resource']}/{s['subresource']}" for s in resource.get("subresources", ())
        }
    assert names == plain
    assert "deployments/scale" in names


def test_aggregated_discovery_is_given_to_those_who_ask_for_v2() -> None:
    found = discovery.document("/api", AGGREGATED, "here")
    assert found is not None
    assert found[1] == AGGREGATED
    assert document("/api", AGGREGATED.replace("v=v2", "v=v2beta1"))["kind"] == "APIVersions"
    assert document("/api")["versions"] == ["v1"]


def test_groups_and_versions_have_documents_and_others_have_none() -> None:
    assert document("/api/v1")["groupVersion"] == "v1"
    assert document("/apis/batch")["preferredVersion"]["groupVersion"] == "batch/v1"
    assert document("/version")["minor"] == "36"
    for path in ("/api/v2", "/apis/batch/v2", "/apis/none", "/openapi/v4", "/sim"):
        assert discovery.document(path, "", "here") is None


def test_pods_have_short_names_and_a_port_forward() -> None:
    entries = {r["name"]: r for r in document("/api/v1")["resources"]}
    assert entries["pods"]["shortNames"] == ["po"]
    assert entries["pods/portforward"]["verbs"] == ["create", "get"]
    assert entries["pods/portforward"]["kind"] == "PodPortForwardOptions"
    assert entries["namespaces"]["namespaced"] is False


def test_a_group_may_have_several_versions() -> None:
    group = document("/apis/gateway.networking.k8s.io")
    assert [version["version"] for version in group["versions"]] == ["v1", "v1beta1"]
    assert group["preferredVersion"]["version"] == "v1"
    [beta] = document("/apis/gateway.networking.k8s.io/v1beta1")["resources"]
    assert beta["name"] == "referencegrants"
    groups = {g["metadata"]["name"]: g for g in document("/apis", AGGREGATED)["items"]}
    versions = groups["gateway.networking.k8s.io"]["versions"]
    assert [len(version["resources"]) for version in versions] == [3, 1]
