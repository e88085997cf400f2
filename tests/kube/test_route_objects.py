from __future__ import annotations

import pytest

from kfwd.decoding import decoder
from kfwd.kube import route_objects
from kfwd.kube.objects import Kind, Service, list_decoder
from kfwd.kube.route_objects import Gateway, HTTPRoute, Ingress, ReferenceGrant

INGRESS = b"""{"apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
  "metadata": {"name": "web", "namespace": "shop", "creationTimestamp": "2026-01-01T12:00:00Z",
    "annotations": {"nginx.ingress.kubernetes.io/rewrite-target": "/"}},
  "spec": {"ingressClassName": "nginx",
    "defaultBackend": {"service": {"name": "rest", "port": {"number": 80}}},
    "tls": [{"hosts": ["foo.bar.com"], "secretName": "cert"}],
    "rules": [{"host": "foo.bar.com", "http": {"paths": [
      {"path": "/foo", "pathType": "Prefix",
       "backend": {"service": {"name": "web", "port": {"name": "http"}}}}]}},
      {"host": "bare.bar.com"}]},
  "status": {"loadBalancer": {"ingress": [{"ip": "127.0.0.31", "ports": []},
    {"hostname": "lb.example"}, {}]}}}"""

ROUTE = b"""{"metadata": {"name": "web", "namespace": "shop"}, "spec": {
  "parentRefs": [{"name": "public", "namespace": "infra", "sectionName": "http"}],
  "hostnames": ["foo.bar.com"],
  "rules": [{"matches": [{"path": {"type": "PathPrefix", "value": "/v2"}, "method": "GET",
      "headers": [{"name": "X-Beta", "value": "1"}],
      "queryParams": [{"type": "RegularExpression", "name": "q", "value": "a+"}]}],
    "timeouts": {"request": "3s"},
    "filters": [{"type": "URLRewrite", "urlRewrite": {"hostname": "in.bar.com",
      "path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/"}}},
      {"type": "RequestHeaderModifier", "requestHeaderModifier":
        {"set": [{"name": "a", "value": "b"}], "add": null, "remove": ["c"]}}],
    "backendRefs": [{"name": "web", "port": 80, "weight": 9}]}]}}"""


def test_an_ingress_is_read_as_the_api_writes_it() -> None:
    ingress: Ingress = decoder(Ingress).decode(INGRESS)
    [rule, bare] = ingress.spec.rules or ()
    [path] = rule.paths
    assert (path.path, path.path_type) == ("/foo", "Prefix")
    assert path.backend.service is not None
    assert (path.backend.service.name, str(path.backend.service.port)) == ("web", "http")
    assert bare.paths == ()
    assert ingress.annotations == {"nginx.ingress.kubernetes.io/rewrite-target": "/"}
    assert ingress.status.load_balancer.addresses == ("127.0.0.31", "lb.example")
    default = ingress.spec.default_backend
    assert default is not None
    assert default.service is not None
    assert str(default.service.port) == "80"


@pytest.mark.parametrize(
    ("field", "annotation", "expected"),
    [("nginx", "old", "nginx"), (None, "old", "old"), (None, None, None)],
)
def test_the_class_is_the_field_or_else_the_old_annotation(
    field: str | None, annotation: str | None, expected: str | None
) -> None:
    ingress = Ingress(
        metadata=route_objects.AnnotatedMeta(
            annotations={"kubernetes.io/ingress.class": annotation} if annotation else None
        ),
        spec=route_objects.IngressSpec(ingress_class_name=field),
    )
    assert ingress.class_name == expected


def test_a_route_is_read_as_the_api_writes_it() -> None:
    route: HTTPRoute = decoder(HTTPRoute).decode(ROUTE)
    [rule] = route.spec.rules or ()
    [match] = rule.matches or ()
    assert match.path == route_objects.PathMatch(type="PathPrefix", value="/v2")
    assert match.query_params is not None
    assert match.query_params[0].type == "RegularExpression"
    [rewrite, headers] = rule.filters or ()
    assert rewrite.url_rewrite is not None
    assert rewrite.url_rewrite.path is not None
    assert rewrite.url_rewrite.path.replace_prefix_match == "/"
    assert headers.request_header_modifier is not None
    assert headers.request_header_modifier.remove == ("c",)
    [parent] = route.spec.parent_refs or ()
    assert (parent.namespace, parent.section_name) == ("infra", "http")


