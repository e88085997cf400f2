"""Ingress and Gateway API objects as far as kfwd looks at them.

Like `kfwd.kube.objects`: partial Structs with the API's own names, where a null is an empty list.
Sources: https://kubernetes.io/docs/reference/kubernetes-api/service-resources/ingress-v1/ and
https://gateway-api.sigs.k8s.io/reference/spec/ (HTTPRoute and Gateway v1, ReferenceGrant v1beta1).
"""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct, field

from kfwd.kube.objects import Kind, LabelSelector, LoadBalanced, ObjectMeta, Resource

NETWORKING = "/apis/networking.k8s.io/v1"
GATEWAY_GROUP = "gateway.networking.k8s.io"
GATEWAY_API = f"/apis/{GATEWAY_GROUP}/v1"
GATEWAY_API_BETA = f"/apis/{GATEWAY_GROUP}/v1beta1"


class AnnotatedMeta(ObjectMeta, frozen=True, kw_only=True, rename="camel", gc=False):
    """Metadata with annotations, which are not read where nobody looks at them."""

    annotations: dict[str, str] | None = None


class ServiceBackendPort(Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    """`name` or `number` is set."""

    name: str | None = None
    number: int | None = None

    def __str__(self) -> str:
        return self.name or str(self.number or "")


class IngressService(Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    name: str
    port: ServiceBackendPort = ServiceBackendPort()


class TypedReference(Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    kind: str = ""
    name: str = ""


class IngressBackend(Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    """`service`, or some other object of the namespace (a bucket, say) as `resource`."""

    service: IngressService | None = None
    resource: TypedReference | None = None


class IngressPath(Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    backend: IngressBackend
    path: str | None = None
    path_type: str | None = None


class IngressPaths(Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    paths: tuple[IngressPath, ...] | None = None


class IngressRule(Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    host: str | None = None
    http: IngressPaths | None = None

    @property
    def paths(self) -> tuple[IngressPath, ...]:
        return (self.http.paths if self.http else None) or ()


class IngressTLS(Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    hosts: tuple[str, ...] | None = None


class IngressSpec(Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    ingress_class_name: str | None = None
    default_backend: IngressBackend | None = None
    rules: tuple[IngressRule, ...] | None = None
    tls: tuple[IngressTLS, ...] | None = None


class Ingress(Resource, frozen=True, kw_only=True, gc=False):
    metadata: AnnotatedMeta
    spec: IngressSpec = IngressSpec()
    status: LoadBalanced = LoadBalanced()

    @property
    def annotations(self) -> dict[str, str]:
        return self.metadata.annotations or {}

    @property
    def class_name(self) -> str | None:
        """The field, or the annotation that came before it."""
        return self.spec.ingress_class_name or self.annotations.get("kubernetes.io/ingress.class")


class RouteNamespaces(Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    """Whose routes a listener takes: `Same`, `All`, `Selector` or `None`."""

    from_: str | None = field(default=None, name="from")
    selector: LabelSelector | None = None


class RouteKind(Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    kind: str = ""
    group: str | None = None


class AllowedRoutes(Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    namespaces: RouteNamespaces | None = None
    kinds: tuple[RouteKind, ...] | None = None


class Listener(Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    name: str
    port: int = 80
    protocol: str = "HTTP"
    hostname: str | None = None
    allowed_routes: AllowedRoutes | None = None


class GatewaySpec(Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    gateway_class_name: str = ""
    listeners: tuple[Listener, ...] | None = None


class GatewayAddress(Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    value: str = ""
    type: str | None = None


class GatewayStatus(Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    addresses: tuple[GatewayAddress, ...] | None = None


class Gateway(Resource, frozen=True, kw_only=True, gc=False):
    spec: GatewaySpec = GatewaySpec()
    status: GatewayStatus = GatewayStatus()

    @property
    def addresses(self) -> tuple[str, ...]:
        return tuple(a.value for a in self.status.addresses or () if a.value)


class ParentReference(Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    name: str
    namespace: str | None = None
    group: str | None = None
    kind: str | None = None
    section_name: str | None = None
    port: int | None = None


class PathMatch(Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    type: str | None = None
    value: str | None = None


class ValueMatch(Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    """A demand on a header or on a query parameter."""

    name: str
    value: str = ""
    type: str | None = None


class RouteMatch(Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    path: PathMatch | None = None
    headers: tuple[ValueMatch, ...] | None = None
    query_params: tuple[ValueMatch, ...] | None = None
    method: str | None = None


class Header(Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    name: str
    value: str = ""


class HeaderModifier(Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    set: tuple[Header, ...] | None = None
    add: tuple[Header, ...] | None = None
    remove: tuple[str, ...] | None = None


class PathModifier(Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    type: str = ""
    replace_full_path: str | None = None
    replace_prefix_match: str | None = None


class RequestRedirect(Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    scheme: str | None = None
    hostname: str | None = None
    port: int | None = None
    status_code: int | None = None
    path: PathModifier | None = None


class URLRewrite(Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    hostname: str | None = None
    path: PathModifier | None = None


class RouteFilter(Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    type: str = ""
    request_header_modifier: HeaderModifier | None = None
    response_header_modifier: HeaderModifier | None = None
    request_redirect: RequestRedirect | None = None
    url_rewrite: URLRewrite | None = None


class BackendRef(Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    name: str
    namespace: str | None = None
    group: str | None = None
    kind: str | None = None
    port: int | None = None
    weight: int | None = None
    filters: tuple[RouteFilter, ...] | None = None


class RouteRule(Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    matches: tuple[RouteMatch, ...] | None = None
    filters: tuple[RouteFilter, ...] | None = None
    backend_refs: tuple[BackendRef, ...] | None = None


class RouteSpec(Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    parent_refs: tuple[ParentReference, ...] | None = None
    hostnames: tuple[str, ...] | None = None
    rules: tuple[RouteRule, ...] | None = None


class HTTPRoute(Resource, frozen=True, kw_only=True, gc=False):
    spec: RouteSpec = RouteSpec()


class GrantFrom(Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    group: str = ""
    kind: str = ""
    namespace: str = ""


class GrantTo(Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    group: str = ""
    kind: str = ""
    name: str | None = None


class GrantSpec(Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    from_: tuple[GrantFrom, ...] | None = field(default=None, name="from")
    to: tuple[GrantTo, ...] | None = None


class ReferenceGrant(Resource, frozen=True, kw_only=True, gc=False):
    """Lets objects of other namespaces refer to objects of its own."""

    spec: GrantSpec = GrantSpec()


def age(item: Resource) -> tuple[float, str, str]:
    """A sort key: oldest first, then by namespace and name."""
    made: datetime | None = item.metadata.creation_timestamp
    return (made.timestamp() if made else 0.0, item.metadata.namespace, item.name)


def full_name(item: Resource) -> str:
    """`NAMESPACE/NAME`."""
    return f"{item.metadata.namespace}/{item.name}"


INGRESSES = Kind(name="ingresses", singular="ingress", base=NETWORKING, type=Ingress)
GATEWAYS = Kind(name="gateways", singular="gateway", base=GATEWAY_API, type=Gateway, optional=True)
HTTP_ROUTES = Kind(
    name="httproutes", singular="httproute", base=GATEWAY_API, type=HTTPRoute, optional=True
)
REFERENCE_GRANTS = Kind(
    name="referencegrants",
    singular="referencegrant",
    base=GATEWAY_API_BETA,
    type=ReferenceGrant,
    optional=True,
)
