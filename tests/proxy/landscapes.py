"""A cluster as a gateway knows it, and a way to ask about it without a network."""

from __future__ import annotations

from typing import Any

from kfwd.errors import KfwdError
from kfwd.kube.objects import Service
from kfwd.proxy.upstream import Client
from kfwd.resolve import rules
from kfwd.resolve.landscape import Landscape
from kfwd.resolve.names import ToPod, ToService
from kfwd.resolve.rules import RuleObjects
from kfwd.wire import http1
from kfwd.wire.http1 import RequestHead
from tests.resolve.builders import member, piece, pod, service
from tests.resolve.rules import gateway, http_route, ingress, route_rule

CLIENT = Client("127.0.0.1:54321", "127.0.0.1:8888")
WEB = ToService("shop", "web", "80")


def by_key(*objects: Any) -> dict[str, Any]:
    return {f"{each.metadata.namespace}/{each.name}": each for each in objects}


def landscape(**more: Any) -> Landscape:
    """Services `web` (two ready pods), `admin` (none) and `out` (an alias), and rules to them."""
    services: dict[str, Service] = by_key(
        service("web", {"name": "http", "port": 80}, {"name": "metrics", "port": 9090}),
        service("admin", {"port": 8080}, clusterIP="10.96.0.9"),
        service("out", type="ExternalName", externalName="db.example.com"),
    )
    objects = RuleObjects(
        ingresses=[
            ingress("a", ("foo.bar.com", "Prefix", "/foo", "web"), rewrite_target="/"),
            ingress("b", ("plain.example", "Prefix", "/", "web")),
            ingress("c", ("broken.example", "Prefix", "/", "gone")),
            ingress("d", ("*.wild.example", "Prefix", "/", "admin:8080")),
            ingress("e", ("", "Prefix", "/any", "web")),
        ],
        routes=[
            http_route(
                "r",
                route_rule(
                    "web",
                    path="/",
                    filters=[
                        {
                            "type": "RequestHeaderModifier",
                            "requestHeaderModifier": {"set": [{"name": "X-Asked", "value": "1"}]},
                        },
                        {
                            "type": "ResponseHeaderModifier",
                            "responseHeaderModifier": {"set": [{"name": "X-Told", "value": "1"}]},
                        },
                    ],
                ),
                route_rule(
                    path="/old",
                    filters=[
                        {"type": "RequestRedirect", "requestRedirect": {"hostname": "new.example"}}
                    ],
                ),
                hosts=["route.example"],
            )
        ],
        gateways={"infra/public": gateway()},
    )
    known = {
        "services": services,
        "slices": by_key(piece(member("web-1"), member("web-2"), of="web")),
        "pods": by_key(pod("web-1", podIP="10.0.0.1"), pod("web-2", podIP="10.0.0.2")),
        "rules": rules.build(objects),
    }
    return Landscape(**(known | more))


class Reach:
    """A cluster whose servers are `upstreams`; `asked` has the places that they were for."""

    name = "dev"
    problems: tuple[str, ...] = ()

    def __init__(self, upstreams: Any = None) -> None:
        self.known = landscape()
        self.error: KfwdError | None = None
        self.asked: list[tuple[ToService | ToPod, bool]] = []
        self._upstreams = upstreams

    async def landscape(self) -> Landscape:
        if self.error is not None:
            raise self.error
        return self.known

    def upstreams(self, place: ToService | ToPod, *, reuse: bool) -> Any:
        self.asked.append((place, reuse))
        return self._upstreams


def head(target: str, host: str, *lines: tuple[str, str], method: str = "GET") -> RequestHead:
    """A request as it is parsed from the wire."""
    return http1.parse_request(http1.encode_request(method, target, [("Host", host), *lines]))
