"""What can be reached through a gateway right now, as links. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Literal

from msgspec import Struct

from kfwd.kube.objects import Service
from kfwd.resolve import hosts
from kfwd.resolve.landscape import Landscape
from kfwd.resolve.names import ANY_RULES, LOCAL, usual_port
from kfwd.resolve.rule_list import LeadingRule, every_rule

Mood = Literal["good", "bad", "dim"]


class Link(Struct, frozen=True):
    text: str
    url: str


class Row(Struct, frozen=True, kw_only=True):
    """One thing that can be reached, or why it cannot."""

    name: str
    state: str
    mood: Mood
    links: tuple[Link, ...] = ()
    notes: tuple[str, ...] = ()


class Overview(Struct, frozen=True):
    """Rows under their titles."""

    sections: tuple[tuple[str, tuple[Row, ...]], ...]


def overview(known: Landscape, port: str) -> Overview:
    """`port` is the gateway's own, as the client has it."""
    services = [service for _, service in sorted((known.services or {}).items())]
    routes = tuple(_routes(known, port))
    sections = [("Hosts", routes)] if routes else []
    by_namespace = groupby(services, key=lambda service: service.metadata.namespace)
    for namespace, members in by_namespace:
        rows = tuple(_service(known, service, port) for service in members)
        sections.append((f"Namespace {namespace}", rows))
    return Overview(tuple(sections))


def _service(known: Landscape, service: Service, port: str) -> Row:
    if service.spec.type == "ExternalName":
        state = f"an alias of {service.spec.external_name}: not in the cluster"
        return Row(name=service.name, state=state, mood="dim")
    ready = known.ready(service)
    state = "not known" if ready is None else f"{ready} ready"
    mood: Mood = "dim" if ready is None else "good" if ready else "bad"
    links = tuple(_service_links(service, port))
    if not links and service.ports:
        return Row(name=service.name, state="no TCP port", mood="dim")
    return Row(name=service.name, state=state, mood=mood, links=links)


def _service_links(service: Service, port: str) -> Iterator[Link]:
    """The usual port under the service's name, the others beside it."""
    host = f"{service.name}.{service.metadata.namespace}{LOCAL}"
    usual = usual_port(service)
    if usual is None and not service.headless:
        return
    yield Link(service.name, _url(host, port))
    for each in service.ports:
        if each is not usual and each.protocol == "TCP":
            label = each.name or str(each.port)
            yield Link(f":{label}", _url(f"{label}.{host}", port))


def _routes(known: Landscape, port: str) -> Iterator[Row]:
    """Every rule, by a name that a browser finds without DNS."""
    found = sorted(every_rule(known.rules), key=lambda rule: (rule.host, rule.path, rule.rule))
    for rule in found:
        where = f"{rule.rule} to {rule.service}:{rule.port}"
        service = (known.services or {}).get(f"{rule.namespace}/{rule.service}")
        ready = known.ready(service) if service is not None else 0
        yield Row(
            name=f"{rule.host or 'any host'}{rule.path}",
            links=_rule_links(rule, port),
            state=where if ready is None else f"{where}, {ready} ready",
            mood="bad" if ready == 0 else "good" if ready else "dim",
            notes=rule.notes,
        )


def _rule_links(rule: LeadingRule, port: str) -> tuple[Link, ...]:
    """A wildcard names no host to go to, and a regular expression no path."""
    if hosts.is_wildcard(rule.host):
        return ()
    host = f"{rule.host}{LOCAL}" if rule.host else ANY_RULES
    plain = rule.path if rule.path.replace("/", "").replace("-", "").isalnum() else "/"
    return (Link(f"{rule.host or 'any host'}{rule.path}", _url(host, port, plain)),)


def _url(host: str, port: str, path: str = "/") -> str:
    authority = host if port == "80" else f"{host}:{port}"
    return f"http://{authority}{path}"
