"""The ways to a target."""

from __future__ import annotations

from kfwd.api_model import RouteList, RoutesRequest
from kfwd.daemon.api.route import Call, Nothing, Route


async def get_routes(call: Call[RoutesRequest, Nothing]) -> RouteList:
    """Every way to a target, tried from here."""
    return await call.daemon.routes(call.query)


ROUTES = (Route("GET", "/v1/routes", get_routes, RouteList, query=RoutesRequest),)
