"""What can be done with the routes to a target: open one, or make a forward. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from kfwd.api_model import RouteList, RouteView
from kfwd.client.address import TLS_PORTS, url
from kfwd.errors import KfwdError

WITHOUT_URL = {"port-forward", "api-proxy"}


def best(routes: Iterable[RouteView]) -> RouteView | None:
    """The first route that works and that has a URL."""
    usable = (route for route in routes if route.state == "works" and route.kind not in WITHOUT_URL)
    return next(usable, None)


def is_web(route: RouteView) -> bool:
    """Whether its URL is certainly right: the number of another port tells nothing."""
    return route.layer == 7 or route.address.rpartition(":")[2] in ("80", *TLS_PORTS)


def url_of(route: RouteView) -> str:
    """A route's own URL, or that of its address; only for kinds that are not `WITHOUT_URL`."""
    if route.layer == 7:
        return route.address
    return url(route.address, route.address.rpartition(":")[2])


def forwardable(found: RouteList) -> tuple[str, str]:
    """The target and the port that a forward can be made to. Raises `KfwdError` with the reason."""
    ways = [route for route in found.routes if route.kind == "port-forward"]
    works = next((route for route in ways if route.state == "works"), None)
    if works is None:
        why = next((route.note for route in ways), "there is no route to it")
        raise KfwdError(
            f"{found.target} cannot be reached from here: {why}",
            hint=f"kfwd routes {found.target} shows every way",
            code="no-route",
        )
    return target_of(works)


def target_of(route: RouteView) -> tuple[str, str]:
    """The target and the port of a port-forward."""
    target, _, port = route.address.rpartition(":")
    return target, port
