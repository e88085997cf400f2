"""All of a cluster that a gateway looks at, at one moment. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TypeVar

from kfwd.kube.objects import EndpointSlice, Pod, Resource, Service
from kfwd.resolve.facts import Facts
from kfwd.resolve.names import Names
from kfwd.resolve.rules import Rules

T = TypeVar("T", bound=Resource)


class Landscape:
    """Objects by `NAMESPACE/NAME`; None: not readable. Valid until any of them changes."""

    def __init__(
        self,
        *,
        services: Mapping[str, Service] | None,
        slices: Mapping[str, EndpointSlice] | None,
        pods: Mapping[str, Pod] | None,
        rules: Rules,
    ) -> None:
        self.services = services
        self.rules = rules
        self._slices = slices
        self._pods = pods
        self._facts: dict[str, Facts] = {}

    @cached_property
    def names(self) -> Names:
        return Names(self.services or {}, self._pods or {}, self.rules)

    def facts(self, namespace: str) -> Facts:
        """What resolving a target of a namespace takes."""
        if namespace not in self._facts:
            self._facts[namespace] = Facts(
                services=_of(self.services, namespace),
                slices=_of(self._slices, namespace),
                pods=_of(self._pods, namespace),
            )
        return self._facts[namespace]

    def ready(self, service: Service) -> int | None:
        """How many pods behind a service are ready; None: that is not known."""
        if self._slices is None:
            return None
        key = (service.metadata.namespace, service.name)
        return len(self._ready.get(key, ()))

    @cached_property
    def _ready(self) -> dict[tuple[str, str], set[str]]:
        """The ready pods by the namespace and name of their service."""
        found: dict[tuple[str, str], set[str]] = {}
        for piece in (self._slices or {}).values():
            of = found.setdefault((piece.metadata.namespace, piece.service or ""), set())
            for member in piece.endpoints or ():
                if member.target_ref is not None and member.conditions.ready is not False:
                    of.add(member.target_ref.name)
        return found


def _of(objects: Mapping[str, T] | None, namespace: str) -> dict[str, T] | None:
    """The objects of one namespace, by name."""
    if objects is None:
        return None
    start = f"{namespace}/"
    return {key[len(start) :]: item for key, item in objects.items() if key.startswith(start)}
