from __future__ import annotations

import msgspec
import pytest

from kfwd.decoding import decoder
from kfwd.kube import objects
from kfwd.kube.objects import EndpointSlice, List, Pod, Service, list_decoder


def test_kinds_know_their_paths() -> None:
    assert objects.PODS.path("shop") == "/api/v1/namespaces/shop/pods"
    assert objects.PODS.path("shop", "a") == "/api/v1/namespaces/shop/pods/a"
    assert objects.PODS.path() == "/api/v1/pods"
    assert objects.NODES.path() == "/api/v1/nodes"
    assert objects.NODES.path("ignored", "n") == "/api/v1/nodes/n"
    slices = objects.ENDPOINT_SLICES.path("shop")
    assert slices == "/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices"


def test_a_pod_is_read_as_the_api_writes_it() -> None:
    text = b"""{"kind": "Pod",
      "metadata": {"name": "a", "creationTimestamp": "2026-01-01T12:00:00Z",
      "deletionTimestamp": null, "managedFields": [{"anything": 1}]},
      "spec": {"nodeName": "n1", "containers": [{"name": "c", "ports": [{"containerPort": 80}]}],
        "initContainers": [{"name": "i", "ports": [{"name": "x", "containerPort": 81}]}]},
      "status": {"phase": "Running", "podIP": "10.0.0.1", "startTime": null,
        "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": null}]}}"""
    pod: Pod = decoder(Pod).decode(text)
    assert (pod.name, pod.spec.node_name, pod.status.pod_ip) == ("a", "n1", "10.0.0.1")
    assert pod.ready
    assert pod.running
    assert not pod.deleted
    assert [port.container_port for port in pod.ports()] == [80, 81]


def test_a_service_is_read_as_the_api_writes_it() -> None:
    text = b"""{"metadata": {"name": "web"}, "spec": {"clusterIP": "None", "selector": null,
      "ports": [{"port": 80, "targetPort": "http"}, {"port": 81, "targetPort": 8081}]}}"""
    service: Service = decoder(Service).decode(text)
    assert service.headless
    assert [port.target_port for port in service.ports] == ["http", 8081]


@pytest.mark.parametrize("nothing", [b"null", b"[]"])
def test_nulls_are_empty_lists(nothing: bytes) -> None:
    text = b'{"metadata": {"name": "web-1"}, "endpoints": %b, "ports": %b}' % (nothing, nothing)
    piece: EndpointSlice = decoder(EndpointSlice).decode(text)
    assert not piece.endpoints
    assert not piece.ports
    page = list_decoder(objects.PODS).decode(b'{"metadata": {}, "items": %b}' % nothing)
    assert not page.items


def test_a_page_has_its_own_version_and_the_token_of_the_next() -> None:
    text = b'{"metadata": {"resourceVersion": "7", "continue": "t"}, "items": [{"metadata": {}}]}'
    page: List[Pod] = list_decoder(objects.PODS).decode(text)
    assert (page.metadata.resource_version, page.metadata.continue_) == ("7", "t")
    assert isinstance((page.items or ())[0], Pod)


def test_the_slice_knows_its_service() -> None:
    meta = {"name": "x", "labels": {"kubernetes.io/service-name": "web"}}
    assert msgspec.convert({"metadata": meta}, EndpointSlice).service == "web"
    assert msgspec.convert({"metadata": {"name": "x"}}, EndpointSlice).service is None
