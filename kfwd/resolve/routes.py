"""Every way to a target that the objects say there is (design section 8). Pure.

A service has its own routes, a pod those of the services that select it. What is listed here may
still fail: whether a route works from here only a trial shows.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct

from kfwd.api_model import RouteKind
from kfwd.errors import KfwdError, NotFound, UsageError
from kfwd.kube.objects import Service, ServicePort
from kfwd.kube.route_objects import Ingress, full_name
from kfwd.resolve import direct, endpoints, hosts, ports, selectors, words
from kfwd.resolve.facts import Endpoint, Facts, Resolution
from kfwd.resolve.route import (
    ApiProxy,
    Candidate,
    Http,
    PortForward,
    ProxyResource,
    Tcp,
    looks_tls,
    looks_web,
)
from kfwd.resolve.rule_list import LeadingRule, rules_to
from kfwd.resolve.rules import Rules
from kfwd.resolve.target import Target
from kfwd.wire.authority import authority

HOSTS_MAX = 8
"""Nodes or pods that are listed for one port."""

CANDIDATES_MAX = 256
_META = re.compile(r"[()\[\]\\^$*+?{}|]")
"""Where a path that is a regular expression stops being one that can be asked for."""

_PLAIN_PATHS = {"Exact", "Prefix", "PathPrefix"}


class Surroundings(Struct, frozen=True, kw_only=True):
    """What there is beside the objects of the namespace.

    `rules` of the whole cluster, None: not readable. `gateways` are where kfwd's own listen,
    `HOST:PORT`.
    """

    rules: Rules | None = None
    ingresses: tuple[Ingress, ...] = ()
    gateways: tuple[str, ...] = ()


def candidates(
    target: Target, port: str | None, facts: Facts, namespace: str, around: Surroundings
) -> list[Candidate]:
    """The routes to a target, or to one port of it (a number or a name).

    Raises `NotFound` for a target that is not there, `UsageError` for one that says no ports.
    """
    if target.kind == "ingresses":
        found = list(_of_ingress(target, namespace, around))
    elif target.kind == "services":
        found = list(_of_service(_service(target, facts, namespace), port, facts, around))
    else:
        found = list(_of_pods(target, port, facts, namespace, around))
    tried = [each for each in found if ports.is_port(getattr(each.trial, "port", 1))]
    unique = {(each.kind, each.address): each for each in reversed(tried)}
    return list(reversed(unique.values()))[:CANDIDATES_MAX]


def _of_service(
    service: Service, port: str | None, facts: Facts, around: Surroundings
) -> Iterator[Candidate]:
    target = Target("services", service.name)
    namespace = service.metadata.namespace
    items = _service_ports(service, port)
    if not items:
        yield _nothing(target, "it has no TCP ports")
    for item in items:
        resolution = endpoints.resolve(target, str(item.port), facts, namespace)
        web = looks_web(item.port, item.name, item.app_protocol)
        yield _port_forward(target, str(item.port), resolution, web)
        yield from _around_api(service, item, resolution.endpoints, facts, web)
        yield from _on_hosts(resolution.endpoints, facts, web)
    yield from _by_rules(service, port, around)
    for gateway in around.gateways:
        yield _by_gateway(service, gateway)


def _around_api(
    service: Service, port: ServicePort, found: Sequence[Endpoint], facts: Facts, web: bool
) -> Iterator[Candidate]:
    """The routes of one port of a service that its pods do not have themselves."""
    yield _api_proxy("services", service.metadata.namespace, service.name, _spec(port), web)
    for ip in service.spec.cluster_ips or (service.spec.cluster_ip,):
        if ip and ip != "None":
            yield _tcp("cluster-ip", ip, port.port, web, "only for what is in the cluster network")
    yield from _node_ports(service, port, found, facts, web)
    if service.spec.type == "LoadBalancer":
        yield from _load_balancers(service, port, web)


def _of_pods(
    target: Target, port: str | None, facts: Facts, namespace: str, around: Surroundings
) -> Iterator[Candidate]:
    if port is None:
        any_port = _existing(endpoints.resolve(target, "1", facts, namespace))
        if not any_port.endpoints:
            yield _nothing(target, any_port.problem.text if any_port.problem else "")
            return
        remotes = _declared(target, any_port.endpoints[0], facts)
    else:
        remotes = [port]
    for remote in remotes:
        resolution = _existing(endpoints.resolve(target, remote, facts, namespace))
        found = resolution.endpoints
        web = bool(found) and looks_web(found[0].port, "" if remote.isdigit() else remote)
        yield _port_forward(target, remote, resolution, web)
        for first in found[:1]:
            yield _api_proxy("pods", namespace, first.pod, _PortSpec(first.port, ""), web)
        yield from _on_hosts(found, facts, web)
        for service, item in _services_to(found, facts, namespace):
            yield from _around_api(service, item, found, facts, web)
            yield from _by_rules(service, item.name or str(item.port), around)


def _of_ingress(target: Target, namespace: str, around: Surroundings) -> Iterator[Candidate]:
    wanted = f"{namespace}/{target.name}"
    ingress = next((each for each in around.ingresses if full_name(each) == wanted), None)
    if ingress is None:
        raise NotFound(f"there is no {target} in namespace {namespace}")
    for name in sorted(_backends(ingress)):
        for rule in rules_to(namespace, name, around.rules) if around.rules else ():
            if rule.rule == f"ingress {wanted}":
                yield _by_rule(rule)


def _backends(ingress: Ingress) -> set[str]:
    """The services that an ingress leads to."""
    listed = [path.backend for rule in ingress.spec.rules or () for path in rule.paths]
    if ingress.spec.default_backend is not None:
        listed.append(ingress.spec.default_backend)
    return {backend.service.name for backend in listed if backend.service is not None}


class _PortSpec(Struct, frozen=True):
    number: int
    name: str
    tls: bool = False


def _spec(port: ServicePort) -> _PortSpec:
    return _PortSpec(port.port, port.name, looks_tls(port.port, port.name, port.app_protocol))


def _port_forward(target: Target, remote: str, found: Resolution, web: bool) -> Candidate:
    address = f"{target}:{remote}"
    if not found.endpoints:
        why = found.problem.text if found.problem else "nothing is behind it"
        return Candidate(kind="port-forward", address=address, state="fails", note=why, web=web)
    first = found.endpoints[0]
    trial = PortForward(namespace=first.namespace, pod=first.pod, port=first.port)
    note = f"now {first.pod} port {first.port}"
    return Candidate(kind="port-forward", address=address, trial=trial, note=note, web=web)


def _api_proxy(
    resource: ProxyResource, namespace: str, name: str, port: _PortSpec, web: bool
) -> Candidate:
    """The port by its number: a name would be looked for as it is (protocol notes F.2)."""
    id_ = f"{'https:' if port.tls else ''}{name}:{port.number}"
    path = f"/api/v1/namespaces/{namespace}/{resource}/{id_}/proxy/"
    trial = ApiProxy(resource=resource, namespace=namespace, id=id_, path=path, web=web)
    return Candidate(kind="api-proxy", address=path, trial=trial, web=web)


def _node_ports(
    service: Service, port: ServicePort, found: Sequence[Endpoint], facts: Facts, web: bool
) -> Iterator[Candidate]:
    if not port.node_port:
        return
    local = service.spec.external_traffic_policy == "Local"
    serving = {endpoint.node for endpoint in found}
    known = direct.node_hosts(facts)
    for node, host in known[:HOSTS_MAX]:
        if local and node not in serving:
            why = f"{node} runs no ready pod of it, and externalTrafficPolicy is Local"
            address = authority(host, port.node_port)
            yield Candidate(kind="node-port", address=address, state="fails", note=why, web=web)
        else:
            yield _tcp("node-port", host, port.node_port, web, f"node {node}")
    if not known:
        address = f"<any node>:{port.node_port}"
        yield Candidate(kind="node-port", address=address, note="nodes may not be read", web=web)


def _load_balancers(service: Service, port: ServicePort, web: bool) -> Iterator[Candidate]:
    ranges = service.spec.load_balancer_source_ranges
    note = f"for clients in {', '.join(ranges)}" if ranges else ""
    for address in direct.load_balancers(service, port):
        yield _tcp("load-balancer", address.host, address.port, web, note)
    if not service.status.load_balancer.addresses:
        why = "no provider has given it an address"
        yield Candidate(
            kind="load-balancer", address="<pending>", state="pending", note=why, web=web
        )


def _on_hosts(found: Sequence[Endpoint], facts: Facts, web: bool) -> Iterator[Candidate]:
    for each in direct.of_pods(found[:HOSTS_MAX], facts):
        yield _tcp(each.kind, each.host, each.port, web, f"{each.pod} on {each.node}")


def _tcp(kind: RouteKind, host: str, port: int, web: bool, note: str = "") -> Candidate:
    trial = Tcp(host=host, port=port)
    return Candidate(kind=kind, address=authority(host, port), trial=trial, note=note, web=web)


def _by_rules(service: Service, port: str | None, around: Surroundings) -> Iterator[Candidate]:
    if around.rules is None:
        return
    names = {port} if port else None
    for item in service.ports:
        if port in {item.name, str(item.port)}:
            names = {item.name, str(item.port)}
    for rule in rules_to(service.metadata.namespace, service.name, around.rules):
        if names is None or rule.port in names:
            yield _by_rule(rule)


def _by_rule(rule: LeadingRule) -> Candidate:
    """A rule as the URL that it makes."""
    scheme, port = ("https", 443) if rule.tls else ("http", 80)
    path = rule.path if rule.path_type in _PLAIN_PATHS else _META.split(rule.path)[0]
    host = rule.host or next(iter(rule.addresses), "")
    shown = f"[{host}]" if ":" in host else host
    url = f"{scheme}://{shown or '<pending>'}{path or '/'}"
    notes = [rule.rule, *rule.notes]
    if not rule.addresses:
        of_class = f" of class {rule.class_name}" if rule.class_name else ""
        notes.append(f"no controller{of_class} has given it an address")
    note = "; ".join(notes)
    if not host:
        return Candidate(kind=rule.kind, address=url, state="pending", note=note, web=True)
    if hosts.is_wildcard(host):
        note = f"any name under {host[2:]}; {note}"
        return Candidate(kind=rule.kind, address=url, note=note, web=True)
    trial = Http(
        tls=rule.tls, host=host, port=port, authority=shown, path=path or "/", at=rule.addresses
    )
    return Candidate(kind=rule.kind, address=url, trial=trial, note=note, web=True)


def _by_gateway(service: Service, listen: str) -> Candidate:
    host, _, port = listen.rpartition(":")
    name = f"{service.name}.{service.metadata.namespace}.localhost:{port}"
    trial = Http(tls=False, host=host.strip("[]"), port=int(port), authority=name, path="/")
    return Candidate(kind="gateway", address=f"http://{name}/", trial=trial, web=True)


def _service(target: Target, facts: Facts, namespace: str) -> Service:
    if facts.services is None:
        raise KfwdError(f"the services of namespace {namespace} cannot be read")
    if (found := facts.services.get(target.name or "")) is not None:
        return found
    hint = words.did_you_mean(target.name or "", facts.services, "svc")
    raise NotFound(f"there is no {target} in namespace {namespace}", hint=hint)


def _service_ports(service: Service, port: str | None) -> list[ServicePort]:
    known = [each for each in service.ports if each.protocol == "TCP"]
    if port is None:
        return known
    found = [each for each in known if port in {each.name, str(each.port)}]
    if not found and service.headless and port.isdigit():
        return [ServicePort(port=int(port))]
    if not found:
        text, hint = f"svc/{service.name} has no port {port}", words.service_ports(service)
        raise NotFound(text, code="no-such-port", hint=hint)
    return found


def _nothing(target: Target, why: str) -> Candidate:
    return Candidate(kind="port-forward", address=str(target), state="fails", note=why)


def _declared(target: Target, endpoint: Endpoint, facts: Facts) -> list[str]:
    """The ports that a target's pod declares."""
    pod = (facts.pods or {})[endpoint.pod]
    ports = [each for each in pod.ports() if each.protocol == "TCP"]
    if not ports:
        raise UsageError(f"{target} declares no ports", hint=f"say which one: {target}:8080")
    return list(dict.fromkeys(each.name or str(each.container_port) for each in ports))


def _existing(resolution: Resolution) -> Resolution:
    problem = resolution.problem
    if problem is not None and problem.code == "not-found":
        raise NotFound(problem.text, hint=problem.hint)
    return resolution


def _services_to(
    found: Sequence[Endpoint], facts: Facts, namespace: str
) -> Iterator[tuple[Service, ServicePort]]:
    """The services, and which of their ports, that lead to any of the endpoints."""
    pods = facts.pods or {}
    labels = [pods[each.pod].labels for each in found if each.pod in pods]
    for service in (facts.services or {}).values():
        if not _selects(service, labels):
            continue
        target = Target("services", service.name)
        for port in service.ports:
            if port.protocol == "TCP" and not service.headless:
                behind = endpoints.resolve(target, str(port.port), facts, namespace).endpoints
                if {(e.uid, e.port) for e in behind} & {(e.uid, e.port) for e in found}:
                    yield service, port


def _selects(service: Service, labels: Iterable[dict[str, str]]) -> bool:
    if not service.spec.selector:
        return False
    selector = selectors.from_labels(service.spec.selector)
    return any(selector.accepts(each) for each in labels)