def test_a_gateway_and_a_grant_are_read_as_the_api_writes_them() -> None:
    gateway: Gateway = decoder(Gateway).decode(
        b"""{"metadata": {"name": "public"}, "spec": {"gatewayClassName": "x", "listeners": [
          {"name": "http", "port": 80, "protocol": "HTTP", "hostname": "*.bar.com",
           "allowedRoutes": {"namespaces": {"from": "All"}, "kinds": [{"kind": "HTTPRoute"}]}}]},
          "status": {"addresses": [{"type": "IPAddress", "value": "127.0.0.32"}]}}"""
    )
    [listener] = gateway.spec.listeners or ()
    assert listener.allowed_routes is not None
    assert listener.allowed_routes.namespaces is not None
    assert listener.allowed_routes.namespaces.from_ == "All"
    assert gateway.addresses == ("127.0.0.32",)
    grant: ReferenceGrant = decoder(ReferenceGrant).decode(
        b"""{"metadata": {"name": "g"}, "spec": {"to": [{"group": "", "kind": "Service"}],
          "from": [{"group": "gateway.networking.k8s.io", "kind": "HTTPRoute",
                    "namespace": "shop"}]}}"""
    )
    assert grant.spec.from_ is not None
    assert grant.spec.from_[0].namespace == "shop"


def test_a_service_has_what_its_routes_need() -> None:
    service: Service = decoder(Service).decode(
        b"""{"metadata": {"name": "web"}, "spec": {"type": "LoadBalancer",
          "clusterIP": "127.0.1.1", "clusterIPs": ["127.0.1.1"],
          "externalTrafficPolicy": "Local", "loadBalancerSourceRanges": ["10.0.0.0/8"],
          "ports": [{"port": 80, "nodePort": 30080}]},
          "status": {"loadBalancer": {"ingress": [{"ip": "127.0.0.31"}]}}}"""
    )
    spec = service.spec
    assert spec.external_traffic_policy == "Local"
    assert (spec.cluster_ips, spec.load_balancer_source_ranges) == (("127.0.1.1",), ("10.0.0.0/8",))
    assert service.ports[0].node_port == 30080
    assert service.status.load_balancer.addresses == ("127.0.0.31",)


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        (route_objects.INGRESSES, "/apis/networking.k8s.io/v1/namespaces/shop/ingresses"),
        (route_objects.GATEWAYS, "/apis/gateway.networking.k8s.io/v1/namespaces/shop/gateways"),
        (
            route_objects.HTTP_ROUTES,
            "/apis/gateway.networking.k8s.io/v1/namespaces/shop/httproutes",
        ),
        (
            route_objects.REFERENCE_GRANTS,
            "/apis/gateway.networking.k8s.io/v1beta1/namespaces/shop/referencegrants",
        ),
    ],
)
def test_kinds_know_their_paths_and_decode_their_lists(kind: Kind[Ingress], path: str) -> None:
    assert kind.path("shop") == path
    page = list_decoder(kind).decode(b'{"metadata": {}, "items": [{"metadata": {"name": "a"}}]}')
    assert isinstance((page.items or ())[0], kind.type)


def test_the_oldest_object_comes_first_and_ties_go_by_name() -> None:
    def made(name: str, at: str) -> Ingress:
        text = '{"metadata": {"name": "%s", "namespace": "n", "creationTimestamp": "%s"}}'
        found: Ingress = decoder(Ingress).decode((text % (name, at)).encode())
        return found

    early, late = "2026-01-01T12:00:00Z", "2026-01-01T12:01:00Z"
    known = [made("b", late), made("a", late), made("c", early)]
    assert [item.name for item in sorted(known, key=route_objects.age)] == ["c", "a", "b"]
    assert route_objects.full_name(known[0]) == "n/b"
